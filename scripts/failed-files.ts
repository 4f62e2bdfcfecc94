// A reporter of node:test: the files in which something failed, each on a line of its own.
//
// Node's own `--test-rerun-failures` knows a test by its place in the file and its turn there, and takes one of several
// that a loop made for another: of a failed one it then says that it passed.
import type { TestEvent } from "node:test/reporters";

export default async function* failedFiles(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const told = new Set<string>();
  for await (const event of events) {
    if (event.type !== "test:fail") continue;
    // A file whose process died has no tests: there the file itself is what failed.
    const file = event.data.entryFile ?? event.data.file;
    if (file === undefined || told.has(file)) continue;
    told.add(file);
    yield `${file}\n`;
  }
}
