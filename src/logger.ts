// The log: pino on stderr, never stdout (Fouet's stdout is supervisord's protocol, PanPan's belongs to pipes).
// WARN: recoverable, nothing lost. ERROR: something was lost, or needs a person.
import { pino } from "pino";

export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export type LogLevel = "debug" | "info" | "warn" | "error";

export interface LoggerOptions {
  readonly tool: string;
  readonly level: LogLevel;
  /** json: one object a line, for containers. text: one plain line, for people. */
  readonly format: "json" | "text";
}

const stderr = 2;

export function createLogger({ tool, level, format }: LoggerOptions): Logger {
  const destination = pino.destination({ fd: stderr, sync: true });
  return pino(
    {
      level,
      base: { tool },
      messageKey: "message",
      errorKey: "error",
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    format === "json" ? destination : { write: (line: string) => destination.write(toText(line)) },
  );
}

/** `2026-11-22T13:37:20.581Z warn cuir: the broker is away (…) key=value`. */
function toText(line: string): string {
  const { time, level, tool, message, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const rest = Object.entries(fields).map(([key, value]) => ` ${key}=${inline(value)}`);
  return `${time} ${level} ${tool}: ${message}${rest.join("")}\n`;
}

function inline(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return /^[^\s"=]+$/.test(text) ? text : JSON.stringify(text);
}
