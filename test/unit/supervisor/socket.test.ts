// Relays on real sockets, driven by bytes: who may connect, what garbage does, two of one pool, cuts, the dead's socket.
import { strict as assert } from "node:assert";
import { once } from "node:events";
import { statSync, writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { after, test } from "node:test";
import type { Batch } from "../../../src/envelope.ts";
import { createEvents } from "../../../src/event.ts";
import { openMemoryStore } from "../../../src/store/memory.ts";
import { listen } from "../../../src/supervisor/listener.ts";
import { relay } from "../../../src/supervisor/relay.ts";
import { ListenError } from "../../../src/supervisor/socket.ts";
import { fouetDefaults } from "../../servers/fouet-settings.ts";
import { eventually, freePort, temporaryFolder } from "../../servers/server.ts";

interface Body {
  readonly message: string;
  readonly tags: readonly string[];
  readonly fouet: Readonly<Record<string, unknown>>;
  readonly moustash: { readonly id: string };
}

/** Fouet on sockets, with a list for a broker; `hold` keeps batches unaccepted. */
function startFouet(words: Readonly<Record<string, string>>, store = openMemoryStore()) {
  const abort = new AbortController();
  const bodies: Body[] = [];
  const held: Batch[] = [];
  const state = { hold: false, warnings: [] as string[] };
  const log = {
    info() {},
    warn: (_: object, message: string) => void state.warnings.push(message),
    error: (_: object, message: string) => void state.warnings.push(message),
  };
  const source = listen({
    settings: fouetDefaults(words),
    events: createEvents({ tool: "fouet", host: "web-1", version: "1.0.0", format: "logstash" }),
    host: "web-1",
    store,
    signal: abort.signal,
    log,
    input: new PassThrough(),
    output: new PassThrough(),
    life: undefined,
    environment: {},
  });
  const ended = (async () => {
    for await (const batch of source) {
      bodies.push(...batch.events.map(({ body }) => JSON.parse(body) as Body));
      if (state.hold) held.push(batch);
      else await batch.accepted({ at: "broker" });
    }
  })();
  return {
    bodies,
    state,
    ended,
    async release() {
      state.hold = false;
      for (const batch of held.splice(0)) await batch.accepted({ at: "broker" });
    },
    async [Symbol.asyncDispose]() {
      abort.abort();
      await ended.catch(() => {});
    },
  };
}

/** A supervisord, by hand. */
async function dial(path: string) {
  const socket: Socket = await eventually(async () => {
    const socket = connect({ path });
    await once(socket, "connect");
    return socket;
  });
  let heard = "";
  socket.on("data", (bytes) => (heard += String(bytes)));
  socket.on("error", () => {});
  return {
    socket,
    heard: () => heard,
    say: (text: string) => void socket.write(text),
    hears: (text: string) =>
      eventually(() => heard === text, { what: `${JSON.stringify(text)}, not ${heard}` }),
  };
}

const greet = (life: string, name = "app-1") => `MOUSTASH-RELAY life=${life} name=${name} later=key\n`;
const notification = (
  serial: number,
  poolSerial = serial,
  text = `processname:p groupname:p from_state:RUNNING pid:${serial}`,
) =>
  `ver:3.0 server:s serial:${serial} pool:fouet poolserial:${poolSerial} eventname:PROCESS_STATE_STOPPING len:${text.length}\n${text}`;
const answered = "READY\nRESULT 2\nOKREADY\n";

test("several supervisords at once: each its own stream, named by what its relay says first", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "f.sock");
  await using fouet = startFouet({ listen: path });
  const one = await dial(path);
  const other = await dial(path);
  one.say(greet("life-1", "app-1") + notification(0));
  other.say(greet("life-2", "app-2") + notification(0));
  await one.hears(answered);
  await other.hears(answered);
  const streams = fouet.bodies.map(({ fouet }) => `${String(fouet["stream"])} ${String(fouet["life"])}`);
  assert.deepEqual(streams.toSorted(), ["app-1 life-1", "app-2 life-2"]);
  assert.notEqual(fouet.bodies[0]!.moustash.id, fouet.bodies[1]!.moustash.id);
});

test("two supervisords that say one name at once are kept apart; one that comes back is the one it was", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "f.sock");
  await using fouet = startFouet({ listen: path });
  const change = (serial: number, state: string, rest: string) => {
    const text = `processname:web groupname:web ${rest}`;
    return `ver:3.0 server:s serial:${serial} pool:fouet poolserial:${serial} eventname:PROCESS_STATE_${state} len:${text.length}\n${text}`;
  };
  const died = change(0, "EXITED", "from_state:RUNNING expected:0 pid:7");
  const runs = (serial: number) => change(serial, "RUNNING", "from_state:STARTING pid:8");
  const one = await dial(path);
  one.say(greet("life-1") + runs(0));
  await one.hears(answered);
  const other = await dial(path);
  other.say(greet("life-2") + died);
  await other.hears(answered);
  one.say(runs(1));
  await one.hears(`${answered}RESULT 2\nOKREADY\n`);
  const gone = once(one.socket, "close");
  one.socket.end();
  await gone;
  const back = await dial(path);
  back.say(greet("life-3") + runs(0));
  await back.hears(answered);
  const told = fouet.bodies.map(
    ({ fouet, tags }) => `${String(fouet["life"])} ${String(fouet["stream"])} ${tags.slice(2).join(" ")}`,
  );
  assert.deepEqual(told, [
    "life-1 app-1 running",
    "life-2 app-1#2 exited notification",
    "life-1 app-1 running",
    "life-3 app-1 running",
  ]);
  assert.equal(fouet.state.warnings.filter((line) => line.includes("MOUSTASH_HOST")).length, 1);
});

test("calm after flapping says in what state: dead is no success", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "f.sock");
  await using fouet = startFouet({ listen: path, flap_count: "2", flap_within: "1s" });
  const one = await dial(path);
  let serial = 0;
  const say = (process: string, state: string, rest: string) => {
    const text = `processname:${process} groupname:${process} ${rest}`;
    one.say(
      `ver:3.0 server:s serial:${serial} pool:fouet poolserial:${serial} eventname:PROCESS_STATE_${state} len:${text.length}\n${text}`,
    );
    serial += 1;
  };
  one.say(greet("life-1"));
  for (const process of ["dead", "well"]) {
    for (let at = 0; at < 3; at += 1) say(process, "EXITED", "from_state:RUNNING expected:0 pid:7");
  }
  say("well", "RUNNING", "from_state:STARTING pid:8");
  const digests = () => fouet.bodies.filter(({ tags }) => tags.includes("calm"));
  await eventually(() => digests().length === 2, { what: "two that are calm" });
  const said = digests().map(({ tags, fouet }) => [
    tags.join(" "),
    fouet["state"],
    String(fouet["summary"]).replace(/ for .*/, ""),
  ]);
  assert.deepEqual(
    said.toSorted((one, other) => String(one).localeCompare(String(other))),
    [
      ["fouet dead calm exited notification", "EXITED", "dead is calm, but EXITED: nothing happened"],
      ["fouet well calm notification", "RUNNING", "well is calm: nothing happened"],
    ],
  );
});

test("two relays of one pool share its journal: no repeat, no false loss", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "f.sock");
  await using fouet = startFouet({ listen: path });
  const one = await dial(path);
  const other = await dial(path);
  one.say(greet("life") + notification(0));
  await one.hears(answered);
  other.say(greet("life") + notification(1));
  await other.hears(answered);
  one.say(notification(2));
  await one.hears(`${answered}RESULT 2\nOKREADY\n`);
  other.say(notification(2));
  await other.hears(`${answered}RESULT 2\nOKREADY\n`);
  one.say(notification(4));
  await eventually(() => fouet.bodies.length === 4);
  assert.deepEqual(
    fouet.bodies.map(({ fouet }) => fouet["serial"]),
    [0, 1, 2, 4],
  );
});

test("a relay that is cut while BUSY: the same notification waits for the first, and is not reported twice", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "f.sock");
  await using fouet = startFouet({ listen: path });
  fouet.state.hold = true;
  const one = await dial(path);
  one.say(notification(0));
  await eventually(() => fouet.bodies.length === 1);
  one.socket.destroy();
  const again = await dial(path);
  again.say(notification(0));
  again.say(notification(1));
  await eventually(() => fouet.bodies.length === 2);
  assert.equal(again.heard(), "READY\n");
  await fouet.release();
  await again.hears(`${answered}RESULT 2\nOKREADY\n`);
  assert.deepEqual(
    fouet.bodies.map(({ fouet }) => fouet["serial"]),
    [0, 1],
  );
});

test("garbage ends its conversation alone, with what was seen; what dies in mid-payload too", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "f.sock");
  await using fouet = startFouet({ listen: path });
  const bad = await dial(path);
  bad.say("GET / HTTP/1.1\r\n\r\n");
  await eventually(() => fouet.state.warnings.some((line) => line.includes('"GET / HTTP/1.1')));
  const dying = await dial(path);
  dying.say(notification(0).slice(0, -3));
  await dying.hears("READY\n");
  dying.socket.end();
  const good = await dial(path);
  good.say(notification(0));
  await good.hears(answered);
  assert.equal(fouet.bodies.length, 1);
  bad.socket.destroy();
});

test("the socket has its mode, replaces what a dead Fouet left, and not a living one's", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "f.sock");
  const dead = createServer().listen(path);
  await once(dead, "listening");
  // A copy of the file outlives its server.
  const { linkSync, renameSync } = await import("node:fs");
  linkSync(path, `${path}.left`);
  dead.close();
  await once(dead, "close");
  renameSync(`${path}.left`, path);
  await using fouet = startFouet({ listen: path, socket_mode: "0620", socket_group: `${process.getgid!()}` });
  const one = await dial(path);
  await one.hears("READY\n");
  assert.equal(statSync(path).mode & 0o777, 0o620);
  await using second = startFouet({ listen: path });
  await assert.rejects(
    second.ended,
    (error) => error instanceof ListenError && error.code === "listen_taken" && error.message.includes(path),
  );
  assert.equal(fouet.bodies.length, 0);
});

test("what cannot be listened on says why: beyond loopback, no folder, a file in the way, a path too long", async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, "file");
  writeFileSync(file, "");
  for (const [place, words] of [
    [`0.0.0.0:${await freePort()}`, "not a loopback address"],
    [join(folder.path, "nowhere/f.sock"), "does not exist"],
    [join(folder.path, "x".repeat(120)), "longer than"],
  ] as const) {
    await using fouet = startFouet({ listen: place });
    await assert.rejects(
      fouet.ended,
      (error) =>
        error instanceof ListenError && error.message.includes(words) && error.message.includes(place),
    );
  }
});

test("TCP on loopback works as a unix socket does", async () => {
  const port = await freePort();
  await using fouet = startFouet({ listen: `127.0.0.1:${port}` });
  const socket = await eventually(async () => {
    const socket = connect(port, "127.0.0.1");
    await once(socket, "connect");
    return socket;
  });
  socket.write(notification(0));
  await eventually(() => fouet.bodies.length === 1);
  assert.equal(fouet.bodies[0]!.fouet["stream"], `127.0.0.1:${port}`);
  socket.destroy();
});

test("our relay: supervisord sees one READY for each RESULT, whatever happens to the connection", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "f.sock");
  const store = openMemoryStore();
  const input = new PassThrough();
  const output = new PassThrough();
  let heard = "";
  output.on("data", (bytes) => (heard += String(bytes)));
  const abort = new AbortController();
  const over = relay({
    input,
    output,
    to: { kind: "unix", path },
    greeting: { name: "app-1", life: { id: "life", pid: 1, ageMs: 0, firstPoolSerial: 0 } },
    signal: abort.signal,
    log: { info() {}, warn() {}, error() {} },
  });
  after(() => abort.abort());
  const hears = (text: string) =>
    eventually(() => heard === text, { what: JSON.stringify(text), withinMs: 10_000 });
  let ending: { release(): Promise<void> };
  {
    await using fouet = startFouet({ listen: path }, store);
    await hears("READY\n");
    input.write(notification(0));
    await hears(answered);
    assert.equal(fouet.bodies[0]!.fouet["life"], "life");
  }
  // Away: a notification comes all the same, for supervisord thinks us READY. Held, in two pieces.
  input.write(notification(1).slice(0, 30));
  input.write(notification(1).slice(30));
  {
    await using fouet = startFouet({ listen: path }, store);
    await eventually(() => fouet.bodies.length === 1);
    await hears(`${answered}RESULT 2\nOKREADY\n`);
    assert.equal(fouet.bodies[0]!.fouet["serial"], 1);
    // Asked to end with one in hand: it is answered once it is safe, and no more is asked for.
    fouet.state.hold = true;
    input.write(notification(2));
    await eventually(() => fouet.bodies.length === 2);
    ending = fouet;
  }
  await ending.release();
  await hears(`${answered}RESULT 2\nOKREADY\nRESULT 2\nOK`);
  {
    await using _fouet = startFouet({ listen: path }, store);
    await hears(`${answered}RESULT 2\nOKREADY\nRESULT 2\nOKREADY\n`);
  }
  input.end();
  await over;
});
