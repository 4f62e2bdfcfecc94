// The log: on stderr, never stdout (Fouet's stdout is supervisord's protocol, PanPan's belongs to pipes).
// WARN: recoverable, nothing lost. ERROR: something was lost, or needs a person.

export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface LoggerOptions {
  readonly tool: string;
  readonly level: "trace" | "debug" | "info" | "warn" | "error" | "fatal" | "silent";
  /** json: one object a line, for containers. text: one plain line, for people. */
  readonly format: "json" | "text";
}

const stderr = 2;

/** The daemons' log. A one-shot does without pino, which is loaded here. */
export async function createLogger({ tool, level, format }: LoggerOptions): Promise<Logger> {
  const { pino } = await import("pino");
  const destination = pino.destination({ fd: stderr, sync: true });
  const logger = pino(
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
  // Not pino itself: its type has a then-like member of any, which a promise must not carry.
  return {
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
  };
}

/** A one-shot's log: `panpan: spooled, delivery pending`, from warnings upwards. */
export function createPlainLogger(tool: string, write: (line: string) => void): Logger {
  const say = (_: object, message: string) => write(`${tool}: ${message}\n`);
  return { debug() {}, info() {}, warn: say, error: say };
}

/** `2026-11-22T13:37:20.581Z warn cuir: the broker is away key=value`. */
function toText(line: string): string {
  const { time, level, tool, message, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const rest = Object.entries(fields).map(([key, value]) => ` ${key}=${inline(value)}`);
  return `${time} ${level} ${tool}: ${message}${rest.join("")}\n`;
}

function inline(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return /^[^\s"=]+$/.test(text) ? text : JSON.stringify(text);
}
