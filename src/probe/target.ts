// What is probed: the seed's line `Program: ip:port:informations` to a Target. Pure.
import { parsePort } from "../setting.ts";
import { isIPv4, isIPv6, place } from "./address.ts";

export interface Target {
  /** Its name, unique in one Cuir. */
  readonly program: string;
  readonly kind: "tcp";
  /** An address without brackets, or a name. */
  readonly host: string;
  readonly port: number;
  /** `ip:port` as events carry it; IPv6 in brackets. */
  readonly source: string;
  /** What people are told when it is down. */
  readonly informations: string;
  readonly labels?: Readonly<Record<string, string>>;
}

const shape = 'write "ip:port:informations", IPv6 in brackets: [::1]:22:ssh server';

/**
 * `10.1.2.3:22:ssh server for HULK`; names are allowed, informations may hold colons or be empty.
 * Throws an Error whose message completes "SSH: …".
 */
export function parseTarget(program: string, value: string): Target {
  const { host, port, informations } = parseSeedLine(value.trim());
  const source = place(host, port);
  return { program, kind: "tcp", host, port, source, informations: informations || `${program} ${source}` };
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

/** Whether somebody meant a target: an error in it is then told as a target's. */
export function resemblesTarget(value: string): boolean {
  return /^(\[[^\]]*\]|[^\s:]+):[^\s:]*:/.test(value.trim()) || isPlace(value.trim());
}

/** `ip:port` without informations. */
function isPlace(value: string): boolean {
  return /^(\[[^\]]*\]|[^\s:/]+):\d+$/.test(value);
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
  if (isIPv6(value.split(/\s/)[0]!) || /^[0-9a-f]{1,4}:[0-9a-f]{0,4}:[0-9a-f:.]*:/i.test(value))
    throw new Error(`"${value}" has an IPv6 address without brackets: ${shape}`);
  checkHost(host);
  return { host, ...parseTail(value.slice(at + 1), value) };
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
