// Shows the event as its reader will see it, and the Logstash input that fits this configuration.
import { hostname } from "node:os";
import { exitCodes } from "../errors.ts";
import { type Reader, rabbitmqReader, redisReader, stdoutReader } from "../message/reader.ts";
import { toDraft } from "../message/wording.ts";
import { connectTransport } from "../transport/connect.ts";
import type { PanpanShell, PanpanValues } from "./panpan.ts";
import { print } from "./print.ts";
import { type Saying, eventsOf, saidIn, wordingOf } from "./saying.ts";

const sample = "no space left on /srv";

/** Of the message that is given, or of a sample. */
export async function explain(shell: PanpanShell, task: Saying | undefined): Promise<number> {
  const { Moustash } = shell.config.values;
  const host = Moustash.host ?? hostname();
  const said = task?.kind === "message" ? task : { kind: "message" as const, message: sample };
  const { body } = eventsOf(shell, host).create(
    toDraft(wordingOf(shell, { host, ...saidIn(said) }), { message: said.message, atMs: Date.now() }),
  );
  await using transport = connectTransport(Moustash);
  const { input, notes } = readerOf(Moustash);
  const text = [
    `# Goes to ${transport.name}; its reader sees this event:`,
    JSON.stringify(JSON.parse(body), undefined, 2),
    "",
    "# Logstash reads it with:",
    input,
    ...notes.map((note) => `# ${note}`),
    '# Repeats have the same id: output { elasticsearch { document_id => "%{[moustash][id]}" } }',
  ].join("\n");
  await print(`${text}\n`);
  return exitCodes.ok;
}

function readerOf(values: PanpanValues["Moustash"]): Reader {
  if (values.transport === "stdout") return stdoutReader();
  if (values.transport === "rabbitmq") {
    const url = values.rabbitmq_url;
    const [first] = values.rabbitmq_host;
    return rabbitmqReader({
      host: url?.host ?? first!.host,
      port: url?.port ?? first!.port ?? values.rabbitmq_port,
      vhost: url?.vhost ?? values.rabbitmq_vhost,
      username: url?.username ?? values.rabbitmq_username,
      queue: values.rabbitmq_queue,
      tls: values.rabbitmq_ssl || url?.tls === true,
    });
  }
  const url = values.redis_url;
  const [first] = values.redis_ip;
  return redisReader({
    host: url?.host ?? first!.host,
    port: url?.port ?? first!.port ?? values.redis_port,
    db: url?.db ?? values.redis_db,
    key: values.redis_namespace,
    hasPassword: (url?.password ?? values.redis_password) !== undefined,
    username: url?.username ?? values.redis_username,
    socket: url === undefined ? values.redis_socket : url.socket,
    tls: values.redis_tls || url?.tls === true,
    ca: values.redis_tls_ca,
    several: values.redis_ip.length > 1,
    sentinel: values.redis_sentinels !== undefined,
    cluster: values.redis_cluster,
  });
}
