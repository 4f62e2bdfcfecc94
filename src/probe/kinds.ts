// The kinds of probe, by name: the table that targets, docs and the contract's test go by.
import { dns } from "./dns.ts";
import { exchange, unix } from "./exchange.ts";
import { http } from "./http.ts";
import type { Kind } from "./probe.ts";
import type { KindName } from "./target.ts";
import { tcp } from "./tcp.ts";
import { tls } from "./tls.ts";
import { udp } from "./udp.ts";

export interface KindEntry {
  readonly make: Kind;
  /** How it is written. */
  readonly written: string;
  /** When it is up. */
  readonly help: string;
  /** Prefixes or names of the settings of [Cuir:Program] that it understands. */
  readonly options: readonly string[];
}

const talk = ["send", "expect", "dialogue"];

export const kinds: Readonly<Record<KindName, KindEntry>> = {
  tcp: {
    make: tcp,
    written: "`10.1.2.3:22:informations` or `tcp://10.1.2.3:22 informations`",
    help: "A TCP connection stands.",
    options: [...talk, "tls_"],
  },
  tls: {
    make: tls,
    written: "`tls://db.example.com:5433 informations`",
    help: "A TLS handshake, and a certificate that is trusted, for the right name, and good for `tls_days` yet.",
    options: [...talk, "tls_"],
  },
  http: {
    make: http,
    written: "`https://shop.example.com/health informations`, or `http://…`",
    help: "An answer whose status, headers and body are as configured, after redirects; over TLS the certificate too.",
    options: ["http_", "tls_"],
  },
  udp: {
    make: udp,
    written: "`udp://10.1.2.3:123 informations`, with `send` and `expect`",
    help: "The expected answer came: silence is never taken for life.",
    options: ["send", "expect"],
  },
  unix: {
    make: unix,
    written: "`unix:///run/app.sock informations`",
    help: "A connection to the Unix socket stands.",
    options: talk,
  },
  dns: {
    make: dns,
    written: "`dns://10.1.2.3/shop.example.com informations`",
    help: "That resolver gives such a record, with the expected answers.",
    options: ["dns_"],
  },
  exchange: {
    make: exchange,
    written:
      "`smtp://mail.example.com informations` and the like, or `tcp://` and `tls://` with `expect` or `dialogue`",
    help: "Each line of the dialogue is answered as expected.",
    options: [...talk, "tls_"],
  },
};
