// Which platform is this machine's own, and which the images are not made for.
import { equal, throws } from "node:assert/strict";
import { test } from "node:test";
import { foreignCpu } from "../../../scripts/emulation.ts";

const own = process.arch === "arm64" ? "arm64" : "amd64";
const other = own === "arm64" ? "amd64" : "arm64";

test("a platform is foreign unless it is this machine's own", () => {
  equal(foreignCpu(undefined), undefined);
  equal(foreignCpu(`linux/${own}`), undefined);
  equal(foreignCpu(`linux/${other}`), other);
});

test("a platform that the images are not made for is refused, with those they are", () => {
  for (const platform of ["arm64", "linux/riscv64", "linux/arm64/v8", "windows/amd64", "linux/toString"])
    throws(() => foreignCpu(platform), {
      message: /--platform .*: the images are made for linux\/amd64 and linux\/arm64/,
    });
});
