// Every other kind of event from a real supervisord, subscribed to all: names and texts beyond ASCII, logs cleaned.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { environmentOf, eventsOf, section, serialsOf, witnessedSerials } from "../servers/fouet.ts";
import { startRedis } from "../servers/redis.ts";
import { eventually } from "../servers/server.ts";
import { startSupervisord } from "../servers/supervisord.ts";

test("logs, communications, remote calls, groups and ticks pass through as they are", async () => {
  await using redis = await startRedis();
  const sections = `${section(["stdio"], {
    environment: environmentOf(redis, { MOUSTASH_SPOOL: "%DIR%/spool" }),
    events: "EVENT",
  })}
[program:été]
command=python3 -c "import time;print('😀 Grüße '+chr(27)+'[31mrot'+chr(27)+'[0m token=abcdef',flush=True);print('<!--XSUPERVISOR:BEGIN-->sagt été<!--XSUPERVISOR:END-->',flush=True);time.sleep(600)"
environment=PYTHONIOENCODING="utf-8"
stdout_events_enabled=true
stdout_capture_maxbytes=1MB
stopsignal=KILL
[program:raw]
command=sh -c "printf 'bad \\377 byte'; sleep 600"
stdout_events_enabled=true
stopsignal=KILL
`;
  await using supervisord = await startSupervisord({ sections, environment: { PYTHONUTF8: "1" } });
  const find = (message: string, program: string) =>
    eventually(
      async () =>
        (await eventsOf(redis)).find((event) => event.message === message && event.program === program),
      { what: `${message} of ${program}` },
    );
  const log = await find("PROCESS_LOG_STDOUT", "été");
  assert.match(String(log.fouet["data"]), /^😀 Grüße rot token=••••/);
  assert.deepEqual(log.tags, ["fouet", "été", "log", "stdout"]);
  assert.equal(log.fouet["channel"], "stdout");
  const said = await find("PROCESS_COMMUNICATION_STDOUT", "été");
  assert.equal(said.fouet["data"], "sagt été");
  const raw = await find("PROCESS_LOG_STDOUT", "raw");
  assert.match(String(raw.fouet["data"]), /^Undecodable: b'bad \\xff byte'$/);

  await supervisord.call("sendRemoteCommEvent", "deploy: app", "version é 2");
  const remote = await find("REMOTE_COMMUNICATION", "supervisord");
  assert.equal(remote.fouet["type"], "deploy: app");
  assert.equal(remote.fouet["data"], "version é 2");

  supervisord.configure(`${sections}[program:late]\ncommand=sleep 600\nautostart=false\n`);
  await supervisord.call("reloadConfig");
  await supervisord.call("addProcessGroup", "late");
  await supervisord.call("removeProcessGroup", "late");
  assert.deepEqual((await find("PROCESS_GROUP_ADDED", "late")).tags, ["fouet", "late", "group", "added"]);
  await find("PROCESS_GROUP_REMOVED", "late");
  const tick = await find("TICK_5", "supervisord");
  assert.equal(typeof tick.fouet["when"], "number");
  await find("SUPERVISOR_STATE_CHANGE_RUNNING", "supervisord");

  const last = witnessedSerials(supervisord).at(-1)!;
  const got = await eventually(async () => {
    const serials = serialsOf(await eventsOf(redis));
    return serials.includes(last) ? serials : undefined;
  });
  assert.deepEqual(
    witnessedSerials(supervisord).filter((serial) => serial <= last && !got.includes(serial)),
    [],
  );
});
