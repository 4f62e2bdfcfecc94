// Programs of another CPU on this machine: qemu, which Debian's packages make known to the kernel.
import { existsSync } from "node:fs";
import { output, ScriptError, succeeds } from "./command.ts";
import { aptInstall } from "./engine.ts";

/** What Docker calls a CPU, by what Node and what qemu call it. */
const cpus: Readonly<Record<string, { readonly node: string; readonly qemu: string }>> = {
  amd64: { node: "x64", qemu: "x86_64" },
  arm64: { node: "arm64", qemu: "aarch64" },
};

/** The CPU of a platform (`linux/arm64`), unless it is this machine's own. */
export function foreignCpu(platform: string | undefined): string | undefined {
  if (platform === undefined) return undefined;
  const cpu = Object.keys(cpus).find((name) => platform === `linux/${name}`);
  if (cpu === undefined) {
    const known = Object.keys(cpus).map((name) => `linux/${name}`);
    throw new ScriptError(`--platform ${platform}: the images are made for ${known.join(" and ")}`);
  }
  return nodeCpu(cpu) === process.arch ? undefined : cpu;
}

/** Node's and npm's word for a CPU. */
export const nodeCpu = (cpu: string): string => cpus[cpu]!.node;

export async function ensureEmulation(cpu: string): Promise<void> {
  const rules = "/proc/sys/fs/binfmt_misc";
  const known = () => existsSync(`${rules}/qemu-${cpus[cpu]!.qemu}`);
  if (known()) return;
  const mayInstall = process.getuid?.() === 0 && (await succeeds("which", ["apt-get"]));
  if (mayInstall) {
    if (!existsSync(`${rules}/register`)) await output("mount", ["-t", "binfmt_misc", "binfmt_misc", rules]);
    await aptInstall("qemu-user-static", "binfmt-support", "arch-test");
    await succeeds("update-binfmts", ["--enable"]);
  }
  if (!known())
    throw new ScriptError(
      `this machine cannot run programs for ${cpu}: install qemu-user-static, or build on such a machine`,
    );
}
