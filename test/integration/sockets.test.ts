// Fouet on a socket, with each kind of relay in a real supervisord: nothing lost, nothing twice, through cuts and kills.
import { strict as assert } from "node:assert";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setup } from "../../src/commands/setup.ts";
import { type Child, awaitStart, eventually, startChild, temporaryFolder } from "../servers/server.ts";
import { startSupervisord, type Supervisord } from "../servers/supervisord.ts";

const root = join(import.meta.dirname, "../..");
interface Event {
  readonly message: string;
  readonly fouet: Readonly<Record<string, unknown>>;
  readonly moustash: { readonly id: string };
}

/** Fouet on a socket, with a file for a broker. */
async function createFouet(words: Readonly<Record<string, string>> = {}) {
  const folder = await temporaryFolder("moustash-fouet-");
  const socket = join(folder.path, "fouet.sock");
  const file = join(folder.path, "broker.ndjson");
  let child: Child | undefined;
  return {
    socket,
    async start() {
      const script = join(root, "test/servers/fouet-on-file.ts");
      const started = startChild(
        process.execPath,
        [script, file, JSON.stringify({ listen: socket, ...words })],
        {
          env: { ...process.env, TRIAL_STORE: join(folder.path, "store") },
        },
      );
      child = started;
      await awaitStart(started, () => started.output().includes("listening"), { what: "Fouet" });
    },
    end: async (signal: NodeJS.Signals) => child?.end(signal),
    events: () =>
      (existsSync(file) ? readFileSync(file, "utf8") : "")
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as Event),
    async [Symbol.asyncDispose]() {
      await child?.end("SIGKILL");
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** The section as `fouet --setup` prints it, with our source in the binary's place. */
function section(way: string, socket: string): string {
  const binary = `${process.execPath} ${join(root, "src/main.ts")} fouet --config none`;
  return setup([way, socket], [])
    .replaceAll("/opt/moustash/bin/fouet", binary)
    .replaceAll("/dev/stderr", "%DIR%/relay.err");
}

// A SIGTERM between fork and exec is lost in the child, and its end comes after stopwaitsecs.
const program = (name: string) => `[program:${name}]\ncommand=sleep 600\nstartsecs=0\nstopsignal=KILL\n`;

const serialsOf = (events: readonly Event[]) =>
  events.filter(({ message }) => message !== "lost").map(({ fouet }) => Number(fouet["serial"]));

const witnessedSerials = (supervisord: Supervisord) =>
  supervisord.witnessed().flatMap(({ serial, pools }) => (pools && "fouet" in pools ? [serial!] : []));

const restart = async (supervisord: Supervisord, times: number) => {
  for (let at = 0; at < times; at += 1) await supervisord.restart("p");
};

for (const way of ["socat", "python", "relay"]) {
  test(`${way}: nothing lost and nothing twice, through kill -9 of Fouet and cuts of the relay`, async () => {
    await using fouet = await createFouet();
    await fouet.start();
    await using supervisord = await startSupervisord({
      sections: section(way, fouet.socket) + program("p") + program("q"),
    });
    await eventually(() => fouet.events().length > 2, { what: "the first events" });
    const work = restart(supervisord, 6);
    await eventually(() => fouet.events().length > 10, { what: "events" });
    await fouet.end("SIGKILL");
    assert.ok(existsSync(fouet.socket), "a socket file of the dead stays");
    await supervisord.restart("q");
    await fouet.start();
    await supervisord.killProcess("fouet", "SIGKILL");
    await work;
    await fouet.end("SIGTERM");
    await supervisord.restart("q");
    await fouet.start();
    await restart(supervisord, 2);
    const wanted = witnessedSerials(supervisord).at(-1)!;
    await eventually(() => serialsOf(fouet.events()).includes(wanted), { what: `serial ${wanted}` });
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

test("socat: each boot of a supervisord is told, though it says what the one before said", async () => {
  await using fouet = await createFouet();
  await fouet.start();
  const sections =
    section("socat", fouet.socket) + program("p") + "[program:bad]\ncommand=/nonexistent/x\nstartretries=1\n";
  await using supervisord = await startSupervisord({ sections });
  let before = 0;
  for (const boots of [1, 2, 3]) {
    if (boots > 1) {
      await supervisord.stop();
      before = supervisord.witnessed().length;
      await supervisord.start();
    }
    const wanted = () =>
      witnessedSerials({ ...supervisord, witnessed: () => supervisord.witnessed().slice(before) });
    const ofThisLife = () => {
      const got = fouet.events();
      const lives = [...new Set(got.map(({ fouet }) => fouet["life"]))];
      assert.ok(lives.length <= boots, "a life is one life");
      return got.filter(({ fouet }) => lives.length === boots && fouet["life"] === lives.at(-1));
    };
    await eventually(() => ofThisLife().some(({ message }) => message === "PROCESS_STATE_FATAL"), {
      what: `the end of boot ${boots}`,
    });
    const serials = serialsOf(ofThisLife());
    const missing = wanted().filter((serial) => serial <= serials.at(-1)! && !serials.includes(serial));
    assert.deepEqual(missing, []);
  }
  const lost = fouet.events().filter(({ message }) => message === "lost");
  assert.deepEqual(lost, []);
});
