// What PanPan is asked to do, from its words: the original's four, a message, standard input or a command. Pure.
import { UsageError } from "../errors.ts";

export type Task =
  | {
      readonly kind: "message";
      readonly message: string;
      readonly program?: string;
      readonly source?: string;
      readonly notify?: boolean;
    }
  | { readonly kind: "input"; readonly form: "lines" | "whole" | "json" }
  | { readonly kind: "command"; readonly command: readonly [string, ...string[]] };

export interface Words {
  /** Bare words, and all that stands behind `--`. */
  readonly words: readonly string[];
  /** What stands behind `--`, where there is one. */
  readonly rest: readonly string[] | undefined;
  /** `--run` is given: the words are a command. */
  readonly run: boolean;
  /** `-m`. */
  readonly message: string | undefined;
  readonly whole: boolean;
  readonly json: boolean;
  /** What standard input is: nothing is `/dev/null` or closed. */
  readonly input: "terminal" | "nothing" | "readable";
  /** How near to the command line message, whole and json stand; 0, where it is left out, is on it, as words are. */
  readonly layers?: Readonly<Partial<Record<Form, number>>>;
}

const forms = ["message", "whole", "json"] as const;
type Form = (typeof forms)[number];

export const helpHint = "panpan --help shows how";

/** Throws a UsageError (64) for words that make no sense together. */
export function parseTask(all: Words): Task {
  const { words, rest, run, input } = all;
  if (run) return parseCommand(words, rest);
  const { message, whole, json } = nearest(all);
  if (words.length > 0 && message !== undefined) {
    throw new UsageError(`the message is given twice: -m and ${JSON.stringify(words[0])}; leave one out`);
  }
  const said = words.length > 0 ? parseMessage(words) : message === undefined ? undefined : says(message);
  if (whole && json) throw new UsageError("--whole and --json exclude each other");
  if (said !== undefined) {
    if (whole || json) {
      throw new UsageError(
        `${whole ? "--whole" : "--json"} reads standard input, but a message is given; leave one of them out`,
      );
    }
    return said;
  }
  if (input === "readable") return { kind: "input", form: whole ? "whole" : json ? "json" : "lines" };
  throw new UsageError(
    input === "terminal"
      ? `there is no message; ${helpHint}`
      : `there is no message, and standard input is empty (/dev/null); ${helpHint}`,
  );
}

/** Of what excludes each other the nearest to the command line counts; in one place it is a contradiction. */
function nearest({ words, message, whole, json, layers = {} }: Words): Pick<Words, Form> {
  const given = { message: message !== undefined, whole, json };
  const layerOf = (form: Form) => (given[form] ? (layers[form] ?? 0) : Infinity);
  const first = Math.min(words.length > 0 ? 0 : Infinity, ...forms.map(layerOf));
  const counts = (form: Form) => given[form] && layerOf(form) === first;
  return {
    message: counts("message") ? message : undefined,
    whole: counts("whole"),
    json: counts("json"),
  };
}

function parseMessage(words: readonly string[]): Task {
  const [message, program, source, last] = words as [string, string, string, string];
  if (words.length === 1) return says(message);
  if (words.length !== 4) {
    throw new UsageError(
      `${words.length} words are neither one message nor MESSAGE PROGRAM SOURCE True|False; put quotes around the message`,
    );
  }
  const answer = last.toLowerCase();
  if (answer !== "true" && answer !== "false") {
    throw new UsageError(
      `the fourth word must be True or False, not ${JSON.stringify(last)} (MESSAGE PROGRAM SOURCE True|False); put quotes around a message of several words`,
    );
  }
  if (program === "" || source === "") {
    throw new UsageError(
      `${program === "" ? "PROGRAM" : "SOURCE"} is empty (MESSAGE PROGRAM SOURCE True|False)`,
    );
  }
  return { ...says(message), program, source, notify: answer === "true" };
}

function says(message: string): Task & { kind: "message" } {
  if (message.trim() === "") throw new UsageError(`the message is empty; ${helpHint}`);
  return { kind: "message", message };
}

/** The command behind `--`; what stands before it would be a message, and there is none to send. */
export function parseCommand(
  words: readonly string[],
  rest: readonly string[] = [],
): Task & { readonly kind: "command" } {
  const stray = words.length - rest.length;
  if (stray > 0) {
    throw new UsageError(
      `--run takes its command after --, so ${JSON.stringify(words[0])} is one word too many: panpan --run [options] -- COMMAND [ARG…]`,
    );
  }
  const [command, ...args] = rest;
  if (command === undefined) {
    throw new UsageError("--run needs a command: panpan --run [options] -- COMMAND [ARG…]");
  }
  if (command === "") throw new UsageError("the command's name is empty: panpan --run -- COMMAND [ARG…]");
  return { kind: "command", command: [command, ...args] };
}
