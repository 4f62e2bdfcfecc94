// The disk that is full, read-only, not ours or none, on small file systems that the test mounts.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { Envelope } from "../../../src/envelope.ts";
import { openSpool } from "../../../src/spool/open.ts";
import { judgePlace } from "../../../src/spool/place.ts";
import { SpoolError } from "../../../src/spool/spool.ts";
import { openSqliteSpool } from "../../../src/spool/sqlite.ts";
import { makeRun } from "../../contract/spool.ts";

const root = fs.mkdtempSync(join(tmpdir(), "moustash-disk-"));
const mounted: string[] = [];
after(() => {
  for (const place of mounted) execFileSync("umount", ["--lazy", place]);
  fs.rmSync(root, { recursive: true });
});
const asRoot = { skip: process.getuid!() === 0 ? false : "mounting a file system needs root" };
let mounts = 0;

/** A small ext4 in a file, or undefined where the kernel lets us mount none. */
function mountSmall(kilobytes: number, blockBytes = 4096): string | undefined {
  mounts += 1;
  const image = join(root, `${mounts}.img`);
  const place = join(root, `${mounts}`);
  fs.mkdirSync(place);
  fs.writeFileSync(image, "");
  fs.truncateSync(image, kilobytes * 1024);
  try {
    execFileSync("mkfs.ext4", ["-q", "-m", "0", "-b", `${blockBytes}`, "-O", "^has_journal", image], {
      stdio: "ignore",
    });
    execFileSync("mount", ["-o", "loop", image, place], { stdio: "ignore" });
  } catch {
    return undefined;
  }
  mounted.push(place);
  return place;
}

const all = { count: 1_000_000, bytes: 2 ** 30 };

for (const blockBytes of [4096, 1024]) {
  const name = `a full disk in blocks of ${blockBytes}: what is there is drained, in order, and room is used again`;
  test(name, asRoot, async (t) => {
    const place = mountSmall(3000, blockBytes);
    if (!place) return t.skip("no loop device can be mounted here");
    await using spool = openSqliteSpool({ directory: join(place, "spool"), mostBytes: 2 ** 30 });
    const { many } = makeRun();
    const kept: Envelope[] = [];
    const fill = async () => {
      for (;;) {
        const rows = many(50);
        await spool.add(rows);
        kept.push(...rows);
      }
    };
    await assert.rejects(fill(), { name: "SpoolError", code: "spool_full" });
    assert.ok(kept.length > 100);
    for (let left = kept; left.length > 0;) {
      await using drain = (await spool.drain())!;
      const rows = await drain.next({ count: 100, bytes: 2 ** 20 });
      assert.deepEqual(rows, left.slice(0, rows.length), "in order, none twice, though the disk is full");
      assert.ok(rows.length > 0);
      await drain.remove(rows);
      left = left.slice(rows.length);
    }
    const more = many(50);
    assert.deepEqual(await spool.add(more), { refused: [] });
    await using drain = (await spool.drain())!;
    assert.deepEqual(await drain.next(all), more);
    await spool[Symbol.asyncDispose]();
  });
}

test("a disk that large batches of several filled can be emptied", asRoot, async (t) => {
  const place = mountSmall(3000);
  if (!place) return t.skip("no loop device can be mounted here");
  const options = { directory: join(place, "spool"), mostBytes: 2 ** 30 };
  await using reader = openSqliteSpool(options);
  let kept = 0;
  // The last that fit are of any size; each comes from a process of its own, while another has the file open.
  for (const count of [1500, 1000, 700, 500, 300, 200, 100, 50, 20, 10, 5, 2, 1]) {
    for (;;) {
      await using writer = openSqliteSpool(options);
      await reader.status();
      const refused = await writer.add(makeRun().many(count)).then(
        () => undefined,
        (error: unknown) => error as SpoolError,
      );
      if (refused) {
        assert.equal(refused.code, "spool_full");
        break;
      }
      kept += count;
    }
  }
  await reader[Symbol.asyncDispose]();
  for (let left = kept; left > 0;) {
    // Another process each time: what was not removed is there again.
    await using spool = openSqliteSpool(options);
    assert.equal((await spool.status()).count, left);
    await using drain = (await spool.drain())!;
    const rows = await drain.next({ count: 1024, bytes: 2 ** 22 });
    await drain.remove(rows);
    left -= rows.length;
  }
  await using spool = openSqliteSpool(options);
  assert.equal((await spool.status()).count, 0);
  await spool[Symbol.asyncDispose]();
});

test("a disk turned read-only says so, and is used again when it is mended", asRoot, async (t) => {
  const place = mountSmall(8000);
  if (!place) return t.skip("no loop device can be mounted here");
  await using spool = openSqliteSpool({ directory: place, mostBytes: 2 ** 30 });
  const { many } = makeRun();
  const first = many(5);
  await spool.add(first);
  await spool[Symbol.asyncDispose]();
  execFileSync("mount", ["-o", "remount,ro", place]);
  const lost = many(1);
  await assert.rejects(spool.add(lost), (error: unknown) => {
    assert.ok(error instanceof SpoolError);
    assert.equal(error.code, "spool_unwritable");
    assert.match(error.message, /read-only|readonly/);
    return true;
  });
  execFileSync("mount", ["-o", "remount,rw", place]);
  const second = many(5);
  await spool.add(second);
  await using drain = (await spool.drain())!;
  assert.deepEqual(await drain.next(all), [...first, ...second]);
  await spool[Symbol.asyncDispose]();
});

test("a directory of somebody else's gives owner, our uid and the remedy", asRoot, () => {
  const place = join(root, "foreign");
  fs.mkdirSync(place, { mode: 0o755 });
  const script = `
    import { openSqliteSpool } from ${JSON.stringify(new URL("../../../src/spool/sqlite.ts", import.meta.url))};
    import { makeRun } from ${JSON.stringify(new URL("../../contract/spool.ts", import.meta.url))};
    process.setgid(65532);
    process.setuid(65532);
    const spool = openSqliteSpool({ directory: ${JSON.stringify(place)}, mostBytes: 1e9 });
    await spool.add(makeRun().many(1)).catch((error) => console.log(error.code, error.message));`;
  fs.chmodSync(root, 0o755);
  const said = execFileSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
  assert.match(said, /^spool_unwritable the spool .*foreign cannot be written: /);
  assert.match(said, /belongs to 0:0 \(mode 0755\), we are 65532:65532: chown 65532:65532 /);
});

test("memory is no disk: tmpfs, and the container's own layer", asRoot, (t) => {
  const lower = ["lower", "upper", "work", "merged"].map((name) => join(root, name));
  for (const folder of lower) fs.mkdirSync(folder);
  const place = join(root, "tmpfs");
  fs.mkdirSync(place);
  try {
    execFileSync("mount", ["-t", "tmpfs", "tmpfs", place], { stdio: "ignore" });
    mounted.push(place);
    const options = `lowerdir=${lower[0]},upperdir=${lower[1]},workdir=${lower[2]}`;
    execFileSync("mount", ["-t", "overlay", "overlay", "-o", options, lower[3]!], { stdio: "ignore" });
    mounted.push(lower[3]!);
  } catch {
    return t.skip("no file system can be mounted here");
  }
  const [onTmpfs, onOverlay] = [join(place, "not", "yet"), join(lower[3]!, "moustash")];
  const small = mountSmall(3000);
  if (small) assert.deepEqual(judgePlace(small), { is: "disk" });
  assert.match(
    JSON.stringify(judgePlace(onTmpfs)),
    /"memory".*tmpfs, which dies with the container: mount a volume/,
  );
  assert.match(JSON.stringify(judgePlace(onOverlay)), /"memory".*container's own overlay/);
  const said: string[] = [];
  const spool = openSpool({ directory: onTmpfs, mostBytes: 1000, report: (message) => said.push(message) });
  assert.equal(spool.durable, false);
  assert.match(said.join(), /^the spool is memory: .* mount a volume on/);
});

test("the kernel's own file systems are no place: Node tries for ever to make a folder there", () => {
  for (const place of ["/proc/moustash", "/sys/moustash"])
    assert.throws(
      () => judgePlace(place),
      (error) => {
        assert.ok(error instanceof SpoolError);
        assert.match(error.message, /lies on (procfs|sysfs)/);
        return true;
      },
    );
});
