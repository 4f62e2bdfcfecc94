// `--health` of the daemons, for HEALTHCHECK: says whether the one that runs here is alive.
import type { ExitCode } from "../errors.ts";
import { askHealth } from "../monitor/health.ts";
import type { HttpAddress } from "../monitor/settings.ts";

export const healthFlag = {
  task: true,
  help: "ask the daemon that runs here whether it is alive: exit code 0 or 1",
} as const;

export async function sayHealth(tool: string, address: HttpAddress | undefined): Promise<ExitCode> {
  const { alive, text } = await askHealth({ tool, address });
  process.stdout.write(`${text}\n`);
  return alive ? 0 : 1;
}
