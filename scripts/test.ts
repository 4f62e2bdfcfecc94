// Runs the tests: unit tests first, then those against real servers, the built images and the stack.
//   npm test [-- FOLDER-OR-FILE…]   all, or what is named: npm test -- test/unit
import { spawn } from "node:child_process";
import { glob } from "node:fs/promises";
import { join } from "node:path";
import { main, say, ScriptError } from "./command.ts";
import { ensureEngine } from "./engine.ts";
import { buildImages } from "./images.ts";
import { peerPackages } from "../bench/peers.ts";
import { debianPackages, ensurePackages } from "./packages.ts";
import { temporaryFolder } from "../test/servers/server.ts";

await main(async () => {
  const named = process.argv.slice(2);
  const files = await testFiles(named.length > 0 ? named : ["test/unit", "test/integration"]);
  const real = files.filter((file) => file.startsWith("test/integration/"));
  if (real.length > 0) await ensurePackages(Object.keys({ ...debianPackages, ...peerPackages }));
  const engine = real.some(needsEngine) ? await prepareImages() : undefined;
  const unit = files.filter((file) => !real.includes(file));
  const codes: number[] = [];
  // The stack's tests come last and alone: they measure nothing, but a loaded machine makes them slow.
  const groups = [unit, real.filter((file) => !needsEngine(file)), real.filter(needsEngine)];
  for (const group of groups) if (group.length > 0) codes.push(await runGroup(group, engine));
  if (codes.some((code) => code !== 0)) throw new ScriptError("some tests failed: see above");
});

/** Tests in this folder run the images. */
function needsEngine(file: string): boolean {
  return file.startsWith("test/integration/engine/");
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
 * Runs the files two at a time; what failed so is run once more, alone. Real servers side by side on two cores can
 * starve each other; a test that fails alone as well has failed. One that passes then is said to be flaky: mend it.
 */
async function runGroup(files: string[], noEngine: string | undefined): Promise<number> {
  await using folder = await temporaryFolder("moustash-tests-");
  const state = join(folder.path, "state.json");
  const code = await runTests(files, { together: 2, state, noEngine });
  if (code === 0) return 0;
  say("Some tests failed: they are run once more, alone. One that passes now is flaky: find out why.");
  return await runTests(files, { together: 1, state, noEngine });
}

interface RunOptions {
  readonly together: number;
  /** What node:test remembers of the tests that passed. */
  readonly state: string;
  readonly noEngine: string | undefined;
}

async function runTests(files: string[], { together, state, noEngine }: RunOptions): Promise<number> {
  const options = [
    `--test-concurrency=${together}`,
    "--test-timeout=600000",
    `--test-rerun-failures=${state}`,
  ];
  const child = spawn(process.execPath, ["--test", ...options, ...files], {
    stdio: ["ignore", "inherit", "inherit"],
    env: {
      ...process.env,
      NODE_OPTIONS: "--disable-warning=ExperimentalWarning",
      ...(noEngine && { MOUSTASH_TEST_NO_ENGINE: noEngine }),
    },
  });
  return new Promise((resolve) => child.on("close", (code) => resolve(code ?? 1)));
}
