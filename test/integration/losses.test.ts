// What the witness inside supervisord saw against what came to the broker: nothing missing, or reported as lost.
import { strict as assert } from "node:assert";
import { join } from "node:path";
import { test } from "node:test";
import { diagnoseSupervisor } from "../../src/supervisor/diagnosis.ts";
import {
  environmentOf,
  eventsOf,
  type FouetEvent,
  fouetCommand,
  numbersOf,
  section,
  serialsOf,
  witnessedSerials,
} from "../servers/fouet.ts";
import { type RedisServer, startRedis } from "../servers/redis.ts";
import { awaitStart, eventually, startChild, temporaryFolder } from "../servers/server.ts";
import { startSupervisord, type Supervisord } from "../servers/supervisord.ts";

/** Exits at once and is started again at once: three events each time. */
const storms = (count: number) =>
  Array.from(
    { length: count },
    (_, at) => `[program:storm${at}]\ncommand=true\nstartsecs=0\nautorestart=true\nautostart=false\n`,
  ).join("");
const begin = (supervisord: Supervisord, count: number) =>
  Promise.all(
    Array.from({ length: count }, (_, at) => supervisord.call("startProcess", `storm${at}`, false)),
  );
/** A process that just ended cannot be stopped: until it stays so. */
const calm = (supervisord: Supervisord, count: number) =>
  eventually(
    async () => {
      for (let at = 0; at < count; at += 1) {
        await supervisord.call("stopProcess", `storm${at}`, false).catch(() => {});
      }
      const before = supervisord.witnessed().length;
      await supervisord.call("getState");
      await new Promise((resolve) => setTimeout(resolve, 300));
      return supervisord.witnessed().length === before;
    },
    { what: "the storm to end" },
  );

const boot = (count: number) =>
  Array.from({ length: count }, (_, at) => `[program:p${at}]\ncommand=sleep 600\nstopsignal=KILL\n`).join("");

async function settled(supervisord: Supervisord, redis: RedisServer): Promise<FouetEvent[]> {
  return eventually(
    async () => {
      const last = witnessedSerials(supervisord).at(-1);
      const events = await eventsOf(redis);
      return serialsOf(events).includes(last!) ? events : undefined;
    },
    { what: "the last event at the broker", withinMs: 60_000 },
  );
}

/** Each serial that is missing lies in what a loss names, and no loss names more than is missing. */
function assertAccounted(supervisord: Supervisord, events: readonly FouetEvent[]): number {
  const got = new Set(serialsOf(events));
  const witnessed = witnessedSerials(supervisord);
  const missing = witnessed.filter((serial) => !got.has(serial));
  /** By what a listener of our priority refused: supervisord hands that out to us as well, before its turn. */
  const overtaken = new Set<number>();
  let highest = -1;
  for (const serial of new Set(serialsOf(events))) {
    if (serial < highest) overtaken.add(serial);
    highest = Math.max(highest, serial);
  }
  const losses = events.filter(({ message }) => message === "lost");
  const named = losses.map(({ fouet }) => ({
    serials: new Set(numbersOf(String(fouet["serials"]))),
    least: Number(fouet["least"]),
    most: Number(fouet["most"]),
  }));
  const unreported = missing.filter((serial) => !named.some(({ serials }) => serials.has(serial)));
  assert.deepEqual(unreported, [], "every loss is reported");
  for (const { serials, least, most } of named) {
    const count = missing.filter((serial) => serials.has(serial)).length;
    // The witness itself came later than the first of them; and what is overtaken looks lost at first.
    const others = [...serials].filter((serial) => serial < witnessed[0]! || overtaken.has(serial)).length;
    assert.ok(
      least <= count + others && count <= most,
      `${count} are missing (and perhaps ${others}) of ${[...serials].join()}: ${least} to ${most}`,
    );
  }
  const first = new Map(events.map((event) => [event.moustash.id, event]));
  assert.equal(serialsOf([...first.values()]).length, got.size, "one id for one serial");
  return missing.length;
}

test("the boot of 30 programs with the recommended section: nothing is lost", async () => {
  await using redis = await startRedis();
  await using supervisord = await startSupervisord({
    sections:
      section(["stdio"], { environment: environmentOf(redis, { MOUSTASH_SPOOL: "%DIR%/spool" }) }) + boot(30),
  });
  await eventually(
    async () => (await eventsOf(redis)).filter(({ message }) => message.endsWith("RUNNING")).length > 30,
    {
      what: "all to run",
    },
  );
  const events = await settled(supervisord, redis);
  assert.equal(assertAccounted(supervisord, events), 0);
  assert.deepEqual(
    events.filter(({ message }) => message === "lost"),
    [],
  );
});

test("the boot of 30 programs with default settings: what is lost is told, and made up for", async () => {
  await using redis = await startRedis();
  await using supervisord = await startSupervisord({
    sections:
      section(["stdio"], {
        environment: environmentOf(redis, { MOUSTASH_SPOOL: "%DIR%/spool" }),
        buffer_size: "10",
        priority: "-1",
        startsecs: "1",
      }) + boot(30),
  });
  await eventually(async () => (await eventsOf(redis)).length > 8, { what: "events" });
  const events = await settled(supervisord, redis);
  assert.ok(assertAccounted(supervisord, events) > 10, "supervisord dropped some");
  const loss = events.find(({ message }) => message === "lost")!;
  assert.equal(loss.fouet["cause"], "overflow");
  assert.ok(loss.tags.includes("notification"));
  const settings = {
    supervisor_url: undefined,
    supervisor_username: undefined,
    supervisor_password: undefined,
  };
  const file = supervisord.configuration;
  const findings = await diagnoseSupervisor({ settings, serverUrl: supervisord.url, file });
  const buffer = findings.find(({ message }) => message.includes("buffer_size is 10"));
  assert.equal(buffer?.level, "fault");
  assert.ok(buffer.at.startsWith(`${file}:`));
  assert.equal(buffer.remedy, "buffer_size=10000");
  assert.ok(
    findings.some(({ level, at }) => level === "fine" && at === supervisord.url),
    "it answers",
  );
  await eventually(
    async () => {
      const running = (await eventsOf(redis)).filter(({ fouet }) => fouet["state"] === "RUNNING");
      return new Set(running.map(({ program }) => program)).size >= 31;
    },
    { what: "a RUNNING of each" },
  );
});

/** Answers FAIL so many times, then ends. */
const refuser = `[eventlistener:refuser]
command=python3 -c "import sys;o=lambda t:(sys.stdout.write(t),sys.stdout.flush());[(o('READY'+chr(10)),(lambda h:sys.stdin.read(int(h.split('len:')[1])))(sys.stdin.readline()),o('RESULT 4'+chr(10)+'FAIL')) for i in range(200)]"
events=PROCESS_STATE_EXITED,REMOTE_COMMUNICATION
priority=-1000
autorestart=false
startsecs=0
stdout_logfile=NONE
`;

test("the same through a socket: storm, broker killed, Fouet killed, relay cut, a reload", async () => {
  await using folder = await temporaryFolder();
  await using redis = await startRedis({ config: ["appendonly yes", "appendfsync always"] });
  const socket = join(folder.path, "fouet.sock");
  const start = async () => {
    const child = startChild(fouetCommand.split(" ")[0]!, fouetCommand.split(" ").slice(1), {
      env: {
        ...process.env,
        MOUSTASH_REDIS_PORT: `${redis.port}`,
        MOUSTASH_SPOOL: join(folder.path, "spool"),
        MOUSTASH_HOST: "web-1",
        FOUET_HTTP: "none",
        FOUET_LISTEN: socket,
      },
    });
    await awaitStart(child, () => child.output().includes("listening for"), { what: "Fouet" });
    return child;
  };
  let fouet = await start();
  try {
    await using supervisord = await startSupervisord({
      sections: section(["relay", socket]) + refuser + storms(3),
    });
    const storm = (count: number) =>
      eventually(() => witnessedSerials(supervisord).length >= count, {
        what: `${count} events of the storm`,
      });
    await eventually(async () => (await eventsOf(redis)).length > 2, { what: "the first events" });
    await begin(supervisord, 3);
    await storm(80);
    await redis.kill("SIGKILL");
    await storm(witnessedSerials(supervisord).length + 40);
    await fouet.end("SIGKILL");
    await redis.start();
    await storm(witnessedSerials(supervisord).length + 40);
    fouet = await start();
    await supervisord.killProcess("fouet", "SIGKILL");
    await storm(witnessedSerials(supervisord).length + 40);
    await calm(supervisord, 3);
    assert.equal(assertAccounted(supervisord, await settled(supervisord, redis)), 0);
    supervisord.signal("SIGHUP");
    const starts = () =>
      supervisord.witnessed().filter(({ name }) => name === "SUPERVISOR_STATE_CHANGE_RUNNING").length;
    await eventually(() => starts() > 1, { what: "the reload" });
    await supervisord.call("startProcess", "storm0", false);
    await storm(witnessedSerials(supervisord).length + 20);
    await calm(supervisord, 1);
    assertAccounted(supervisord, await settled(supervisord, redis));
  } finally {
    await fouet.end("SIGKILL");
  }
});

for (const [name, buffer] of [
  ["room", "100000"],
  ["no room", "10"],
] as const) {
  test(`a storm, a broker that is killed, a neighbour that says FAIL, with ${name} in the buffer`, async () => {
    await using redis = await startRedis({ config: ["appendonly yes", "appendfsync always"] });
    await using supervisord = await startSupervisord({
      sections:
        section(["stdio"], {
          environment: environmentOf(redis, { MOUSTASH_SPOOL: "%DIR%/spool" }),
          buffer_size: buffer,
        }) +
        refuser +
        storms(3),
    });
    const storm = (count: number) =>
      eventually(() => witnessedSerials(supervisord).length >= count, {
        what: `${count} events of the storm`,
      });
    await eventually(async () => (await eventsOf(redis)).length > 2, { what: "the first events" });
    await begin(supervisord, 3);
    await storm(100);
    await redis.kill("SIGKILL");
    await storm(witnessedSerials(supervisord).length + 50);
    await supervisord.killProcess("fouet", "SIGKILL");
    await redis.start();
    await storm(witnessedSerials(supervisord).length + 100);
    await calm(supervisord, 3);
    const events = await settled(supervisord, redis);
    const missing = assertAccounted(supervisord, events);
    if (buffer === "100000") assert.equal(missing, 0);
    else assert.ok(missing > 0, "supervisord dropped some");
  });
}

test("a reload in mid-storm: what the old buffer held is told as lost", async () => {
  await using redis = await startRedis();
  await using supervisord = await startSupervisord({
    sections:
      section(["stdio"], { environment: environmentOf(redis, { MOUSTASH_SPOOL: "%DIR%/spool" }) }) +
      storms(4).replaceAll("autostart=false\n", ""),
  });
  await eventually(() => witnessedSerials(supervisord).length > 100, { what: "the storm" });
  const starts = () =>
    supervisord.witnessed().filter(({ name }) => name === "SUPERVISOR_STATE_CHANGE_RUNNING").length;
  const before = starts();
  supervisord.signal("SIGHUP");
  await eventually(() => starts() > before, { what: "the reload" });
  const then = witnessedSerials(supervisord).length;
  await eventually(() => witnessedSerials(supervisord).length > then + 50, { what: "the storm after it" });
  await calm(supervisord, 4);
  const events = await settled(supervisord, redis);
  assertAccounted(supervisord, events);
  assert.ok(events.some(({ message, fouet }) => message === "lost" && fouet["cause"] === "reload"));
});
