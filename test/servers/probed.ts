// Real servers for the kinds of probe: nginx, OpenSSH, OpenSMTPD, Dovecot, dnsmasq, PostgreSQL.
import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, existsSync, globSync, mkdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import type { Certificate } from "./authority.ts";
import { type Child, awaitStart, freePort, startChild } from "./server.ts";

export interface Probed extends AsyncDisposable {
  readonly port: number;
  readonly child: Child;
}

/** Which programs a test needs and this machine lacks: a reason to skip. */
export function missing(...programs: readonly string[]): string | false {
  const gone = programs.filter((program) => !existsSync(program));
  return gone.length > 0 && `not installed: ${gone.join(", ")}`;
}

export const postgresBinary =
  globSync("/usr/lib/postgresql/*/bin/postgres")[0] ?? "/usr/lib/postgresql/bin/postgres";

async function started(port: number, child: Child): Promise<Probed> {
  const answers = () =>
    new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1", () => {
        socket.destroy();
        resolve(true);
      });
      socket.on("error", () => resolve(false));
    });
  await awaitStart(child, answers, { what: `a server on port ${port}` });
  return { port, child, [Symbol.asyncDispose]: () => child.end("SIGTERM") };
}

/** `server` is the inside of one server block, without listen; with a certificate it speaks TLS. */
export async function startNginx(
  folder: string,
  server: string,
  { tls, listen = "" }: { tls?: Certificate; listen?: string } = {},
): Promise<Probed> {
  const port = await freePort();
  const own = join(folder, `nginx-${port}`);
  mkdirSync(own);
  const secure = tls ? `ssl_certificate ${tls.cert}; ssl_certificate_key ${tls.key};` : "";
  writeFileSync(
    join(own, "nginx.conf"),
    `daemon off; master_process off; pid ${own}/pid; error_log stderr; events {}
     http { access_log off; client_body_temp_path ${own}/b; proxy_temp_path ${own}/p; fastcgi_temp_path ${own}/f;
     uwsgi_temp_path ${own}/u; scgi_temp_path ${own}/s;
     server { listen 127.0.0.1:${port} ${tls ? "ssl" : ""} ${listen}; ${secure} ${server} } }`,
  );
  return started(port, startChild("/usr/sbin/nginx", ["-p", own, "-c", join(own, "nginx.conf")]));
}

export async function startSshd(folder: string): Promise<Probed> {
  const port = await freePort();
  const key = join(folder, `ssh-${port}`);
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", key]);
  mkdirSync("/run/sshd", { recursive: true });
  return started(
    port,
    startChild("/usr/sbin/sshd", [
      "-D",
      "-e",
      "-f",
      "/dev/null",
      "-o",
      `ListenAddress=127.0.0.1:${port}`,
      "-h",
      key,
      "-o",
      "PidFile=none",
    ]),
  );
}

export async function startExim(folder: string, tls: Certificate): Promise<Probed> {
  const port = await freePort();
  const own = join(folder, `exim-${port}`);
  mkdirSync(own);
  const file = join(own, "exim.conf");
  writeFileSync(
    file,
    `primary_hostname = mail.test\nspool_directory = ${own}\nlog_file_path = ${own}/%slog\nlocal_interfaces = 127.0.0.1\n
     tls_advertise_hosts = *\ntls_certificate = ${tls.cert}\ntls_privatekey = ${tls.key}\nkeep_environment =\n
     exim_user = root\nexim_group = root\nnever_users =\n`.replaceAll(/^ +/gm, ""),
  );
  return started(
    port,
    startChild("/usr/sbin/exim4", ["-C", file, "-bdf", "-oX", String(port), "-oP", join(own, "pid")]),
  );
}

export async function startDovecot(folder: string, tls: Certificate): Promise<Probed> {
  const port = await freePort();
  const own = join(folder, "dovecot");
  mkdirSync(own);
  writeFileSync(
    join(own, "dovecot.conf"),
    `base_dir=${own}/run\nprotocols=imap\nlog_path=/dev/stderr\nssl=yes\nssl_cert=<${tls.cert}\nssl_key=<${tls.key}\nmail_location=maildir:/tmp\npassdb {\n driver=static\n args=password=x\n}\nuserdb {\n driver=static\n args=uid=65534 gid=65534 home=/tmp\n}\nstate_dir=${own}\n
     service imap-login {\n inet_listener imap {\n address=127.0.0.1\n port=${port}\n }\n inet_listener imaps {\n port=0\n }\n }\n`,
  );
  return started(port, startChild("/usr/sbin/dovecot", ["-F", "-c", join(own, "dovecot.conf")]));
}

export async function startDnsmasq(...lines: readonly string[]): Promise<Probed> {
  const port = await freePort();
  const args = [
    "--keep-in-foreground",
    "--no-resolv",
    "--no-hosts",
    "--conf-file=/dev/null",
    "--user=root",
    "--bind-interfaces",
  ];
  return started(
    port,
    startChild("/usr/sbin/dnsmasq", [
      ...args,
      `--port=${port}`,
      "--listen-address=127.0.0.1",
      "--pid-file=",
      ...lines,
    ]),
  );
}

export async function startPostgres(folder: string, tls?: Certificate): Promise<Probed> {
  const port = await freePort();
  const data = join(folder, "postgres");
  const isRoot = process.getuid?.() === 0;
  const id = (flag: string) => Number(execFileSync("id", [flag, "postgres"]).toString());
  mkdirSync(data);
  chmodSync(folder, 0o755);
  if (isRoot) chownSync(data, id("-u"), id("-g"));
  const as = (program: string, args: string[]) =>
    isRoot
      ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", program, ...args]
      : [program, ...args];
  const [make, ...makeArgs] = as(postgresBinary.replace(/postgres$/, "initdb"), [
    "-D",
    data,
    "-A",
    "trust",
    "-N",
  ]);
  execFileSync(make!, makeArgs, { stdio: "pipe" });
  if (tls) {
    for (const [name, path] of Object.entries({ "server.crt": tls.cert, "server.key": tls.key })) {
      const target = join(data, name);
      execFileSync("install", ["-m", "600", ...(isRoot ? ["-o", "postgres"] : []), path, target]);
    }
  }
  const [program, ...args] = as(postgresBinary, [
    "-D",
    data,
    "-p",
    String(port),
    "-c",
    "listen_addresses=127.0.0.1",
    "-c",
    "unix_socket_directories=",
    ...(tls ? ["-c", "ssl=on"] : []),
  ]);
  return started(port, startChild(program!, args));
}
