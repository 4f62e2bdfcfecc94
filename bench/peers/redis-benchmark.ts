// redis-benchmark's RPUSH of as many bytes as an event of ours has, pipelined by 256 on one connection.
import { must } from "../benchmark.ts";
import { output } from "../../scripts/command.ts";

/** Events a second. */
export async function redisBenchmark(port: number, count: number, bytes: number): Promise<number> {
  const body = "x".repeat(bytes);
  const words = ["-p", port, "-n", count, "-P", 256, "-c", 1, "--csv", "RPUSH", "redis-benchmark", body];
  const csv = await output("redis-benchmark", words.map(String));
  const rate = Number(csv.trim().split("\n").at(-1)?.split('","')[1]);
  must(rate > 0, `redis-benchmark said ${csv}`);
  return rate;
}
