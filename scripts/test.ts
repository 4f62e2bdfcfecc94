// Runs the tests: unit tests first, then those against real servers, the built images and the stack.
//   npm test [-- FOLDER-OR-FILE…]   all, or what is named: npm test -- test/unit
//   MOUSTASH_TEST_REDIS=valkey-8 MOUSTASH_TEST_RABBITMQ=rabbitmq-4 npm test   all on these servers, and on no others
import { spawn } from "node:child_process";
import { glob, readFile } from "node:fs/promises";
import { join } from "node:path";
import { main, say, ScriptError } from "./command.ts";
import { ensureEngine } from "./engine.ts";
import { buildImages } from "./images.ts";
import { peerPackages } from "../bench/peers.ts";
import { debianPackages, ensurePackages } from "./packages.ts";
import { chosenReleases, ensureReleases, releasesOf, roundsBesideOwn } from "./releases.ts";
import { temporaryFolder } from "../test/servers/server.ts";

await main(async () => {
  const named = process.argv.slice(2);
  const files = await testFiles(named.length > 0 ? named : ["test/unit", "test/integration"]);
  const real = files.filter((file) => file.startsWith("test/integration/"));
  if (real.length > 0) await ensurePackages(Object.keys({ ...debianPackages, ...peerPackages }));
  const chosen = chosenReleases();
  if (real.length > 0) await ensureReleases(chosen);
  const noEngine = real.some(needsEngine) ? await prepareImages() : undefined;
  const unit = files.filter((file) => !real.includes(file));
  const codes: number[] = [];
  const run = async (group: string[], env: NodeJS.ProcessEnv = {}) => {
    if (group.length > 0) codes.push(await runGroup(group, env));
  };
  await run(unit);
  await run(real.filter((file) => !needsEngine(file)));
  // Where servers were chosen, all tests run on these alone.
  for (const { title, group, env } of chosen.length > 0 ? [] : await onOtherServers(real)) {
    say(`The same on ${title}:`);
    await run(group, env);
  }
  // The stack's tests come last and alone: they measure nothing, but a loaded machine makes them slow.
  await run(real.filter(needsEngine), noEngine === undefined ? {} : { MOUSTASH_TEST_NO_ENGINE: noEngine });
  if (codes.some((code) => code !== 0)) throw new ScriptError("some tests failed: see above");
});

/** Tests in this folder run the images. */
function needsEngine(file: string): boolean {
  return file.startsWith("test/integration/engine/");
}

/**
 * The brokers' tests once more, on each release that is not the machine's own: every mode where both brokers are
 * another Debian's, what one server shows where Redis alone is.
 */
async function onOtherServers(files: string[]) {
  const every = /\/(transport-(redis|rabbitmq)|diagnosis)[^/]*$/;
  const alone = /\/transport-redis(-tls|-errors)?\.test\.ts$/;
  if (!files.some((file) => every.test(file))) return [];
  const rounds = roundsBesideOwn();
  await ensureReleases(rounds.flatMap(releasesOf));
  return rounds.map((env) => ({
    title: releasesOf(env)
      .map(({ title }) => title)
      .join(" and "),
    group: files.filter((file) => (env.MOUSTASH_TEST_RABBITMQ ? every : alone).test(file)),
    env,
  }));
}

async function testFiles(places: string[]): Promise<string[]> {
  const found: string[] = [];
  for (const place of places) {
    if (place.endsWith(".ts")) found.push(place);
    else for await (const file of glob(`${place}/**/*.test.ts`)) found.push(file);
  }
  if (found.length === 0) throw new ScriptError(`no tests in ${places.join(", ")}`);
  return found.toSorted();
}

/** The reason why there is no engine, or undefined. Tests that need one skip with it. */
async function prepareImages(): Promise<string | undefined> {
  try {
    await ensureEngine();
  } catch (error) {
    if (!(error instanceof ScriptError)) throw error;
    say(`Without a Docker engine the tests in test/integration/engine are skipped: ${error.message}`);
    return error.message;
  }
  await buildImages();
  return undefined;
}

/**
 * Runs the files two at a time; those in which something failed are run once more, alone. Real servers side by side on
 * two cores can starve each other; a test that fails alone as well has failed. One that passes then is said to be flaky:
 * mend it.
 */
async function runGroup(files: string[], env: NodeJS.ProcessEnv): Promise<number> {
  await using folder = await temporaryFolder("moustash-tests-");
  const failed = join(folder.path, "failed");
  const code = await runTests(files, { together: 2, failed, env });
  if (code === 0) return 0;
  say("Some tests failed: their files are run once more, alone. One that passes now is flaky: find out why.");
  const again = (await readFile(failed, "utf8")).split("\n").filter(Boolean);
  return await runTests(again.length > 0 ? again : files, { together: 1, failed, env });
}

interface RunOptions {
  readonly together: number;
  /** Where the names of the files are written in which something failed. */
  readonly failed: string;
  readonly env: NodeJS.ProcessEnv;
}

async function runTests(files: string[], { together, failed, env }: RunOptions): Promise<number> {
  const options = [
    `--test-concurrency=${together}`,
    "--test-timeout=300000",
    // What a test that timed out leaves open must not keep its file, and all of us, for ever.
    "--test-force-exit",
    "--test-reporter=spec",
    "--test-reporter-destination=stdout",
    `--test-reporter=${join(import.meta.dirname, "failed-files.ts")}`,
    `--test-reporter-destination=${failed}`,
  ];
  const child = spawn(process.execPath, ["--test", ...options, ...files], {
    stdio: ["ignore", "inherit", "inherit"],
    env: {
      ...process.env,
      NODE_OPTIONS: "--disable-warning=ExperimentalWarning",
      ...env,
    },
  });
  let told: NodeJS.Signals | undefined;
  const pass = (signal: NodeJS.Signals) => {
    told = signal;
    child.kill(signal);
  };
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, pass);
  const code = await new Promise<number>((resolve) => child.on("close", (ended) => resolve(ended ?? 1)));
  for (const signal of signals) process.off(signal, pass);
  if (told !== undefined) throw new ScriptError(`ended by ${told}`);
  return code;
}
