// fouet --doctor, supervisord's part: what in its configuration would lose events, with the line to change.
import { type ExitCode, exitCodes } from "../errors.ts";
import { diagnoseSupervisor, showFinding } from "../supervisor/diagnosis.ts";
import type { FouetSettings } from "../supervisor/settings.ts";
import type { Supervised } from "../supervisor/listener.ts";

/** Prints a line for each finding; 78 where one of them loses events. */
export async function diagnose(settings: FouetSettings, environment: Supervised): Promise<ExitCode> {
  const findings = await diagnoseSupervisor({ settings, serverUrl: environment.SUPERVISOR_SERVER_URL });
  for (const finding of findings) process.stdout.write(`${showFinding(finding)}\n`);
  return findings.some(({ level }) => level === "fault") ? exitCodes.configuration : exitCodes.ok;
}
