// What the book holds of a target that was forgotten while something of it was on its way.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Draft } from "../../../src/event.ts";
import { createLedger } from "../../../src/probe/ledger.ts";
import type { Memory } from "../../../src/probe/memory.ts";
import type { Item } from "../../../src/probe/outbox.ts";
import { openMemoryStore } from "../../../src/store/memory.ts";

const key = "Shop 10.1.2.3:80";

const memory = (number: number): Memory => {
  return { program: "Shop", source: "10.1.2.3:80", status: "down", sinceMs: number, number };
};

const draft: Draft = {
  atMs: 1,
  class: "change",
  message: "call Anna",
  program: "Shop",
  source: "10.1.2.3:80",
  tags: [],
  notify: true,
};
const item: Item = { key, program: "Shop", draft, memory: memory(1) };

function open() {
  const store = openMemoryStore();
  const ledger = createLedger(store, (error) => assert.fail(String(error)));
  return {
    ledger,
    written: async () => (await store.get("cuir.targets", key)) as unknown as Memory | undefined,
  };
}

test("what is being sent stays written until it is accepted, and is recalled no more", async () => {
  const { ledger, written } = open();
  await ledger.sending([item]);
  ledger.forget(key);
  await ledger.flush();
  assert.equal((await written())?.pending?.length, 1);
  assert.equal(ledger.recall(key), undefined);
  await ledger.accepted([item]);
  assert.equal(await written(), undefined);
});

test("a new life of the same target is not overwritten by what the old one still had to send", async () => {
  const { ledger, written } = open();
  ledger.forget(key, memory(1));
  ledger.keep(key, memory(2), true);
  await ledger.sending([item]);
  assert.deepEqual([(await written())?.number, (await written())?.pending?.length], [2, 1]);
  await ledger.accepted([item]);
  assert.deepEqual(await written(), memory(2));
  assert.deepEqual(ledger.recall(key), memory(2));
});
