// Logstash's pipelines, as far as they can be judged without Logstash: read by its grammar, with options that its plugins
// document in 8.19 and in 9, joined without a loose end, their Ruby run by Ruby. What is not shown here is Logstash itself.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { parse } from "yaml";
import { type Plugin, type Value, parsePipeline } from "./pipeline.ts";

const folder = "compose/logstash";
const read = (name: string) => readFileSync(join(folder, name), "utf8");
const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
  name.endsWith(".conf"),
);

interface Pipeline {
  readonly "pipeline.id": string;
  readonly "path.config": string;
  readonly [setting: string]: string | number | boolean;
}
const pipelines = parse(read("pipelines.yml")) as Pipeline[];

/** What the plugins' own pages list, in both versions; `*` may be left out, the others must be there. */
const known: Record<string, string> = {
  "input redis": "host* port* db* data_type key password* codec* threads* batch_count* timeout* ssl*",
  "input rabbitmq":
    "host port* vhost* user* password* queue* passive* durable* ack* prefetch_count* codec* exchange* key* exchange_type*",
  "input pipeline": "address",
  "filter ruby": "code* init* path* script_params* tag_on_exception* add_tag*",
  "filter mutate": "add_tag* add_field* remove_field* rename* replace* copy* convert*",
  "filter throttle": "key before_count* after_count* period* max_age* max_counters* add_tag* add_field*",
  "filter aggregate":
    "task_id code map_action* end_of_task* aggregate_maps_path* timeout* inactivity_timeout* timeout_code* push_map_as_event_on_timeout* push_previous_map_as_event* timeout_task_id_field* timeout_tags* timeout_timestamp_field*",
  "output pipeline": "send_to ensure_delivery*",
  "output file":
    "path codec* flush_interval* gzip* create_if_deleted* stale_cleanup_interval* write_behavior*",
  "output stdout": "codec*",
  "output sink": "",
  "output email":
    "to from* cc* bcc* replyto* address* port* domain* username* password* authentication* use_tls* subject* body* htmlbody* via* template_file* attachments* contenttype* debug*",
  "output http":
    "url http_method format* mapping* headers* content_type* retry_failed* retryable_codes* ignorable_codes* message* http_compression* automatic_retries* connect_timeout* request_timeout* socket_timeout* pool_max*",
  "output elasticsearch":
    "hosts* index* document_id* data_stream* ilm_enabled* manage_template* template* template_name* template_api* template_overwrite* api_key* user* password* action* pipeline* routing*",
  "output opensearch":
    "hosts* index* document_id* manage_template* template* template_name* user* password* action* ssl* cacert*",
  "codec json": "",
};

const isPlugin = (value: Value): value is Plugin => typeof value === "object" && "section" in value;

describe("Logstash's pipelines", () => {
  for (const file of files) {
    test(`${file} is of the language, with options that are documented, each plugin with the place where`, () => {
      const plugins = parsePipeline(read(file));
      assert.ok(plugins.length > 0);
      for (const { section, name, options } of plugins) {
        const list = known[`${section} ${name}`];
        assert.ok(list !== undefined, `${section} ${name} is not known`);
        const allowed = list.split(" ").map((option) => option.replace("*", ""));
        for (const option of options.keys()) assert.ok(allowed.includes(option), `${name} has no ${option}`);
        for (const option of list.split(" ").filter((option) => option !== "" && !option.endsWith("*")))
          assert.ok(options.has(option), `${name} needs ${option}`);
        for (const value of options.values())
          assert.ok(!isPlugin(value) || known[`codec ${value.name}`] !== undefined);
        const where =
          name === "pipeline"
            ? "pipeline-to-pipeline"
            : name === "opensearch"
              ? "docs.opensearch.org"
              : `plugins-${section}s-${name}`;
        assert.ok(
          read(file).includes(where) || (name === "pipeline" && read("route.conf").includes(where)),
          `${name}: where is it documented?`,
        );
      }
    });
  }

  /** Those in lines that a user uncomments as well. */
  const variables = new Map(
    [...files, "pipelines.yml"].flatMap((file) =>
      [...read(file).matchAll(/\$\{(MOUSTASH_\w+)(?::([^}]*))?\}/g)].map(
        ([, name, otherwise]) => [name!, otherwise ?? ""] as const,
      ),
    ),
  );

  test("docs/MONITORING.md has every variable with its default, and no other", () => {
    const page = readFileSync("docs/MONITORING.md", "utf8");
    const documented = [...page.matchAll(/^\| (`MOUSTASH_.*?) \| (.*?) ?\|/gm)].flatMap(
      ([, names, defaults]) => {
        const words = (cell: string) => [...cell.matchAll(/`([^`]+)`/g)].map(([, word]) => word!);
        const otherwise = words(defaults!);
        return words(names!).map((name, at) => [name, otherwise[at] ?? ""] as const);
      },
    );
    assert.deepEqual(new Map(documented), variables);
  });

  test("what was sent twice is stored once, the first copy, as docs/DELIVERY.md has it", () => {
    const [, example] = /^( {4}output \{\n[\s\S]*?\n {4}\})$/m.exec(
      readFileSync("docs/DELIVERY.md", "utf8"),
    )!;
    const stores = ["store/elasticsearch.conf", "store/opensearch.conf"].map(read);
    let count = 0;
    for (const { section, options } of [example!, ...stores].flatMap(parsePipeline)) {
      if (section !== "output") continue;
      count += 1;
      assert.equal(options.get("document_id"), "%{[moustash][id]}");
      assert.equal(options.get("action"), "create");
    }
    assert.equal(count, 5);
  });

  const filled = (path: string, env: Record<string, string> = {}) =>
    path.replaceAll(/\$\{(\w+):([^}]*)\}/g, (_, name: string, otherwise: string) => env[name] ?? otherwise);

  /** The files of a pipeline's path; braces as Logstash's globs have them. */
  function filesOf(pipeline: Pipeline, env?: Record<string, string>): string[] {
    const path = filled(pipeline["path.config"], env).replace("/usr/share/logstash/pipeline/", "");
    const [, before = "", list, after = ""] = /^(.*)\{(.*)\}(.*)$/.exec(path) ?? [];
    return list === undefined ? [path] : list.split(",").map((item) => before + item + after);
  }

  const settings: Record<string, string>[] = [
    {},
    { MOUSTASH_BROKER: "rabbitmq" },
    { MOUSTASH_STORE: "elasticsearch" },
    { MOUSTASH_STORE: "opensearch" },
  ];
  for (const env of settings) {
    test(`every address that is sent to is listened at, and the reverse: ${JSON.stringify(env)}`, () => {
      const sent = new Set<string>();
      const heard: string[] = [];
      for (const pipeline of pipelines) {
        const plugins = filesOf(pipeline, env).flatMap((file) => parsePipeline(read(file)));
        const inputs = plugins.filter(({ section }) => section === "input");
        assert.equal(inputs.length, 1, pipeline["pipeline.id"]);
        for (const { section, name, options } of plugins) {
          if (name !== "pipeline") continue;
          if (section === "input") heard.push(options.get("address") as string);
          else for (const address of options.get("send_to") as string[]) sent.add(address);
        }
      }
      assert.deepEqual(heard.toSorted(), [...sent].toSorted());
    });
  }

  test("every file belongs to a pipeline", () => {
    const used = settings.flatMap((env) => pipelines.flatMap((pipeline) => filesOf(pipeline, env)));
    assert.deepEqual([...new Set(used)].toSorted(), files.toSorted());
  });

  test("every place but the file has a queue on disk of its own", () => {
    const isolated = pipelines
      .filter((pipeline) => pipeline["queue.type"] === "persisted")
      .map((pipeline) => pipeline["pipeline.id"]);
    assert.deepEqual(isolated, ["store", "people", "digest", "mail", "webhook"]);
  });

  test("both readers of the stack mount them, and get every variable that is not their broker's", () => {
    const { services } = parse(readFileSync("compose/docker-compose.yml", "utf8"), { merge: true }) as {
      services: Record<string, { environment: Record<string, string>; volumes: string[] }>;
    };
    for (const service of ["logstash", "logstash-rabbitmq"]) {
      const { environment, volumes } = services[service]!;
      assert.ok(volumes.includes("./logstash:/usr/share/logstash/pipeline:ro"));
      assert.ok(volumes.includes("./logstash/pipelines.yml:/usr/share/logstash/config/pipelines.yml:ro"));
      // An empty variable is not a missing one for Logstash: what has a default there needs the same here.
      for (const [name, otherwise] of variables)
        if (!/_(?:BROKER|REDIS|RABBITMQ)(?:_|$)/.test(name))
          assert.equal(environment[name], `\${${name}:-${otherwise}}`, service);
    }
    assert.equal(services["logstash"]!.environment["MOUSTASH_BROKER"], "${MOUSTASH_BROKER:-redis}");
  });

  const withoutRuby = spawnSync("ruby", ["--version"]).error
    ? "no ruby: apt-get install ruby runs this test"
    : false;

  /** Runs the Ruby of a plugin on events: on a stand-in of Logstash's event, whose API is small. */
  function runRuby(script: string, input: unknown): unknown {
    const { status, stdout, stderr } = spawnSync("ruby", ["-rjson", join(import.meta.dirname, "event.rb")], {
      input: JSON.stringify({ script, input }),
      encoding: "utf8",
    });
    assert.equal(status, 0, stderr);
    return JSON.parse(stdout);
  }
  const codeOf = (file: string, name: string, option = "code") =>
    parsePipeline(read(file))
      .find((plugin) => plugin.name === name)!
      .options.get(option) as string;

  test("people read who, where, what and how long ago", { skip: withoutRuby }, () => {
    const at = new Date(Date.now() - 1_000_000).toISOString();
    const cuir = {
      "@timestamp": at,
      message: "ssh server for HULK",
      host: "web-1",
      type: "cuir",
      program: "SSH",
      cuir: { summary: "SSH 10.1.2.3:22 down: refused" },
    };
    const ecs = {
      "@timestamp": at,
      message: "the backup\nis done",
      host: { name: "web-1" },
      moustash: { type: "panpan", program: "backup" },
      panpan: { summary: "the backup" },
    };
    const script = `input.map { |fields| event = Event.new(fields); ${codeOf("route.conf", "ruby")}; event.fields["@metadata"] }`;
    const [first, second] = runRuby(script, [cuir, ecs]) as Record<string, unknown>[];
    assert.equal(first!["title"], "SSH on web-1: SSH 10.1.2.3:22 down: refused (ssh server for HULK)");
    assert.equal(first!["key"], "web-1 cuir SSH");
    assert.ok((first!["age"] as number) > 900);
    assert.equal(second!["title"], "backup on web-1: the backup (the backup is done)");
    assert.equal(second!["tool"], "panpan");
  });

  test("a digest is one message with its lines, bounded", { skip: withoutRuby }, () => {
    const script = `map = {}
      cancelled = input.map { |fields| event = Event.new(fields); ${codeOf("digest.conf", "aggregate")}; event.cancelled }
      event = Event.new(map)
      ${codeOf("digest.conf", "aggregate", "timeout_code")}
      [cancelled.all?, event.fields["@metadata"]]`;
    const events = Array.from({ length: 120 }, (_, at) => ({
      "@metadata": { title: `news ${at}`, when: "then" },
    }));
    const [cancelled, metadata] = runRuby(script, events) as [boolean, Record<string, string>];
    assert.equal(cancelled, true);
    assert.equal(metadata["title"], "120 late or repeated notifications");
    assert.match(metadata["text"]!, /^then news 0\nthen news 1\n/);
    assert.match(metadata["text"]!, /\n… and 20 more$/);
  });

  test("what a chat would take for markup is escaped", { skip: withoutRuby }, () => {
    const script = `event = Event.new(input); ${codeOf("webhook.conf", "ruby")}; event.fields["@metadata"]["text"]`;
    assert.equal(
      runRuby(script, { "@metadata": { title: "<!channel> & more" } }),
      "&lt;!channel&gt; &amp; more",
    );
  });
});

describe("what Elasticsearch and OpenSearch are given", () => {
  const json = (path: string) => JSON.parse(readFileSync(path, "utf8")) as Record<string, never>;

  test("templates for both formats, where host is a string or an object and PanPan's free fields are one", () => {
    const types = (path: string) =>
      (
        json(path) as unknown as {
          template: { mappings: { properties: Record<string, { type?: string; properties?: object }> } };
        }
      ).template.mappings.properties;
    for (const [logstash, ecs, flat] of [
      ["compose/logstash/store/template.json", "compose/logstash/store/template-ecs.json", "flattened"],
      [
        "compose/elasticsearch/opensearch-template.json",
        "compose/elasticsearch/opensearch-template-ecs.json",
        "flat_object",
      ],
    ] as const) {
      assert.equal(types(logstash)["host"]?.type, "keyword");
      assert.deepEqual(Object.keys(types(ecs)["host"]?.properties ?? {}), ["name"]);
      for (const path of [logstash, ecs]) assert.equal(types(path)["panpan"]?.type, flat);
    }
  });

  test("each index that is written has one template, and a lifecycle that ends", () => {
    const patterns = ["compose/logstash/store/template.json", "compose/logstash/store/template-ecs.json"].map(
      (path) => {
        const { index_patterns, template } = json(path) as unknown as {
          index_patterns: string[];
          template: { settings: { index: { lifecycle: { name: string } } } };
        };
        assert.equal(template.settings.index.lifecycle.name, "moustash");
        return new RegExp(`^${index_patterns[0]!.replace("*", ".*")}$`);
      },
    );
    for (const index of ["moustash-2026.11.22", "moustash-ecs-2026.11.22"])
      assert.equal(patterns.filter((pattern) => pattern.test(index)).length, 1, index);
    const { policy } = json("compose/elasticsearch/lifecycle.json") as unknown as {
      policy: { phases: { delete: object } };
    };
    assert.ok(policy.phases.delete);
    json("compose/elasticsearch/opensearch-lifecycle.json");
  });
});
