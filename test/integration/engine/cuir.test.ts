// Cuir's image at work: a service that stops and starts, a silence, a list that changes, a restart, a dependency.
import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { docker, eventually, hardened, noEngine, removeAll, testName } from "./docker.ts";

const name = testName("cuir");
const cuirName = `${name}-prober`;

// oxlint-disable-next-line typescript/no-explicit-any
type Decoded = any;

describe("Cuir's image", { skip: noEngine }, () => {
  let folder: string;
  const list = (extra = "") =>
    `[Moustash]\ntransport = stdout\nhost = trial-1\n[Cuir]\ninterval = 300ms\nrecheck = 100ms\ntimeout = 2s\nDoor: ${name}-door:9797:the front door\nRoom: tcp://${name}-room:9797 behind it\n${extra}[Cuir:Room]\ndepends_on = Door\n`;

  before(async () => {
    await removeAll(name);
    folder = await mkdtemp(join(tmpdir(), "moustash-cuir-"));
    await chmod(folder, 0o755);
    await swap("..first", list());
    await symlink("..data/moustash.ini", join(folder, "moustash.ini"));
    await docker("network", "create", "--label", name, name);
    await docker("volume", "create", "--label", name, name);
    // What is probed: another Cuir, whose page listens.
    for (const service of ["door", "room"]) await startService(service);
    const volumes = [`${name}:/var/lib/moustash`, `${folder}:/usr/local/etc/moustash:ro`];
    await start(cuirName, ...volumes.flatMap((volume) => ["--volume", volume]));
  });

  after(async () => {
    await removeAll(name);
    await rm(folder, { recursive: true, force: true });
  });

  /** As the kubelet changes a ConfigMap: a new folder, and a link that is renamed over the one that names it. */
  async function swap(version: string, text: string) {
    await mkdir(join(folder, version));
    await writeFile(join(folder, version, "moustash.ini"), text);
    await symlink(version, join(folder, "..data_tmp"));
    await rename(join(folder, "..data_tmp"), join(folder, "..data"));
  }

  const start = (container: string, ...options: string[]) => {
    const own = ["--name", container, "--label", name, "--network", name];
    return docker("run", "--detach", ...own, ...hardened, ...options, "moustash/cuir:latest");
  };

  const startService = (service: string) =>
    start(`${name}-${service}`, "--env", "MOUSTASH_TRANSPORT=stdout", "--env", "MOUSTASH_SPOOL=none");

  const events = async () =>
    (await docker("logs", cuirName))
      .split("\n")
      .filter((line) => line.startsWith('{"@timestamp"'))
      .map((line): Decoded => JSON.parse(line));

  const find = (what: string, holds: (event: Decoded) => boolean, from = 0): Promise<Decoded> =>
    eventually(what, async () => (await events()).slice(from).find(holds));

  const about =
    (program: string, ...tags: string[]) =>
    (event: Decoded) =>
      event.program === program && tags.every((tag) => event.tags.includes(tag));

  const isUp = (program: string) =>
    eventually(`${program} is seen up`, async () => {
      const rows = await status();
      return rows.find((row) => row.program === program && row.status === "up");
    });

  // --status ends with 1 while something is down.
  async function status(): Promise<Decoded[]> {
    const text = await docker("exec", cuirName, "/opt/moustash/bin/cuir", "--status").catch(
      (error: unknown) => String(error),
    );
    return text
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line));
  }

  test("a service goes and comes back; what depends on it stays quiet", async () => {
    await isUp("Door");
    await isUp("Room");
    await docker("kill", `${name}-door`, `${name}-room`);
    const down = await find("the door's end", about("Door", "down"));
    assert.deepEqual(down.tags, ["cuir", "Door", "down", "notification"]);
    assert.match(down.cuir.cause, /^(refused|unreachable|timeout|name_not_found)$/);
    const quiet = await find("the room's end", about("Room", "down"));
    assert.equal(quiet.cuir.suppressed_by, "Door");
    assert.equal(quiet.moustash.notify, false);
    await docker("start", `${name}-door`, `${name}-room`);
    const up = await find("the door's return", about("Door", "up"));
    assert.equal(up.message, "RECOVERED: the front door");
    assert.equal(up.cuir.episode, down.cuir.episode);
    await find("the room's return", about("Room", "up"));
  });

  test("a silence by docker exec, a list that is swapped, and a restart that remembers", async () => {
    await docker("exec", cuirName, "/opt/moustash/bin/cuir", "--silence", "Door", "1h", "painted");
    await find("the silence", about("Door", "silence", "begins"));
    await swap("..second", list("Third: 127.0.0.1:1:x\n"));
    const changed = await find("the new list", about("cuir", "configuration", "changed"));
    assert.deepEqual(changed.cuir.added, ["Third"]);
    const third = await find("the third's end", about("Third", "down"));
    assert.match(third.cuir.summary, /container itself/);
    const before = (await events()).length;
    await docker("kill", `${name}-door`);
    const down = await find("the door's second end", about("Door", "down", "silenced"), before);
    assert.equal(down.moustash.notify, false);
    await docker("kill", cuirName);
    await docker("start", `${name}-door`);
    const known = (await events()).length;
    await docker("start", cuirName);
    const up = await find("the door's second return", about("Door", "up"), known);
    assert.equal(up.cuir.episode, down.cuir.episode);
    assert.equal(
      (await events()).slice(known).filter(about("Third", "down", "notification")).length,
      0,
      "it was told before",
    );
  });
});
