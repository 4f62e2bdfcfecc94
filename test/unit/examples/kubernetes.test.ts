// The manifests, without a cluster: each object by the schema of Kubernetes' own API, and what restricted pod security
// and our documents ask for; the configuration in them by our own tools.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { CronJob } from "kubernetes-models/batch/v1/CronJob";
import { ConfigMap } from "kubernetes-models/v1/ConfigMap";
import { Namespace } from "kubernetes-models/v1/Namespace";
import { PersistentVolumeClaim } from "kubernetes-models/v1/PersistentVolumeClaim";
import { Secret } from "kubernetes-models/v1/Secret";
import { Service } from "kubernetes-models/v1/Service";
import { StatefulSet } from "kubernetes-models/apps/v1/StatefulSet";
import { parse, parseAllDocuments } from "yaml";
import { cuirSections, fouetSections, panpanSections } from "../../../src/commands/sections.ts";
import { loadConfig } from "../../../src/config/config.ts";
import { isTarget, parseTarget } from "../../../src/probe/target.ts";

const kinds = { CronJob, ConfigMap, Namespace, PersistentVolumeClaim, Secret, Service, StatefulSet };

interface Container {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly restartPolicy?: string;
  readonly env?: readonly { name: string; value: string }[];
  readonly ports?: readonly { name: string; containerPort: number }[];
  readonly livenessProbe?: { httpGet: { path: string; port: string } };
  readonly resources: { limits: { memory: string } };
  readonly securityContext: Record<string, unknown>;
  readonly volumeMounts: readonly { name: string; mountPath: string }[];
}
interface Pod {
  readonly enableServiceLinks: boolean;
  readonly automountServiceAccountToken: boolean;
  readonly securityContext: Record<string, unknown>;
  readonly initContainers?: readonly Container[];
  readonly containers: readonly Container[];
  readonly volumes: readonly {
    name: string;
    configMap?: { name: string };
    secret?: { secretName: string };
  }[];
}
interface Manifest {
  readonly kind: keyof typeof kinds;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly data?: Record<string, string>;
  readonly spec?: {
    readonly serviceName?: string;
    readonly template?: {
      metadata: { labels: Record<string, string>; annotations?: Record<string, string> };
      spec: Pod;
    };
    readonly jobTemplate?: { spec: { template: { spec: Pod } } };
    readonly volumeClaimTemplates?: readonly { metadata: { name: string } }[];
  };
}

interface PodMonitor {
  readonly metadata: { readonly namespace: string };
  readonly spec: {
    readonly selector: {
      readonly matchExpressions: readonly { readonly key: string; readonly values: readonly string[] }[];
    };
    readonly podMetricsEndpoints: readonly { readonly port: string; readonly relabelings: unknown }[];
  };
}

const folder = "examples/kubernetes";
const manifests = readdirSync(folder).flatMap((file) =>
  parseAllDocuments(readFileSync(join(folder, file), "utf8"), { strict: true, uniqueKeys: true }).map(
    (document) => {
      assert.deepEqual(document.errors, [], file);
      assert.deepEqual(document.warnings, [], file);
      return { file, manifest: document.toJS() as Manifest };
    },
  ),
);
const podOf = ({ spec }: Manifest) => spec?.template?.spec ?? spec?.jobTemplate?.spec.template.spec;

describe("the manifests", () => {
  for (const { file, manifest } of manifests) {
    test(`${file}: ${manifest.kind} ${manifest.metadata.name} is of Kubernetes' schema`, () => {
      const Kind = kinds[manifest.kind];
      assert.ok(Kind, `${manifest.kind} has no schema here`);
      new Kind(manifest as never).validate();
      assert.throws(
        () => new Kind({ ...manifest, metadata: { name: 1 } } as never).validate(),
        "the schema can fail",
      );
    });

    const pod = podOf(manifest);
    if (pod === undefined) continue;
    test(`${file}: ${manifest.metadata.name} is restricted, and finds what it mounts`, () => {
      assert.equal(pod.enableServiceLinks, false);
      assert.equal(pod.automountServiceAccountToken, false);
      assert.equal(pod.securityContext["runAsNonRoot"], true);
      assert.equal(pod.securityContext["fsGroup"], 65_532);
      assert.deepEqual(pod.securityContext["seccompProfile"], { type: "RuntimeDefault" });
      const volumes = new Set([
        ...pod.volumes.map(({ name }) => name),
        ...(manifest.spec?.volumeClaimTemplates ?? []).map(({ metadata }) => metadata.name),
      ]);
      const named = (kind: string, name: string | undefined) =>
        name === undefined ||
        manifests.some(({ manifest: other }) => other.kind === kind && other.metadata.name === name);
      for (const { configMap, secret } of pod.volumes) {
        assert.ok(named("ConfigMap", configMap?.name));
        assert.ok(named("Secret", secret?.secretName));
      }
      assert.ok(named("Service", manifest.spec?.serviceName));
      for (const container of [...(pod.initContainers ?? []), ...pod.containers]) {
        const { securityContext, volumeMounts, ports = [], livenessProbe, resources } = container;
        assert.equal(securityContext["allowPrivilegeEscalation"], false);
        assert.equal(securityContext["readOnlyRootFilesystem"], true);
        assert.deepEqual(securityContext["capabilities"], { drop: ["ALL"] });
        assert.ok(resources.limits.memory);
        for (const { name } of volumeMounts) assert.ok(volumes.has(name), `${container.name} mounts ${name}`);
        if (livenessProbe) assert.ok(ports.some(({ name }) => name === livenessProbe.httpGet.port));
      }
    });
  }

  test("Prometheus finds Cuir and Fouet, by annotations and by the operator's monitor of pods in the docs", () => {
    const page = readFileSync("docs/KUBERNETES.md", "utf8");
    const [, yaml] = /```yaml\n(apiVersion: monitoring[\s\S]*?)```/.exec(page)!;
    const { metadata, spec } = parse(yaml!) as PodMonitor;
    const [endpoint] = spec.podMetricsEndpoints;
    // What the alert and the panels call it.
    assert.deepEqual(endpoint!.relabelings, [{ targetLabel: "job", replacement: "moustash" }]);
    const selector = spec.selector.matchExpressions[0]!;
    const ours = manifests.filter(({ manifest }) => {
      const pod = podOf(manifest);
      return [...(pod?.initContainers ?? []), ...(pod?.containers ?? [])].some(
        ({ image, ports }) => image.startsWith("moustash/") && ports,
      );
    });
    assert.equal(ours.length, 2);
    for (const { file, manifest } of ours) {
      const { labels, annotations } = manifest.spec!.template!.metadata;
      const { initContainers = [], containers } = podOf(manifest)!;
      const ports = [...initContainers, ...containers].flatMap((container) => container.ports ?? []);
      const port = ports.find(({ name }) => name === endpoint!.port)!.containerPort;
      assert.deepEqual(annotations, { "prometheus.io/scrape": "true", "prometheus.io/port": String(port) });
      assert.ok(selector.values.includes(labels[selector.key]!), file);
      assert.equal(manifest.metadata.namespace, metadata.namespace, file);
    }
  });

  test("our images have the version that this is", () => {
    const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
    const images = readdirSync(folder).flatMap(
      (file) => readFileSync(join(folder, file), "utf8").match(/moustash\/\w+:\S+/g) ?? [],
    );
    assert.ok(images.length >= 2);
    for (const image of images) assert.equal(image.split(":")[1], version);
  });

  test("Fouet is a native sidecar, the job is wrapped, two shards make two halves", () => {
    const find = (name: string) =>
      manifests.find(({ manifest }) => manifest.metadata.name === name && podOf(manifest))!.manifest;
    assert.equal(podOf(find("app"))!.initContainers![0]!.restartPolicy, "Always");
    // What --on change remembers is of program and source, and a pod's name is another each time.
    assert.deepEqual(podOf(find("backup"))!.containers[0]!.command!.slice(0, 6), [
      "/opt/moustash/bin/panpan",
      "--program=backup",
      "--source=backup.moustash",
      "--run",
      "--on=change",
      "--",
    ]);
    const cuir = find("cuir") as unknown as { spec: { replicas: number } };
    assert.equal(podOf(find("cuir"))!.containers[0]!.env![0]!.value, `host/${cuir.spec.replicas}`);
  });

  test("the configuration is right for all three tools, with the variables that the containers have", async () => {
    const ini = manifests.find(({ manifest }) => manifest.kind === "ConfigMap")!.manifest.data![
      "moustash.ini"
    ]!;
    const place = await mkdtemp(join(tmpdir(), "moustash-example-"));
    try {
      const path = join(place, "moustash.ini");
      await writeFile(join(place, "redis-password"), "change-me\n");
      await writeFile(path, ini.replace("/run/secrets/moustash/", `${place}/`));
      const targets = {
        section: "Cuir",
        isTarget,
        parseLine: ({ key, value }: { key: string; value: string }) => parseTarget(key, value),
        subsections: {},
      };
      const envOf = (name: string) =>
        Object.fromEntries(
          manifests
            .flatMap(({ manifest }) => [
              ...(podOf(manifest)?.initContainers ?? []),
              ...(podOf(manifest)?.containers ?? []),
            ])
            .filter((container) => container.name === name)
            .flatMap(({ env = [] }) => env.map(({ name, value }) => [name, value] as const)),
        );
      const cuir = await loadConfig({ sections: cuirSections, path, env: envOf("cuir"), targets });
      assert.equal(cuir.targets.length, 2);
      assert.equal(cuir.values.Moustash.redis_password, "change-me");
      assert.deepEqual(cuir.warnings, []);
      const fouet = await loadConfig({ sections: fouetSections, path, env: envOf("fouet") });
      assert.deepEqual(fouet.values.Fouet.listen, [{ kind: "unix", path: "/run/moustash/fouet.sock" }]);
      assert.deepEqual(fouet.warnings, []);
      await loadConfig({ sections: panpanSections, path, env: {} });
    } finally {
      await rm(place, { recursive: true });
    }
  });
});
