// The compose examples, run as they are: a program of the application ends, and its event is in the broker's list.
import { equal, match, ok } from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { baseImage } from "../../../scripts/base-images.ts";
import { output, run } from "../../../scripts/command.ts";
import { eventually, noEngine, testName } from "./docker.ts";

interface Event {
  host: string;
  type: string;
  program: string;
  message: string;
  fouet: Record<string, unknown>;
}

describe("the examples with supervisord", { skip: noEngine, concurrency: 1 }, () => {
  for (const name of ["supervisord-in-image", "supervisord-sidecar"]) {
    describe(name, () => {
      const common = ["compose", "--file", `examples/${name}/compose.yml`, "--project-name", testName(name)];
      let env: Record<string, string> = {};
      const compose = (...args: string[]) => output("docker", [...common, ...args], { env });
      const down = () =>
        run("docker", [...common, "down", "--volumes", "--remove-orphans", "--timeout", "5"], { env });
      const events = async () => {
        const items = await compose(
          "exec",
          "-T",
          "redis",
          "redis-cli",
          "lrange",
          "logstash:moustash",
          "0",
          "-1",
        );
        return items.split("\n").map((line) => JSON.parse(line) as Event);
      };

      before(async () => {
        env = { REDIS_IMAGE: await baseImage("redis"), DEBIAN_IMAGE: await baseImage("debian") };
        await down();
        await run("docker", [...common, "up", "--build", "--detach", "--wait", "--wait-timeout", "120"], {
          env,
        });
      });
      after(down);

      test("is healthy, and tells of a program that dies, with the cause", async () => {
        const pid = await eventually("a running app", async () => {
          const said = Number(await compose("exec", "-T", "app", "supervisorctl", "pid", "app"));
          return said > 0 ? said : undefined;
        });
        await compose("exec", "-T", "app", "sh", "-c", `kill -9 ${pid}`);
        const died = await eventually("the event of its end", async () =>
          (await events()).find(
            ({ message, program }) => message === "PROCESS_STATE_EXITED" && program === "app",
          ),
        );
        equal(died.host, "app");
        equal(died.type, "fouet");
        match(JSON.stringify(died.fouet), /SIGKILL/);
        const back = await eventually("the event of its return", async () =>
          (await events()).findLast(
            ({ message, program }) => message === "PROCESS_STATE_RUNNING" && program === "app",
          ),
        );
        ok(back);
      });
    });
  }
});
