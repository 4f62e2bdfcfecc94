// --doctor's part that all tools share: the way from here to the reader, a line for each thing looked at.
import { type ExitCode, exitCodes } from "../errors.ts";
import { diagnoseTransport } from "../transport/diagnosis.ts";
import type { Finding } from "../transport/finding.ts";
import type { TransportValues } from "../transport/settings.ts";
import { print } from "./print.ts";

const marks = { ok: "✓", warning: "!", error: "✗" };
const exits = {
  unavailable: exitCodes.unavailable,
  credentials: exitCodes.credentials,
  misconfigured: exitCodes.configuration,
};

/** For the tools whose settings have no json_output. */
export const jsonFlag = { needs: "doctor", help: "with --doctor: print one JSON object" } as const;

/** Prints the findings; exit 0 only where an event would get through. */
export async function doctor(
  values: TransportValues,
  { json = false, more = [] }: { json?: boolean; more?: readonly Finding[] } = {},
): Promise<ExitCode> {
  const findings = [...more, ...(await diagnoseTransport(values))];
  const trouble = findings.find(({ level }) => level === "error");
  const code = trouble ? exits[trouble.code ?? "unavailable"] : exitCodes.ok;
  await print(
    json ? `${JSON.stringify({ ok: !trouble, exit: code, findings })}\n` : findings.map(line).join(""),
  );
  return code;
}

function line({ level, subject, message, remedy }: Finding): string {
  return `${marks[level]} ${subject}: ${message}${remedy === undefined ? "" : `\n  → ${remedy}`}\n`;
}
