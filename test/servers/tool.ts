// One of the three tools as a process, from source, in an environment of its own.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

const entry = join(import.meta.dirname, "../../src/main.ts");

export interface ToolEnded {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export function startTool(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const child: ChildProcess = spawn(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", entry, ...args],
    {
      stdio: ["ignore", "pipe", "pipe"],
      env: { PATH: process.env.PATH, MOUSTASH_SPOOL: "none", CUIR_HTTP: "none", FOUET_HTTP: "none", ...env },
    },
  );
  const seen = { stdout: "", stderr: "" };
  child.stdout!.on("data", (chunk) => (seen.stdout += String(chunk)));
  child.stderr!.on("data", (chunk) => (seen.stderr += String(chunk)));
  const ended = once(child, "close").then(([code]): ToolEnded => ({ code: code as number | null, ...seen }));
  return { child, seen, ended };
}

export const runTool = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  startTool(args, env).ended;
