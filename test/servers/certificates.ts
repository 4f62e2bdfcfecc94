// Certificates for the tests of the brokers: of an authority of the test's own, and a strange one.
import { join } from "node:path";
import { type Certificate, createAuthority } from "./authority.ts";
import { temporaryFolder } from "./server.ts";

/** Paths of PEM files. */
export interface Certificates extends AsyncDisposable {
  readonly ca: string;
  /** Of another authority. */
  readonly strangeCa: string;
  /** For localhost and 127.0.0.1. */
  readonly server: Certificate;
  readonly expired: Certificate;
  /** For another name. */
  readonly misnamed: Certificate;
  readonly client: Certificate;
}

export async function makeCertificates(): Promise<Certificates> {
  const folder = await temporaryFolder("moustash-tls-");
  const authority = createAuthority(join(folder.path, "authority"));
  const names = "DNS:localhost,IP:127.0.0.1,IP:0:0:0:0:0:0:0:1";
  return {
    ca: authority.cert,
    strangeCa: createAuthority(join(folder.path, "stranger"), "Stranger").cert,
    server: authority.issue("server", { names }),
    expired: authority.issue("expired", { names, days: -1 }),
    misnamed: authority.issue("misnamed", { names: "DNS:elsewhere.example" }),
    client: authority.issue("client", { names: "DNS:client" }),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}
