// A real Redis Cluster of three masters with a replica each.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { type RedisServer, startRedis } from "./redis.ts";
import { eventually, freePorts } from "./server.ts";

const run = promisify(execFile);

export interface RedisCluster extends AsyncDisposable {
  readonly nodes: readonly RedisServer[];
  /** The master that owns the key now, as the nodes that live see it. */
  ownerOf(key: string): Promise<RedisServer>;
  masters(): Promise<RedisServer[]>;
  replicaOf(master: RedisServer): Promise<RedisServer>;
  list(key: string): Promise<string[]>;
  /** Moves the key's slot to the node, with what it holds, as resharding does. */
  moveSlot(key: string, to: RedisServer): Promise<void>;
}

export async function startRedisCluster(): Promise<RedisCluster> {
  // The bus of a node is 10,000 above its port.
  const ports = await freePorts(6, { beside: 10_000 });
  const config = [
    "cluster-enabled yes",
    "cluster-node-timeout 4000",
    // A replica that was not elected within ten of these would never try again.
    "cluster-replica-validity-factor 0",
    "repl-diskless-sync-delay 0",
  ];
  const nodes: RedisServer[] = [];
  for (const port of ports) nodes.push(await startRedis({ port, config }));
  const addresses = ports.map((port) => `127.0.0.1:${port}`);
  await run("redis-cli", ["--cluster", "create", ...addresses, "--cluster-replicas", "1", "--cluster-yes"]);

  const living = () => nodes.filter((node) => node.isUp());
  const idOf = async (node: RedisServer) => String(await node.command("CLUSTER", "MYID"));

  async function slotsSeenBy(node: RedisServer) {
    return (await node.command("CLUSTER", "SLOTS")) as [number, number, ...[string, number, string][]][];
  }

  const nodeAt = (port: number) => nodes.find((node) => node.port === port)!;

  async function ownerOf(key: string): Promise<RedisServer> {
    return eventually(
      async () => {
        const slot = Number(await living()[0]!.command("CLUSTER", "KEYSLOT", key));
        const owners = await Promise.all(
          living().map(async (node) => {
            const range = (await slotsSeenBy(node)).find(([from, to]) => from <= slot && slot <= to);
            return range?.[2]?.[1];
          }),
        );
        const owner = owners[0] === undefined ? undefined : nodeAt(owners[0]);
        return owner?.isUp() && owners.every((port) => port === owner.port) ? owner : undefined;
      },
      { what: `an owner of ${key} on which all nodes agree`, withinMs: 120_000 },
    );
  }

  const cluster: RedisCluster = {
    nodes,
    ownerOf,
    async masters() {
      const ports = (await slotsSeenBy(living()[0]!)).map(([, , master]) => master![1]);
      return [...new Set(ports)].map(nodeAt).filter((node) => node.isUp());
    },
    replicaOf: ({ port }) =>
      eventually(
        async () => {
          for (const node of living()) {
            const info = String(await node.command("INFO", "replication"));
            if (info.includes(`master_port:${port}\r`) && info.includes("master_link_status:up")) return node;
          }
          return undefined;
        },
        { what: `a replica of the node at ${port}` },
      ),
    list: async (key) => (await ownerOf(key)).list(key),
    async moveSlot(key, to) {
      const from = await ownerOf(key);
      const slot = Number(await from.command("CLUSTER", "KEYSLOT", key));
      await to.command("CLUSTER", "SETSLOT", slot, "IMPORTING", await idOf(from));
      await from.command("CLUSTER", "SETSLOT", slot, "MIGRATING", await idOf(to));
      await from.command("MIGRATE", "127.0.0.1", to.port, key, 0, 5000);
      for (const node of [to, from]) await node.command("CLUSTER", "SETSLOT", slot, "NODE", await idOf(to));
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(nodes.map((node) => node[Symbol.asyncDispose]()));
    },
  };
  await eventually(
    async () => {
      const infos = await Promise.all(
        nodes.map(async (node) => String(await node.command("CLUSTER", "INFO"))),
      );
      const replicas = await Promise.all(
        nodes.map(async (node) => String(await node.command("INFO", "replication"))),
      );
      return (
        infos.every((info) => info.includes("cluster_state:ok")) &&
        replicas.filter((info) => info.includes("master_link_status:up")).length === 3
      );
    },
    { what: "a cluster that is whole", withinMs: 120_000 },
  );
  return cluster;
}
