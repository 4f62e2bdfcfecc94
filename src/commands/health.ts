// `--health` of the daemons, for HEALTHCHECK: says whether the one that runs here is alive.
import type { ConfigError } from "../config/problem.ts";
import type { ExitCode } from "../errors.ts";
import type { Logger } from "../logger.ts";
import { askHealth } from "../monitor/health.ts";
import type { HttpAddress } from "../monitor/settings.ts";

export const healthFlag = {
  task: true,
  help: "ask the daemon that runs here whether it is alive: exit code 0 or 1",
} as const;

/** What a wrong configuration would do to a new daemon says nothing about the one that lives. */
export async function healthWhenBroken(
  tool: string,
  error: ConfigError,
  { line, logger, address }: HealthShell,
): Promise<ExitCode> {
  if (!line.options.health) throw error;
  for (const { origin, message, setting } of error.problems)
    if (setting?.key === "http") logger.warn({}, `${origin}: ${message}; the usual address is asked`);
  return await sayHealth(tool, address);
}

interface HealthShell {
  readonly line: { readonly options: { readonly health: boolean } };
  readonly logger: Pick<Logger, "warn">;
  readonly address: HttpAddress | undefined;
}

export async function sayHealth(tool: string, address: HttpAddress | undefined): Promise<ExitCode> {
  const { alive, text } = await askHealth({ tool, address });
  process.stdout.write(`${text}\n`);
  return alive ? 0 : 1;
}
