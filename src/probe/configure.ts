// Targets as they are configured: [Cuir:Program] joined to its line, and what does not fit together. Pure.
import { type ProbeSettings, type TargetValues } from "./settings.ts";
import { kinds } from "./kinds.ts";
import { shardIndex, shardOf } from "./shard.ts";
import { readTrust } from "./trust.ts";
import { type Target, checkHost, keyOf } from "./target.ts";
import { mostPayload } from "./udp.ts";

/** Structurally what the loader of the configuration gives for one `[Cuir:Program]`. */
export interface Group {
  readonly program: string;
  readonly values: TargetValues;
}

export interface ConfigureOptions {
  readonly targets: readonly Target[];
  readonly groups: readonly Group[];
  readonly settings: Pick<ProbeSettings, "lowercase_names" | "shard">;
  /** For `shard = host/N`. */
  readonly host: string;
}

/** This Cuir's part of the list, complete. Throws a MoustashError where the shard cannot be told. */
export function configureTargets({ targets, groups, settings, host }: ConfigureOptions): readonly Target[] {
  const { shard, lowercase_names: lowers } = settings;
  const all = join(targets, groups).map((target) =>
    complete(lowers ? { ...target, program: target.program.toLowerCase() } : target),
  );
  if (shard === undefined) return all;
  const index = shardIndex(shard, host);
  return all.filter((target) => shardOf(keyOf(target), shard.of) === index);
}

export interface Misfit {
  readonly program: string;
  /** The option that it is about, where it is about one. */
  readonly key?: keyof TargetValues;
  readonly message: string;
}

/** What does not fit together, when each line alone is right; all at once. */
export function* judgeTargets(targets: readonly Target[], groups: readonly Group[]): Generator<Misfit> {
  const names = new Set(targets.map(({ program }) => program.toLowerCase()));
  const joined = join(targets, groups);
  for (const target of joined)
    for (const misfit of judge(target, names)) yield { program: target.program, ...misfit };
  for (const program of findCycles(joined))
    yield { program, key: "depends_on", message: "in the end it depends on itself" };
}

function join(targets: readonly Target[], groups: readonly Group[]): Target[] {
  const own = new Map(groups.map(({ program, values }) => [program.toLowerCase(), values]));
  return targets.map((target) => ({
    ...target,
    values: { ...target.values, ...own.get(target.program.toLowerCase()) },
  }));
}

/** What the target's own options make of it. */
function complete(target: Target): Target {
  const { kind, values } = target;
  if (
    (kind === "tcp" || kind === "tls" || kind === "unix") &&
    (values.dialogue || values.send || values.expect)
  ) {
    const steps = values.dialogue ?? [
      ...(values.send ? [{ is: "send" as const, payload: values.send }] : []),
      ...(values.expect ? [{ is: "expect" as const, pattern: values.expect }] : []),
    ];
    return { ...target, kind: kind === "unix" ? kind : "exchange", exchange: { tls: kind === "tls", steps } };
  }
  if (values.http_proxy === undefined) return target;
  const { hostname, port } = new URL(values.http_proxy);
  return { ...target, dial: { host: hostname.replace(/^\[(.*)\]$/, "$1"), port: Number(port || 80) } };
}

const ofKinds = /^(?:tls|http|dns)_|^(?:send|expect|dialogue)$/;

type Found = Omit<Misfit, "program">;

function* judge(
  { kind, values, url, query, exchange }: Target,
  names: ReadonlySet<string>,
): Generator<Found> {
  const { options } = kinds[kind];
  for (const key of Object.keys(values) as (keyof TargetValues)[])
    if (ofKinds.test(key) && !options.some((prefix) => key.startsWith(prefix)))
      yield { key, message: `it does not fit a target of the kind ${kind}` };
  if (values.dialogue && (values.send || values.expect))
    yield { key: "dialogue", message: "give it, or send and expect, not both" };
  if (kind === "udp" && !(values.send && values.expect))
    yield {
      message: "a udp target needs send and expect: without an answer nobody knows whether it is up",
    };
  if (kind === "udp" && values.send && values.send.length > mostPayload)
    yield {
      key: "send",
      message: `a datagram holds ${mostPayload} bytes, and this is ${values.send.length}`,
    };
  if (kind === "dns" && !query && !values.dns_name)
    yield { key: "dns_name", message: `which name is asked for? (or ${url ?? "dns://host"}/name)` };
  if ((values.tls_cert === undefined) !== (values.tls_key === undefined))
    yield {
      key: values.tls_cert === undefined ? "tls_key" : "tls_cert",
      message: "tls_cert and tls_key belong together",
    };
  if (values.http_proxy !== undefined && !/^http:\/\/[^/@]+\/?$/.test(values.http_proxy))
    yield { key: "http_proxy", message: `"${values.http_proxy}" must be http://host:port` };
  if (exchange && values.send) yield { key: "send", message: "this kind has its own words" };
  for (const parent of values.depends_on ?? [])
    if (!names.has(parent.toLowerCase())) yield { key: "depends_on", message: `"${parent}" is no target` };
  if (values.tls_name !== undefined) {
    try {
      checkHost(values.tls_name);
    } catch (error) {
      yield { key: "tls_name", message: (error as Error).message };
    }
  }
  yield* judgeFiles(values);
  for (const [name, value] of Object.entries(values.http_headers ?? {})) {
    const { validateHeaderName, validateHeaderValue } = process.getBuiltinModule("node:http");
    try {
      validateHeaderName(name);
      validateHeaderValue(name, value);
    } catch (error) {
      yield { key: "http_headers", message: (error as Error).message };
    }
  }
}

const files = ["tls_ca", "tls_cert", "tls_key"] as const;

function* judgeFiles(values: TargetValues): Generator<Found> {
  if (files.every((key) => values[key] === undefined)) return;
  try {
    readTrust(values).context();
    // createSecureContext takes a file without a certificate for an empty list.
    const { tls_ca: ca } = values;
    if (ca !== undefined)
      void new (process.getBuiltinModule("node:crypto").X509Certificate)(
        process.getBuiltinModule("node:fs").readFileSync(ca),
      );
  } catch (error) {
    const { path, code } = error as NodeJS.ErrnoException;
    const given = files.filter((one) => values[one] !== undefined);
    const key = given.find((one) => values[one] === path) ?? given[0]!;
    const all = given.map((one) => values[one]).join(", ");
    yield {
      key,
      message:
        path === undefined
          ? `OpenSSL cannot use ${all} (${(error as Error).message})`
          : `${path} cannot be read (${code})`,
    };
  }
}

function* findCycles(targets: readonly Target[]): Generator<string> {
  const parents = new Map(
    targets.map(({ program, values }) => [
      program.toLowerCase(),
      (values.depends_on ?? []).map((one) => one.toLowerCase()),
    ]),
  );
  for (const { program, values } of targets) {
    if (!values.depends_on) continue;
    const seen = new Set<string>();
    const queue = [...(parents.get(program.toLowerCase()) ?? [])];
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      if (seen.has(next)) continue;
      seen.add(next);
      queue.push(...(parents.get(next) ?? []));
    }
    if (seen.has(program.toLowerCase())) yield program;
  }
}
