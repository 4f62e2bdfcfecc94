// Where notifications come in, and what is said of it to people.
import type { Life } from "./life.ts";

/** Where notifications come in. */
export interface Way {
  /** Names the supervisord where nothing else does. */
  readonly stream: string;
  /** For events: where there are several. */
  readonly shown?: string;
  readonly life?: Life | undefined;
  readonly url?: string | undefined;
  /** The pool's name, where it is known before its first notification. */
  readonly pool?: string | undefined;
  /** Whether other processes than ours read the same pool. */
  readonly shared?: boolean;
}

/** `app`, `app#2`: of several that say one name, the one at this place. */
export const numbered = (name: string, at: number) => (at === 1 ? name : `${name}#${at}`);

/** What a person should read in our own log; the lead's logger fits. */
export interface Log {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}
