// Certificates of an authority of the test's own, made by openssl.
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { temporaryFolder } from "./server.ts";

const openssl = (...words: string[]) => promisify(execFile)("openssl", words);

export interface Identity {
  readonly cert: string;
  readonly key: string;
}

/** Paths of PEM files. */
export interface Certificates extends AsyncDisposable {
  readonly ca: string;
  /** Of another authority. */
  readonly strangeCa: string;
  /** For localhost and 127.0.0.1. */
  readonly server: Identity;
  readonly expired: Identity;
  /** For another name. */
  readonly misnamed: Identity;
  readonly client: Identity;
}

export async function makeCertificates(): Promise<Certificates> {
  const folder = await temporaryFolder("moustash-tls-");
  const at = (name: string) => join(folder.path, name);

  async function authority(name: string): Promise<string> {
    const subject = ["-subj", `/CN=${name}`, "-days", "30"];
    await openssl(
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
      "-nodes",
      ...subject,
      "-keyout",
      at(`${name}.key`),
      "-out",
      at(`${name}.pem`),
    );
    return at(`${name}.pem`);
  }

  async function identity(name: string, names: string, validity = ["-days", "30"]): Promise<Identity> {
    const files = { cert: at(`${name}.pem`), key: at(`${name}.key`) };
    await openssl(
      "req",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
      "-nodes",
      "-subj",
      `/CN=${name}`,
      "-keyout",
      files.key,
      "-out",
      at(`${name}.csr`),
    );
    await writeFile(at(`${name}.ext`), `subjectAltName=${names}\n`);
    await openssl(
      "x509",
      "-req",
      "-in",
      at(`${name}.csr`),
      "-CA",
      at("authority.pem"),
      "-CAkey",
      at("authority.key"),
      "-CAcreateserial",
      "-extfile",
      at(`${name}.ext`),
      ...validity,
      "-out",
      files.cert,
    );
    return files;
  }

  const ca = await authority("authority");
  const here = "DNS:localhost,IP:127.0.0.1,IP:0:0:0:0:0:0:0:1";
  return {
    ca,
    strangeCa: await authority("stranger"),
    server: await identity("server", here),
    expired: await identity("expired", here, await past()),
    misnamed: await identity("misnamed", "DNS:elsewhere.example"),
    client: await identity("client", "DNS:client"),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

/** A validity that is over, as this openssl wants it: since 3.4 an end before the start is refused. */
async function past(): Promise<string[]> {
  const { stderr } = await openssl("x509", "-help");
  return stderr.includes("-not_before")
    ? ["-not_before", "20200101000000Z", "-not_after", "20200102000000Z"]
    : ["-days", "-1"];
}
