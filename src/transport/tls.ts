// What TLS needs of files: read anew for each connection, so that renewed certificates are taken without a restart.
import { readFile } from "node:fs/promises";
import { TransportError } from "./transport.ts";

export interface TlsFiles {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

export interface TlsMaterial {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** Names of the settings that hold the files, for messages. */
export type TlsNames = Readonly<Record<keyof TlsFiles, string>>;

/** Rejects with a TransportError that names the setting and the file. */
export async function readTlsFiles(files: TlsFiles, names: TlsNames): Promise<TlsMaterial> {
  if ((files.cert === undefined) !== (files.key === undefined)) {
    const missing = files.cert === undefined ? names.cert : names.key;
    throw new TransportError(
      "misconfigured",
      `${names.cert} and ${names.key} belong together: set ${missing}`,
    );
  }
  const material: Record<string, string> = {};
  for (const part of ["ca", "cert", "key"] as const) {
    const value = files[part];
    if (value !== undefined) material[part] = await readPem(value, names[part]);
  }
  return material;
}

async function readPem(value: string, name: string): Promise<string> {
  if (value.startsWith("-----BEGIN ")) return value;
  let text;
  try {
    text = await readFile(value, "utf8");
  } catch (cause) {
    const why =
      (cause as NodeJS.ErrnoException).code === "ENOENT"
        ? "is not there"
        : `cannot be read (${(cause as Error).message})`;
    throw new TransportError("misconfigured", `${name}: ${value} ${why}`, { cause });
  }
  if (!text.includes("-----BEGIN "))
    throw new TransportError("misconfigured", `${name}: ${value} holds no PEM (-----BEGIN …)`);
  return text;
}
