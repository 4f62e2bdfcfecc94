// Cuir's image when its network breaks, and when one list is split over several of it.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { output } from "../../../scripts/command.ts";
import { docker, eventually, hardened, noEngine, removeAll } from "./docker.ts";

// Of all clones the same, as the network is: a machine has it once, and what a killed run left must go.
const name = "moustash-test-cuir-network";
const subnet = "10.213.79";
/** The switch between its containers, by the name that this machine has for it: one that a test can cut. */
const bridge = "moustash-cut";

// oxlint-disable-next-line typescript/no-explicit-any
type Decoded = any;

describe("Cuir's image and the network", { skip: noEngine }, () => {
  before(async () => {
    await removeAll(name);
    const own = ["--subnet", `${subnet}.0/24`, "--opt", `com.docker.network.bridge.name=${bridge}`];
    await docker("network", "create", "--label", name, ...own, name);
  });
  after(() => removeAll(name));

  function start(container: string, settings: Record<string, string>, ...options: string[]) {
    const all = { MOUSTASH_TRANSPORT: "stdout", MOUSTASH_SPOOL: "none", ...settings };
    const env = Object.entries(all).flatMap(([key, value]) => ["--env", `${key}=${value}`]);
    const own = ["--name", `${name}-${container}`, "--label", name];
    return docker("run", "--detach", ...own, ...hardened, ...env, ...options, "moustash/cuir:latest");
  }

  const events = async (container: string) =>
    (await docker("logs", `${name}-${container}`))
      .split("\n")
      .filter((line) => line.startsWith('{"@timestamp"'))
      .map((line): Decoded => JSON.parse(line));

  const has =
    (program: string, ...tags: string[]) =>
    (event: Decoded) =>
      event.program === program && tags.every((tag) => event.tags.includes(tag));

  const find = (what: string, holds: (event: Decoded) => boolean, from = 0) =>
    eventually(what, async () => (await events("prober")).slice(from).find(holds));

  // A root's privilege, and the engine may be on another machine.
  const uncut = process.getuid?.() !== 0 && "only root can cut the engine's network";

  test(
    "cut off, it blames nobody, and says so once: a dead switch, and no network at all",
    { skip: uncut },
    async () => {
      const targets = ["one", "two", "three"];
      const at = (index: number) => `${subnet}.${11 + index}`;
      for (const [index, target] of targets.entries())
        await start(target, {}, "--network", name, "--ip", at(index));
      const settings = {
        CUIR_PROBES: targets.map((target, index) => `${target}: ${at(index)}:9797:x`).join("\n"),
        CUIR_INTERVAL: "300ms",
        CUIR_RECHECK: "100ms",
        CUIR_TIMEOUT: "500ms",
        CUIR_EMIT: "all",
      };
      await start("prober", settings, "--network", name);
      for (const target of targets) await find(`${target} is up`, has(target, "up"));

      await output("ip", ["link", "set", bridge, "down"]);
      const isolated = await find("it is isolated", has("cuir", "prober", "isolated", "notification"));
      assert.equal(isolated.cuir.cause, "isolated");
      for (const target of targets) await find(`${target} is not judged`, has(target, "unknown"));
      await output("ip", ["link", "set", bridge, "up"]);
      const over = await find("it is over", has("cuir", "prober", "up", "notification"));
      assert.match(over.message, /^RECOVERED: prober isolated/);

      const before = (await events("prober")).length;
      await docker("network", "disconnect", "--force", name, `${name}-prober`);
      const lost = await find("it has no network", has("cuir", "prober", "trouble"), before);
      assert.equal(lost.cuir.cause, "no_route");
      await docker("network", "connect", name, `${name}-prober`);
      await find("it has one again", has("cuir", "prober", "up"), before);
      for (const target of targets) await find(`${target} is up again`, has(target, "up"), before);

      const all = await events("prober");
      assert.deepEqual(
        all.filter(({ tags }) => tags.includes("down")).map(({ cuir }) => cuir.summary),
        [],
        "no target was blamed",
      );
      assert.equal(
        all.filter(({ tags }) => tags.includes("notification")).length,
        4,
        "two troubles, each once",
      );
    },
  );

  test("a list is split by the ordinals of a StatefulSet, and one more moves targets to itself alone", async () => {
    const programs = Array.from({ length: 30 }, (_, index) => `P${index + 1}`);
    const probes = programs.map((program, index) => `${program}: 127.0.0.1:${index + 1}:x`).join("\n");
    const timing = { CUIR_INTERVAL: "300ms", CUIR_RECHECK: "100ms" };

    /** Who is told to be down by each of so many Cuirs. */
    async function split(of: number): Promise<string[][]> {
      const parts = Array.from({ length: of }, (_, ordinal) => `cuir-${ordinal}`);
      await Promise.all(
        parts.map((host) =>
          start(
            `${of}-${host}`,
            { ...timing, CUIR_PROBES: probes, CUIR_SHARD: `host/${of}` },
            "--hostname",
            host,
            "--network",
            "none",
          ),
        ),
      );
      return eventually("each target is told to be down", async () => {
        const told = await Promise.all(parts.map((host) => events(`${of}-${host}`)));
        const down = told.map((all) =>
          all.filter(({ tags }) => tags.includes("down")).map(({ program }) => program),
        );
        return down.flat().length >= programs.length ? down : undefined;
      });
    }

    const [two, three] = [await split(2), await split(3)];
    for (const parts of [two, three]) {
      assert.deepEqual(parts.flat().toSorted(), programs.toSorted(), "each has one Cuir");
      assert.ok(
        parts.every((part) => part.length >= 3),
        JSON.stringify(parts),
      );
    }
    for (const [index, part] of two.entries())
      for (const program of part)
        assert.ok(
          three[index]!.includes(program) || three[2]!.includes(program),
          `${program} moved elsewhere`,
        );
  });
});
