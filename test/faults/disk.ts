// A small file system of a round's own, which can be full, read-only, or lose its power.
import { execFile } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

export const command = promisify(execFile);

export interface SmallDisk extends AsyncDisposable {
  readonly image: string;
  readonly place: string;
  remount(how: "ro" | "rw"): Promise<unknown>;
}

/** In a file, mounted; what is not synchronised does not reach the file. */
export async function mountSmall(
  folder: string,
  { kilobytes = 32_768, options = "loop" } = {},
): Promise<SmallDisk> {
  const image = join(folder, "disk.img");
  const place = join(folder, "disk");
  await mkdir(place);
  await command("truncate", ["-s", `${kilobytes}K`, image]);
  await command("mkfs.ext4", ["-q", "-m", "0", "-b", "4096", image]);
  await command("mount", ["-o", options, image, place]);
  return {
    image,
    place,
    remount: (how: "ro" | "rw") => command("mount", ["-o", `remount,${how}`, place]),
    async [Symbol.asyncDispose]() {
      // Lazily: where a fault went wrong somebody may use it yet, and the folder is removed next.
      await command("umount", ["--lazy", place]);
    },
  };
}
