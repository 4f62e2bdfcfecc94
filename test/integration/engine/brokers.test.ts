// The images on the way to a broker: --doctor in a container, and that no secret is in an image or its history.
import { doesNotMatch, equal, match, ok } from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, test } from "node:test";
import { tools } from "../../../scripts/images.ts";
import { docker, hardened, noEngine } from "./docker.ts";

describe("the images and brokers", { skip: noEngine }, () => {
  for (const [setting, value] of [
    ["REDIS_IP", "127.0.0.1"],
    ["RABBITMQ_HOST", "localhost"],
  ] as const)
    test(`--doctor says in a container that ${value} is the container itself`, () => {
      const variables = [
        `MOUSTASH_${setting}=${value}`,
        `MOUSTASH_TRANSPORT=${setting.split("_")[0]!.toLowerCase()}`,
      ];
      const { status, stdout } = spawnSync("docker", [
        "run",
        "--rm",
        ...hardened,
        ...variables.flatMap((variable) => ["--env", variable]),
        "moustash/panpan:latest",
        "--doctor",
      ]);
      const said = String(stdout);
      match(said, new RegExp(`✗ .*connection refused: in a container ${value} is the container itself`));
      match(said, new RegExp(`${setting.toLowerCase()} = its service name.*host\\.docker\\.internal`));
      equal(status, 69);
    });

  for (const tool of tools)
    test(`${tool}'s image and its history hold no secret`, async () => {
      const history = await docker(
        "history",
        "--no-trunc",
        "--format",
        "{{.CreatedBy}}",
        `moustash/${tool}:latest`,
      );
      const config = await docker(
        "image",
        "inspect",
        "--format",
        "{{json .Config}}",
        `moustash/${tool}:latest`,
      );
      ok(history.includes("COPY") || history.includes("ENTRYPOINT"), "there is a history");
      for (const text of [history, config]) {
        doesNotMatch(text, /-----BEGIN/);
        doesNotMatch(text, /passw|secret|token|credential|_proxy|_auth/i);
        doesNotMatch(text, /:\/\/[^/\s"]*@/, "no URL with a user");
      }
    });
});
