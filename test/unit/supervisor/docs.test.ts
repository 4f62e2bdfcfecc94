// docs/FOUET.md shows what fouet --setup prints, and every setting's name that it mentions exists.
import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setup } from "../../../src/commands/setup.ts";
import { ways } from "../../../src/supervisor/section.ts";

const page = readFileSync(join(import.meta.dirname, "../../../docs/FOUET.md"), "utf8");
const commandOf = (section: string) => section.split("\n").find((line) => line.startsWith("command="))!;

test("the page shows the section, and each relay's command, as they are printed", () => {
  assert.ok(page.includes(`\`\`\`ini\n${setup(["stdio"], []).trimEnd()}\n\`\`\``), "the whole section");
  for (const way of ways) assert.ok(page.includes(`\n${commandOf(setup([way], []))}\n`), way);
  assert.ok(page.includes(`\`${commandOf(setup(["socat", "127.0.0.1:9799"], []))}\``));
});

test("setup knows its ways, and says which where a word is wrong", () => {
  assert.match(setup([], []), /^; supervisord runs Fouet itself/);
  assert.match(setup([], [{ kind: "unix", path: "/run/x.sock" }]), /UNIX-CONNECT:\/run\/x\.sock,forever/);
  assert.match(setup(["relay", "[::1]:9799"], []), /--relay \[::1\]:9799\n/);
  assert.throws(() => setup(["pigeon"], []), /stdio, socat, python, relay/);
  assert.throws(() => setup(["socat", "nonsense"], []), /neither a socket's path/);
});
