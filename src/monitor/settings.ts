// The settings of watching a daemon: where its HTTP server listens, and who may read beyond health.
import { MoustashError, exitCodes } from "../errors.ts";
import { type Setting, optional, parseText, parseUnlessNone, setting } from "../setting.ts";
import type { Access } from "./access.ts";

/** Where to listen: an IP address without brackets (or `localhost`), and a port. */
export interface HttpAddress {
  readonly host: string;
  readonly port: number;
}

/** `127.0.0.1:9797`, `[::]:9797`, `localhost:9797`; `none` (or off) is undefined. */
export function parseHttpAddress(text: string): HttpAddress | undefined {
  if (/^(none|off)$/i.test(text)) return undefined;
  const [, six, other, digits] = /^(?:\[([0-9a-f:.]+)\]|([^\s:[\]/]+)):(\d{1,5})$/i.exec(text) ?? [];
  const host = six ?? other;
  const port = Number(digits);
  if (host === undefined || port > 65_535 || !(isDotted(host) || six !== undefined || host === "localhost"))
    throw new Error(
      `"${text}" is no address and port: write 127.0.0.1:9797, [::]:9797 for all addresses, or none`,
    );
  return { host, port };
}

function isDotted(text: string): boolean {
  const parts = text.split(".");
  return parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255);
}

/** `[::]:9797` as it is written in settings and URLs. */
export function formatHttpAddress({ host, port }: HttpAddress): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The same for both daemons, but for the port and what is served there. */
export function monitorSettings(address: string, serves: string) {
  const http: Setting<HttpAddress | undefined> = setting(
    parseHttpAddress,
    address,
    `Where ${serves} are served: \`address:port\` (\`[::]:${address.split(":").at(-1)}\` for all addresses), or \`none\`.`,
  );
  return {
    http,
    http_token: optional(
      parseText,
      "What a reader must show for all but `/healthz` and `/readyz`: as `Authorization: Bearer …`, or as the password that a browser asks for, with any user.",
      { secret: true },
    ),
    http_user: optional(parseUnlessNone(parseText), "The same with a user: goes with `http_password`."),
    http_password: optional(parseText, "The password of `http_user`.", { secret: true }),
  };
}

export const cuirMonitorSettings = monitorSettings(
  "127.0.0.1:9797",
  "the page, `/api/targets`, `/metrics`, `/healthz` and `/readyz`",
);
export const fouetMonitorSettings = monitorSettings("127.0.0.1:9798", "`/metrics`, `/healthz` and `/readyz`");

/** Who may read, of a tool's settings. Throws a MoustashError (78) where half of a pair is missing. */
export function accessOf(values: {
  readonly http_token: string | undefined;
  readonly http_user: string | undefined;
  readonly http_password: string | undefined;
}): Access {
  const { http_token: token, http_user: user, http_password: password } = values;
  if ((user === undefined) !== (password === undefined))
    throw new MoustashError(
      "configuration",
      exitCodes.configuration,
      "http_user and http_password belong together: set both, or http_token alone",
    );
  return { token, user, password };
}
