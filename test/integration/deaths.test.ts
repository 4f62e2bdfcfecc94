// How processes died on a real supervisord, against what the event tells: code, signal, kill, spawn error, last words.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { environmentOf, eventsOf, type FouetEvent, section } from "../servers/fouet.ts";
import { type RedisServer, startRedis } from "../servers/redis.ts";
import { eventually } from "../servers/server.ts";
import { startSupervisord, type Supervisord } from "../servers/supervisord.ts";

// Not SIGPIPE: Python ignores it, and what it starts inherits that.
const signals = [
  "HUP",
  "INT",
  "QUIT",
  "ILL",
  "ABRT",
  "BUS",
  "FPE",
  "KILL",
  "USR1",
  "SEGV",
  "ALRM",
  "TERM",
] as const;

async function die(supervisord: Supervisord, redis: RedisServer, name: string, signal: NodeJS.Signals) {
  const pid = await supervisord.killProcess(name, signal);
  return found(
    redis,
    ({ fouet }) => fouet["processname"] === name && fouet["pid"] === pid && "evidence" in fouet,
  );
}

/** The event, or what followed it, once it tells how the process died. */
async function found(redis: RedisServer, of: (event: FouetEvent) => boolean): Promise<FouetEvent> {
  return eventually(
    async () => {
      const events = await eventsOf(redis);
      const first = events.find(of);
      if (first?.fouet["evidence"] !== "pending") return first;
      return events.find(({ fouet }) => fouet["of"] === first.moustash.id);
    },
    { what: "the event of a death" },
  );
}

const start = (redis: RedisServer, sections: string, settings = "") =>
  startSupervisord({
    sections:
      section(["stdio"], { environment: environmentOf(redis, { MOUSTASH_SPOOL: "%DIR%/spool" }) }) + sections,
    settings,
  });

test("each signal is named", async () => {
  await using redis = await startRedis();
  await using supervisord = await start(
    redis,
    signals
      .map((name) => `[program:${name}]\ncommand=sleep 600\nautorestart=false\nstopsignal=KILL\n`)
      .join(""),
  );
  for (const name of signals) {
    await eventually(async () =>
      (await eventsOf(redis)).some(({ program, fouet }) => program === name && fouet["state"] === "RUNNING"),
    );
    const { fouet } = await die(supervisord, redis, name, `SIG${name}`);
    assert.equal(fouet["signal"], `SIG${name}`);
    assert.equal(fouet["exit_code"], undefined);
    assert.equal(fouet["evidence"], "log");
    assert.match(String(fouet["summary"]), new RegExp(`killed by SIG${name}.*not expected`));
    assert.equal(typeof fouet["ran_ms"], "number");
  }
});

test("exit codes, expected or not, and the last words, cleaned and masked", async () => {
  await using redis = await startRedis();
  const talk = String.raw`printf 'step 1\nstep 2\n'; printf '\033[31mred\033[0m \377 password=hunter2\n' >&2`;
  await using supervisord = await start(
    redis,
    [0, 3, 7]
      .map(
        (code) =>
          `[program:code${code}]\ncommand=sh -c "${talk}; exit ${code}"\nstartsecs=0\nautorestart=false\nautostart=false\nexitcodes=0,3\n`,
      )
      .join(""),
  );
  for (const code of [0, 3, 7]) {
    // Where the end comes before the answer, supervisord calls an exit code that is not expected a SPAWN_ERROR.
    await supervisord.call("startProcess", `code${code}`, false).catch((error: Error) => {
      if (!error.message.includes("SPAWN_ERROR")) throw error;
    });
    const event = await found(
      redis,
      ({ program, fouet }) => program === `code${code}` && fouet["state"] === "EXITED",
    );
    assert.equal(event.fouet["exit_code"], code);
    const whole = await eventually(async () =>
      (await eventsOf(redis)).find(
        ({ program, fouet }) => program === `code${code}` && fouet["stderr"] !== undefined,
      ),
    );
    assert.equal(whole.fouet["stdout"], "step 1\nstep 2");
    assert.equal(whole.fouet["stderr"], "red � password=••••");
    const exited = (await eventsOf(redis)).find(
      ({ program, message }) => program === `code${code}` && message === "PROCESS_STATE_EXITED",
    )!;
    assert.equal(exited.fouet["expected"], code !== 7);
    assert.equal(exited.tags.includes("notification"), code === 7);
  }
});

test("killed after stopwaitsecs, a missing binary, a start that fails for good, and recovery", async () => {
  await using redis = await startRedis();
  await using supervisord = await start(
    redis,
    `[program:stubborn]
command=python3 -c "import signal,time;signal.signal(signal.SIGTERM,signal.SIG_IGN);print('deaf',flush=True);time.sleep(600)"
stopwaitsecs=1
[program:missing]
command=/nowhere/to/be/found
startretries=0
[program:failing]
command=sh -c "test -e %DIR%/mended && exec sleep 600; exit 9"
startretries=1
stopsignal=KILL
`,
  );
  const missing = await found(
    redis,
    ({ program, fouet }) => program === "missing" && fouet["state"] === "FATAL",
  );
  assert.equal(missing.fouet["spawn_error"], "can't find command '/nowhere/to/be/found'");
  assert.equal(missing.fouet["gave_up"], true);
  assert.ok(missing.tags.includes("notification"));

  const failing = await found(
    redis,
    ({ program, fouet }) => program === "failing" && fouet["state"] === "FATAL",
  );
  assert.equal(failing.fouet["exit_code"], 9);
  assert.equal(failing.fouet["gave_up"], true);

  const pid = await supervisord.processId("stubborn");
  await eventually(async () => {
    const log = await supervisord.call("tailProcessStdoutLog", "stubborn", 0, 100);
    return Array.isArray(log) && log[0] === "deaf\n";
  });
  await supervisord.halt("stubborn");
  const stopped = await found(redis, ({ fouet }) => fouet["pid"] === pid && fouet["state"] === "STOPPED");
  assert.equal(stopped.fouet["signal"], "SIGKILL");
  assert.equal(stopped.fouet["killed_after_stopwaitsecs"], true);
  assert.match(String(stopped.fouet["summary"]), /outlived stopwaitsecs/);

  const { writeFile } = await import("node:fs/promises");
  await writeFile(`${supervisord.folder}/mended`, "");
  await supervisord.begin("failing");
  // A slow machine may have called it running before it failed.
  const { pid: mended } = (await supervisord.call("getProcessInfo", "failing")) as { pid: number };
  const well = await found(redis, ({ fouet }) => fouet["pid"] === mended && fouet["state"] === "RUNNING");
  assert.deepEqual(well.tags, ["fouet", "failing", "running", "recovered", "notification"]);
});

test("where supervisord's log is silent, the event says so, or what supervisord still remembers", async () => {
  await using redis = await startRedis();
  await using supervisord = await start(
    redis,
    `[program:stays]\ncommand=sleep 600\nautorestart=false\n[program:comes]\ncommand=sleep 600\nautorestart=true\nstartsecs=0\n`,
    "logfile=/dev/null",
  );
  await eventually(async () =>
    (await eventsOf(redis)).some(
      ({ message, program }) => message === "PROCESS_STATE_RUNNING" && program === "stays",
    ),
  );
  const stays = await die(supervisord, redis, "stays", "SIGKILL");
  assert.equal(stays.fouet["evidence"], "status");
  assert.equal(stays.fouet["signal"], "unknown");
  const comes = await die(supervisord, redis, "comes", "SIGKILL");
  assert.equal(comes.fouet["evidence"], "none");
});
