// What is probed: the seed's line `Program: ip:port:informations`, or a URL and informations, to a Target. Pure.
import { parsePort } from "../setting.ts";
import { isIPv4, isIPv6, place } from "./address.ts";
import { type DialogueStep, readyMade } from "./dialogue.ts";
import type { TargetValues } from "./settings.ts";

export const kindNames = ["tcp", "tls", "http", "udp", "unix", "dns", "exchange"] as const;
export type KindName = (typeof kindNames)[number];

export interface Target {
  /** Its name, unique in one Cuir. */
  readonly program: string;
  readonly kind: KindName;
  /** An address without brackets, or a name; empty for a Unix socket. */
  readonly host: string;
  readonly port: number;
  /** `ip:port` as events carry it; IPv6 in brackets; a Unix socket's path. */
  readonly source: string;
  /** What people are told when it is down. */
  readonly informations: string;
  /** The URL, where it was written as one. */
  readonly url?: string;
  /** The name that is asked for, where the URL holds it. */
  readonly query?: string;
  readonly exchange?: { readonly tls: boolean; readonly steps: readonly DialogueStep[] };
  /** Where to connect, where it is not the target itself: a proxy. */
  readonly dial?: { readonly host: string; readonly port: number };
  /** What its own section sets. */
  readonly values: TargetValues;
}

/** Where a probe connects: the target's host, or its proxy's. */
export function placeOf({ dial, host }: Pick<Target, "dial" | "host">): string {
  return (dial?.host ?? host).toLowerCase();
}

/** Whether it is on this very machine, so that its answers and silences say nothing of the network. */
export function isNear(target: Pick<Target, "dial" | "host" | "kind">): boolean {
  return target.kind === "unix" || /^(?:localhost$|127\.|::1$)/.test(placeOf(target));
}

const shape = 'write "ip:port:informations", IPv6 in brackets: [::1]:22:ssh server';

/** What stands for a target wherever one is remembered or compared: equal across replicas. */
export function keyOf({ program, source }: Pick<Target, "program" | "source">): string {
  return `${program} ${source}`;
}

/**
 * `10.1.2.3:22:ssh server for HULK`; names are allowed, informations may hold colons or be empty. Or
 * `tcp://10.1.2.3:22 ssh server`. Throws an Error whose message completes "SSH: …".
 */
export function parseTarget(program: string, value: string): Target {
  const text = value.trim();
  const url = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text);
  if (url) return parseUrl(program, text, url[1]!.toLowerCase());
  const { host, port, informations } = parseSeedLine(text);
  const source = place(host, port);
  return {
    program,
    kind: "tcp",
    host,
    port,
    source,
    informations: informations || `${program} ${source}`,
    values: {},
  };
}

/** Whether a value is a target and no option, whatever its key is called. */
export function isTarget(value: string): boolean {
  try {
    parseTarget("", value);
    return true;
  } catch {
    return false;
  }
}

interface Scheme {
  readonly kind: KindName;
  readonly port?: number;
  readonly exchange?: Target["exchange"];
}

const schemesWithPlace = new Map<string, Scheme>([
  ["tcp", { kind: "tcp" }],
  ["tls", { kind: "tls" }],
  ["http", { kind: "http", port: 80 }],
  ["https", { kind: "http", port: 443 }],
  ["udp", { kind: "udp" }],
  ["dns", { kind: "dns", port: 53 }],
  ...Object.entries(readyMade).map(([name, { port, tls, steps }]): [string, Scheme] => [
    name,
    { kind: "exchange", port, exchange: { tls, steps } },
  ]),
]);

/** unix(7): 108 bytes, with the one that ends it. */
const mostPath = 107;

/** Schemes of URLs, for messages and docs. */
export const schemes = [...schemesWithPlace.keys(), "unix"];

function parseUrl(program: string, text: string, scheme: string): Target {
  const [, url = "", informations = ""] = /^(\S+)(?:\s+(.*))?$/s.exec(text)!;
  const named = (source: string) => ({
    program,
    source,
    url,
    informations: informations || `${program} ${source}`,
    values: {},
  });
  const rest = url.slice(scheme.length + 3);
  if (scheme === "unix") {
    if (!rest.startsWith("/")) throw new Error(`"${url}" has no absolute path: write unix:///run/x.sock`);
    if (Buffer.byteLength(rest) > mostPath)
      throw new Error(`"${url}" has a path of more than ${mostPath} bytes, which no Unix socket can have`);
    return { ...named(rest), kind: "unix", host: "", port: 0 };
  }
  const known = schemesWithPlace.get(scheme);
  if (known === undefined)
    throw new Error(`"${scheme}://" is unknown: it must be one of ${schemes.join(", ")}`);
  const [, where = "", path = ""] = /^([^/?#]*)(.*)$/.exec(rest)!;
  if (where.includes("@")) throw new Error(`"${url}": a password does not belong into a target's line`);
  const { host, port } = parsePlace(where, known.port, url);
  const query = known.kind === "dns" ? decodeURIComponent(path.replace(/^\//, "").split("?")[0]!) : "";
  if (path.length > 1 && known.kind !== "http" && known.kind !== "dns")
    throw new Error(`"${url}" has a path, which ${scheme}:// does not`);
  if (known.kind === "http" && !URL.canParse(url)) throw new Error(`"${url}" is no URL`);
  return {
    ...named(place(host, port)),
    kind: known.kind,
    host,
    port,
    ...(query === "" ? undefined : { query }),
    ...(known.exchange && { exchange: known.exchange }),
  };
}

function parsePlace(
  where: string,
  defaultPort: number | undefined,
  url: string,
): { host: string; port: number } {
  const [, bracketed, plain = "", port] = /^(?:\[([^\]]*)\]|([^:]*))(?::(.*))?$/.exec(where) ?? [];
  if (bracketed !== undefined && !isIPv6(bracketed))
    throw new Error(`"${url}" has no IPv6 address between its brackets`);
  const host = bracketed ?? plain;
  if (host === "" && /:.*:/.test(where)) throw new Error(`"${url}" has an IPv6 address without brackets`);
  if (bracketed === undefined) checkHost(host);
  if (port !== undefined && port !== "") return { host, port: parsePort(port) };
  if (defaultPort === undefined) throw new Error(`"${url}" has no port`);
  return { host, port: defaultPort };
}

function parseSeedLine(value: string): { host: string; port: number; informations: string } {
  if (value.startsWith("[")) {
    const end = value.indexOf("]");
    const host = value.slice(1, end);
    if (end < 0 || !isIPv6(host)) throw new Error(`"${value}" has no IPv6 address between its brackets`);
    if (value[end + 1] !== ":") throw new Error(`"${value}" has no port: ${shape}`);
    return { host, ...parseTail(value.slice(end + 2), value) };
  }
  const at = value.indexOf(":");
  if (at < 0) throw new Error(`"${value}" is no target: ${shape}`);
  const host = value.slice(0, at);
  try {
    checkHost(host);
    const tail = parseTail(value.slice(at + 1), value);
    if (!tail.informations.startsWith(":")) return { host, ...tail };
  } catch (error) {
    if (!isBareIPv6(value)) throw error;
  }
  throw new Error(`"${value}" has an IPv6 address without brackets: ${shape}`);
}

function isBareIPv6(value: string): boolean {
  const [run = ""] = /^[0-9a-f:.]*/i.exec(value) ?? [];
  return run.includes("::") || run.split(":").length > 7;
}

function parseTail(tail: string, value: string) {
  const at = tail.indexOf(":");
  if (at < 0) {
    parsePort(tail.trim());
    throw new Error(`"${value}" has no informations after the port: ${shape}`);
  }
  return { port: parsePort(tail.slice(0, at).trim()), informations: tail.slice(at + 1).trim() };
}

/** RFC 1123 §2.1 names, with the underscore that container networks use; anything of digits and dots is an address. */
const name =
  /^(?=.{1,253}\.?$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*\.?$/iu;

export function checkHost(host: string): void {
  if (host === "") throw new Error(`the address is missing: ${shape}`);
  if (isIPv4(host) || isIPv6(host)) return;
  if (/^[\d.]+$/.test(host)) throw new Error(`"${host}" is no IPv4 address`);
  if (!name.test(host)) throw new Error(`"${host}" is neither an address nor a name`);
}
