// The three Dockerfiles are one recipe, and say the same versions as everything else.
import { deepEqual, equal, ok } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { publicImages } from "../../../scripts/base-images.ts";
import { tools } from "../../../scripts/images.ts";

const names = { cuir: "Cuir", fouet: "Fouet", panpan: "PanPan" };
const manifest = JSON.parse(readFileSync("package.json", "utf8")) as {
  version: string;
  devDependencies: Record<string, string>;
};

/** A Dockerfile with its tool's name taken out, and what only the daemons have, and what each says of itself. */
const recipes = tools.map((tool) =>
  readFileSync(`images/${tool}/Dockerfile`, "utf8")
    .replaceAll(new RegExp(`\\b(${tool}|${names[tool]})\\b`, "g"), "TOOL")
    .replace(/^HEALTHCHECK .*\n/m, "")
    .replace(/^(ENV \w+_HTTP|EXPOSE).*\n/gm, "")
    .replace(/(image\.description=").*"/, '$1"'),
);

test("the three Dockerfiles differ by the tool's name, its description and the daemons' health check", () => {
  deepEqual(new Set(recipes).size, 1);
});

test("only the daemons have a health check", () => {
  const checked = tools.filter((tool) =>
    readFileSync(`images/${tool}/Dockerfile`, "utf8").includes("HEALTHCHECK"),
  );
  deepEqual(checked, ["cuir", "fouet"]);
});

test("the Dockerfiles' defaults are the project's version and Node", () => {
  const [recipe] = recipes;
  equal(/^ARG VERSION=(.*)$/m.exec(recipe!)?.[1], manifest.version);
  equal(/^ARG NODE_IMAGE=(.*)$/m.exec(recipe!)?.[1], publicImages.node);
  equal(publicImages.node, `node:${manifest.devDependencies.node}-trixie-slim`);
});

test("the compose file's images are the public ones of the scripts", () => {
  const compose = readFileSync("compose/docker-compose.yml", "utf8");
  for (const base of ["node", "debian", "redis", "rabbitmq", "logstash", "busybox"] as const)
    ok(compose.includes(`\${STACK_${base.toUpperCase()}_IMAGE:-${publicImages[base]}}`), base);
  const demo = readFileSync("compose/demo/Dockerfile", "utf8");
  ok(demo.includes(`ARG DEBIAN_IMAGE=${publicImages.debian}\n`));
});
