// Where a broker listens: `host:port` in text, IPv6 in brackets. Pure.
import { parsePort } from "../setting.ts";

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** An address whose port may be left out. */
export interface PartialAddress {
  readonly host: string;
  readonly port?: number;
}

/** `db`, `db:6379`, `10.0.0.1:6379`, `[2001:db8::1]:6379`, `2001:db8::1`. */
export function parseAddress(text: string): PartialAddress {
  const bracketed = /^\[([^\]]+)\](?::(.*))?$/.exec(text);
  if (bracketed) return withPort(bracketed[1]!, bracketed[2]);
  if (text.split(":").length > 2) return { host: text };
  const [host = "", port] = text.split(":");
  if (host === "" || /[\s/@]/.test(host))
    throw new Error(`"${text}" is no host: write db.example.com, 10.0.0.1:6379 or [2001:db8::1]:6379`);
  return withPort(host, port);
}

function withPort(host: string, port: string | undefined): PartialAddress {
  return port === undefined ? { host } : { host, port: parsePort(port) };
}

export function formatAddress({ host, port }: Address): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
