// Who may read: nobody's business without a password, else the one token or the one user and password.
import { createHash, timingSafeEqual } from "node:crypto";

export interface Access {
  readonly token?: string | undefined;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
}

/** Whether everybody may read. */
export const asksNothing = ({ token, password }: Access): boolean =>
  token === undefined && password === undefined;

/** Judges an Authorization header (RFC 7617, RFC 6750). Takes the same time wherever a guess differs. */
export function createGuard(access: Access): (authorization: string | undefined) => boolean {
  const { token, user, password } = access;
  if (asksNothing(access)) return () => true;
  return (authorization = "") => {
    const [, scheme = "", value = ""] = /^(\S+) +(\S+)$/.exec(authorization) ?? [];
    if (scheme.toLowerCase() === "bearer") return token !== undefined && isSame(value, token);
    if (scheme.toLowerCase() !== "basic") return false;
    const pair = Buffer.from(value, "base64").toString();
    const at = pair.indexOf(":");
    const [name, secret] = [pair.slice(0, Math.max(0, at)), pair.slice(at + 1)];
    const byToken = token !== undefined && isSame(secret, token);
    const rightName = user === undefined || isSame(name, user);
    return byToken || (password !== undefined && isSame(secret, password) && rightName);
  };
}

function isSame(guess: string, secret: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(guess), digest(secret));
}
