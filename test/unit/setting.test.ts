// The text forms that every room shares, at their bounds.
import assert from "node:assert/strict";
import { test } from "node:test";
import { sharedSettings } from "../../src/config/settings.ts";
import { cuirSections, fouetSections, panpanSections } from "../../src/commands/sections.ts";
import { panpanSettings } from "../../src/message/settings.ts";
import { settings as cuirSettings } from "../../src/probe/settings.ts";
import { type Setting, parseDurationMs, parseSizeBytes } from "../../src/setting.ts";
import { spoolSettings } from "../../src/spool/settings.ts";
import { fouetSettings } from "../../src/supervisor/settings.ts";
import { mostTimerMs } from "../../src/waiting.ts";

test("a duration ends at a moment that can be written as a date", () => {
  assert.equal(parseDurationMs("30d"), 30 * 86_400_000);
  const most = parseDurationMs("36500d");
  assert.doesNotThrow(() => new Date(Date.now() + most).toISOString());
  assert.throws(() => parseDurationMs("36501d"), /"36501d" is too long: it may be 36500d at most/);
  assert.throws(() => parseDurationMs("9".repeat(400)), /too long/);
  assert.throws(() => parseSizeBytes("9".repeat(400)), /too large/);
});

test("what is waited for an answer fits into a timer", () => {
  const deadlines = {
    accept_within: sharedSettings.accept_within,
    drain_timeout: sharedSettings.drain_timeout,
    "[Panpan] timeout": panpanSettings.timeout,
    "[Cuir] timeout": cuirSettings.timeout,
    evidence_within: fouetSettings.evidence_within,
  };
  for (const [name, { parse }] of Object.entries(deadlines)) {
    assert.ok(parse("24d") <= mostTimerMs, name);
    assert.throws(() => parse("25d"), /"25d" is too long: it may be 24d at most/, name);
  }
});

test("what happens again and again, or would end what has just begun, has a least duration", () => {
  for (const text of ["0", "0s", "999ms"]) {
    assert.throws(() => panpanSettings.every.parse(text), /too short: at least 1s is needed/);
    assert.throws(() => fouetSettings.flap_within.parse(text), /too short: at least 1s is needed/);
  }
  const { timeout, kill_after: killAfter } = panpanSettings;
  for (const { parse } of [timeout, killAfter, cuirSettings.interval, cuirSettings.timeout])
    assert.throws(() => parse("0"), /"0" is too short: at least 1ms is needed/);
  assert.equal(killAfter.parse("25d"), 25 * 86_400_000);
  assert.equal(killAfter.parse("none"), undefined);
});

test("a spool of nothing and events of nothing are refused, with what is needed", () => {
  for (const { parse } of [spoolSettings.spool_max_bytes, spoolSettings.max_event_bytes]) {
    assert.throws(() => parse("0"), /"0" is too small: at least 1KB is needed/);
    assert.equal(parse("1KB"), 1024);
  }
});

test("words that every JavaScript object has are words like any other", () => {
  const outcome = (parse: (text: string) => unknown, text: string) => {
    try {
      return typeof parse(text);
    } catch (error) {
      return (error as Error).name;
    }
  };
  for (const table of Object.values({ ...cuirSections, ...fouetSections, ...panpanSections }))
    for (const [key, { parse }] of Object.entries<Setting>(table))
      for (const word of Object.getOwnPropertyNames(Object.prototype))
        assert.equal(outcome(parse, word), outcome(parse, "word"), `${key} = ${word}`);
});
