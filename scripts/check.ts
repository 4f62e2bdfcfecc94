// Format, lint, types and layout, side by side: what must hold before a commit, in seconds.
import { spawn } from "node:child_process";

const checks: Record<string, string[]> = {
  format: ["oxfmt", "--check"],
  lint: ["oxlint", "--type-aware"],
  types: ["tsc"],
};

async function passes([name, [command, ...args]]: [string, string[]]): Promise<boolean> {
  const child = spawn(command!, args, { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += String(chunk)));
  const code = await new Promise((resolve) => child.on("close", resolve));
  console.log(code === 0 ? `✔ ${name}` : `✖ ${name}\n${output}`);
  return code === 0;
}

const results = await Promise.all(Object.entries(checks).map(passes));
process.exitCode = results.every(Boolean) ? 0 : 1;
