// The identity of a notification on a real supervisord: host, this life, serial; against the witness inside it.
import { strict as assert } from "node:assert";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { eventually } from "../servers/server.ts";
import { startSupervisord, type Supervisord } from "../servers/supervisord.ts";

const fouet = join(import.meta.dirname, "../servers/fouet-on-file.ts");

const listener = (more = "") => `
[eventlistener:fouet]
command=${process.execPath} ${fouet} %DIR%/broker.ndjson
events=PROCESS_STATE,PROCESS_GROUP,SUPERVISOR_STATE_CHANGE,REMOTE_COMMUNICATION
buffer_size=5000
priority=-1000
startsecs=0
autorestart=true
stderr_logfile=%DIR%/fouet.err
${more}
`;
const programs = (count: number, command = "sleep 600") =>
  Array.from(
    { length: count },
    (_, at) => `[program:p${at}]\ncommand=${command}\nstartsecs=0\nstopsignal=KILL\nautorestart=unexpected\n`,
  ).join("");

interface Event {
  readonly message: string;
  readonly fouet: Readonly<Record<string, unknown>>;
  readonly moustash: { readonly id: string; readonly run: string; readonly seq: number };
}

function events(supervisord: Supervisord, file = "broker.ndjson"): Event[] {
  const path = join(supervisord.folder, file);
  if (!existsSync(path)) return [];
  return readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Event);
}

const serials = (list: readonly Event[]) =>
  list.filter(({ message }) => message !== "lost").map(({ fouet }) => fouet["serial"]);

test("a quiet run: every event that the witness saw came once, in order", async () => {
  await using supervisord = await startSupervisord({ sections: listener() + programs(5) });
  await eventually(
    () => events(supervisord).filter(({ message }) => message.endsWith("RUNNING")).length >= 6,
    {
      what: "the programs to run",
    },
  );
  await supervisord.restart("p1");
  await supervisord.halt("p2");
  await eventually(
    () =>
      events(supervisord).some(({ fouet }) => fouet["processname"] === "p2" && fouet["state"] === "STOPPED"),
    {
      what: "p2 to be stopped",
    },
  );
  // What no pool subscribed to (the ticks) has no serial.
  const seen = supervisord.witnessed().filter(({ serial }) => serial !== null);
  const got = events(supervisord);
  assert.deepEqual(
    seen.map(({ serial }) => serial),
    serials(got).filter((serial) => Number(serial) >= Number(seen[0]!.serial)),
  );
  assert.equal(new Set(got.map(({ moustash }) => moustash.id)).size, got.length);
  assert.equal(new Set(got.map(({ fouet }) => fouet["life"])).size, 1);
});

test("ids: a reload is the same life, a restart another", async () => {
  await using supervisord = await startSupervisord({ sections: listener() + programs(3) });
  const running = () =>
    events(supervisord).filter(({ message }) => message === "SUPERVISOR_STATE_CHANGE_RUNNING");
  await eventually(() => running().length === 1, { what: "the first start" });
  const { pid } = supervisord;
  supervisord.signal("SIGHUP");
  await eventually(() => running().length === 2, { what: "the reload" });
  assert.equal(supervisord.pid, pid);
  await supervisord.stop();
  await supervisord.start();
  await eventually(() => running().length === 3, { what: "the restart" });
  const lives = running().map(({ fouet }) => fouet["life"]);
  assert.equal(lives[0], lives[1]);
  assert.notEqual(lives[1], lives[2]);
  const got = events(supervisord);
  assert.equal(new Set(got.map(({ moustash }) => moustash.id)).size, got.length);
  // serial went on through the reload and began again with the restart.
  const [first, second, third] = running().map(({ fouet }) => Number(fouet["serial"]));
  assert.ok(second! > first! && third! < second!);
});

test("a listener that dies while BUSY, its event safe: supervisord sends it again, the id is the same", async () => {
  await using supervisord = await startSupervisord({
    sections: listener('environment=TRIAL_DIE="p0 is running"') + programs(3),
  });
  const twice = await eventually(
    () => {
      const found = events(supervisord).filter(({ fouet }) =>
        String(fouet["summary"]).startsWith("p0 is running"),
      );
      return found.length === 2 ? found : undefined;
    },
    { what: "the event to come again" },
  );
  assert.equal(twice[0]!.moustash.id, twice[1]!.moustash.id);
  assert.notEqual(twice[0]!.moustash.run, twice[1]!.moustash.run);
  assert.equal(twice[0]!.fouet["serial"], twice[1]!.fouet["serial"]);
});

test("two supervisords on hosts with equal names, at the same serials: no id twice", async () => {
  const start = () =>
    startSupervisord({ sections: listener('environment=TRIAL_HOST="web-1"') + programs(3) });
  await using one = await start();
  await using other = await start();
  for (const each of [one, other])
    await eventually(() => serials(events(each)).includes(10), { what: "events" });
  assert.ok(serials(events(one)).some((serial) => serials(events(other)).includes(serial)));
  const ids = [...events(one), ...events(other)].map(({ moustash }) => moustash.id);
  assert.equal(new Set(ids).size, ids.length);
});
