// Every spool keeps the contract of spools.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { openDiskThread } from "../../../src/disk.ts";
import { openMemorySpool } from "../../../src/spool/memory.ts";
import { openSqliteSpool } from "../../../src/spool/sqlite.ts";
import { openWorkerSpool } from "../../../src/spool/worker.ts";
import { testSpool } from "../../contract/spool.ts";

const root = mkdtempSync(join(tmpdir(), "moustash-spool-"));

after(async () => {
  await thread[Symbol.asyncDispose]();
  rmSync(root, { recursive: true });
});
const fresh = () => mkdtempSync(join(root, "s-"));
const thread = openDiskThread();

testSpool("memory", openMemorySpool);
testSpool("SQLite, in the calling thread", ({ mostBytes }) =>
  openSqliteSpool({ directory: fresh(), mostBytes }),
);
testSpool("SQLite, in a thread of its own", ({ mostBytes }) =>
  openWorkerSpool(thread, { directory: fresh(), mostBytes }),
);
