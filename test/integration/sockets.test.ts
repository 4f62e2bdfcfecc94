// Fouet on a socket, with each kind of relay in a real supervisord: nothing lost, nothing twice, through cuts and kills.
import { strict as assert } from "node:assert";
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setup } from "../../src/commands/setup.ts";
import { poll } from "../servers/poll.ts";
import { startSupervisord, type Supervisord } from "../servers/supervisord.ts";

const root = join(import.meta.dirname, "../..");
const folders: string[] = [];
after(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

interface Event {
  readonly message: string;
  readonly fouet: Readonly<Record<string, unknown>>;
  readonly moustash: { readonly id: string };
}

/** Fouet on a socket, with a file for a broker. */
function startFouet(words: Readonly<Record<string, string>> = {}) {
  const folder = mkdtempSync(join(tmpdir(), "moustash-fouet-"));
  folders.push(folder);
  const socket = join(folder, "fouet.sock");
  const file = join(folder, "broker.ndjson");
  let child: ChildProcess;
  let complaint = "";
  const start = async () => {
    child = spawn(
      process.execPath,
      [join(root, "test/servers/fouet-on-file.ts"), file, JSON.stringify({ listen: socket, ...words })],
      { env: { ...process.env, TRIAL_STORE: join(folder, "store") }, stdio: ["ignore", "ignore", "pipe"] },
    );
    child.stderr!.on("data", (chunk) => (complaint += String(chunk)));
    const running = child;
    await poll(
      () => {
        if (running.exitCode !== null) throw new Error(`Fouet ended: ${complaint}`);
        return complaint.includes("listening");
      },
      { what: "Fouet to listen" },
    );
  };
  return {
    socket,
    folder,
    start,
    complaint: () => complaint,
    async end(signal: NodeJS.Signals) {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const closed = new Promise((resolve) => child.once("exit", resolve));
      child.kill(signal);
      await closed;
      complaint = "";
    },
    events: () =>
      existsSync(file)
        ? readFileSync(file, "utf8")
            .split("\n")
            .filter((line) => line !== "")
            .map((line) => JSON.parse(line) as Event)
        : [],
  };
}

/** The section as `fouet --setup` prints it, with our source in the binary's place. */
function section(way: string, socket: string): string {
  const binary = `${process.execPath} ${join(root, "src/main.ts")} fouet --config none`;
  return setup([way, socket], [])
    .replaceAll("/opt/moustash/bin/fouet", binary)
    .replaceAll("/dev/stderr", "%DIR%/relay.err");
}

const program = (name: string, more = "") => `[program:${name}]\ncommand=sleep 600\nstartsecs=0\n${more}\n`;

const serialsOf = (events: readonly Event[]) =>
  events.filter(({ message }) => message !== "lost").map(({ fouet }) => Number(fouet["serial"]));

const witnessedSerials = (supervisord: Supervisord) =>
  supervisord.witnessed().flatMap(({ serial, pools }) => (pools && "fouet" in pools ? [serial!] : []));

const restart = async (supervisord: Supervisord, times: number) => {
  for (let at = 0; at < times; at += 1) await supervisord.ctl("restart", "p");
};

for (const way of ["socat", "python", "relay"]) {
  test(`${way}: nothing lost and nothing twice, through kill -9 of Fouet and cuts of the relay`, async () => {
    const fouet = startFouet();
    await fouet.start();
    await using supervisord = await startSupervisord({ sections: section(way, fouet.socket) + program("p") });
    await poll(() => fouet.events().length > 2, { what: "the first events" });
    const work = restart(supervisord, 6);
    await poll(() => fouet.events().length > 10, { what: "events" });
    await fouet.end("SIGKILL");
    assert.ok(existsSync(fouet.socket), "a socket file of the dead stays");
    await supervisord.ctl("restart", "p");
    await fouet.start();
    const relay = Number(
      (await supervisord.ctl("pid", "fouet:fouet")).trim() || (await supervisord.ctl("pid", "fouet")).trim(),
    );
    process.kill(relay, "SIGKILL");
    await work;
    await fouet.end("SIGTERM");
    await supervisord.ctl("restart", "p");
    await fouet.start();
    await restart(supervisord, 2);
    const wanted = witnessedSerials(supervisord).at(-1)!;
    await poll(() => serialsOf(fouet.events()).includes(wanted), { what: `serial ${wanted}` });
    const got = fouet.events();
    assert.deepEqual(
      got.filter(({ message }) => message === "lost"),
      [],
    );
    assert.equal(new Set(got.map(({ fouet }) => fouet["life"])).size, 1);
    assert.equal(new Set(got.map(({ moustash }) => moustash.id)).size, new Set(serialsOf(got)).size);
    const missing = witnessedSerials(supervisord).filter((serial) => !serialsOf(got).includes(serial));
    assert.deepEqual(missing, []);
    await fouet.end("SIGTERM");
    assert.equal(existsSync(fouet.socket), false);
  });
}
