// fouet --doctor, supervisord's part: what in its configuration would lose events, with the line to change.
import { diagnoseSupervisor } from "../supervisor/diagnosis.ts";
import type { FouetSettings } from "../supervisor/settings.ts";
import type { Supervised } from "../supervisor/listener.ts";
import type { Finding } from "../transport/finding.ts";

const levels = { fine: "ok", warning: "warning", fault: "error" } as const;

export async function examineSupervisor(
  settings: FouetSettings,
  environment: Supervised,
): Promise<readonly Finding[]> {
  const findings = await diagnoseSupervisor({ settings, serverUrl: environment.SUPERVISOR_SERVER_URL });
  return findings.map(({ level, at, message, remedy }) => ({
    level: levels[level],
    subject: at,
    message,
    ...(remedy === undefined ? undefined : { remedy: `write: ${remedy}` }),
    ...(level === "fault" ? { code: "misconfigured" as const } : undefined),
  }));
}
