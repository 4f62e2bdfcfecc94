// What an IP address is, asked of node:net only when somebody asks.

export interface Address {
  readonly address: string;
  readonly family: 4 | 6;
}

const net = () => process.getBuiltinModule("node:net");

export const isIPv4 = (text: string): boolean => net().isIPv4(text);
export const isIPv6 = (text: string): boolean => net().isIPv6(text);

/** An address that needs no lookup; undefined for a name. */
export function literal(host: string): Address | undefined {
  const family = net().isIP(host);
  return family === 4 || family === 6 ? { address: host, family } : undefined;
}

/** `ip:port`, IPv6 in brackets. */
export function place(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

export function isLoopback(address: string): boolean {
  return /^127\.|^::1$|^::ffff:127\./i.test(address);
}
