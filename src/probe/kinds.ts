// The kinds of probe, by name: the table that targets, docs and the contract's test go by.
import type { Kind } from "./probe.ts";
import type { KindName } from "./target.ts";
import { tcp } from "./tcp.ts";

export interface KindEntry {
  readonly make: Kind;
  /** One line for the docs. */
  readonly help: string;
  /** Prefixes or names of the settings of [Cuir:Program] that it understands. */
  readonly options: readonly string[];
}

export const kinds = {
  tcp: { make: tcp, help: "A TCP connection stands.", options: [] },
} as unknown as Readonly<Record<KindName, KindEntry>>;
