// A certificate authority for a test, by openssl: certificates that are good, expired, or for another name.
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

export interface Authority extends Certificate {
  /** `names`: `DNS:a.test,IP:127.0.0.1`; negative days: expired. */
  issue(name: string, options: { names: string; days?: number; begins?: string }): Certificate;
}

/** In that folder, which is made where it is not there. */
export function createAuthority(folder: string, name = "Trial CA"): Authority {
  mkdirSync(folder, { recursive: true });
  const at = (name: string) => join(folder, name);
  const openssl = (...args: string[]) => execFileSync("openssl", args, { cwd: folder, stdio: "pipe" });
  const [cert, key] = [at("ca.crt"), at("ca.key")];
  openssl(
    "req",
    "-x509",
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:P-256",
    "-nodes",
    "-keyout",
    key,
    "-out",
    cert,
    "-subj",
    `/CN=${name}`,
    "-days",
    "30",
  );
  writeFileSync(at("index.txt"), "");
  writeFileSync(
    at("ca.cnf"),
    `[ca]\ndefault_ca=d\n[d]\ndatabase=${at("index.txt")}\nrand_serial=yes\nnew_certs_dir=${folder}\ndefault_md=sha256\npolicy=p\ncopy_extensions=copy\nunique_subject=no\n[p]\ncommonName=supplied\n`,
  );
  return {
    cert,
    key,
    issue(name, { names, days = 60, begins }) {
      const [request, own, signed] = [at(`${name}.csr`), at(`${name}.key`), at(`${name}.crt`)];
      openssl(
        "req",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-keyout",
        own,
        "-out",
        request,
        "-subj",
        `/CN=${name}`,
        "-addext",
        `subjectAltName=${names}`,
      );
      const stamp = (ms: number) => new Date(ms).toISOString().replaceAll(/[-T:]|\.\d+/g, "");
      const from = begins ?? stamp(Date.now() - 90 * 86_400_000);
      const until = stamp(Date.now() + days * 86_400_000);
      openssl(
        "ca",
        "-batch",
        "-config",
        at("ca.cnf"),
        "-cert",
        cert,
        "-keyfile",
        key,
        "-in",
        request,
        "-out",
        signed,
        "-notext",
        "-startdate",
        from,
        "-enddate",
        until,
      );
      return { cert: signed, key: own };
    },
  };
}
