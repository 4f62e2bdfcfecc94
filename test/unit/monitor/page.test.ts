// The page as text: escaped, dense, and the same targets whatever order and filter.
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { createHistory } from "../../../src/monitor/history.ts";
import { html } from "../../../src/monitor/markup.ts";
import { headline, renderPage } from "../../../src/monitor/page.ts";
import { createRevisions } from "../../../src/monitor/revisions.ts";
import { madeUpTarget } from "../../servers/watched.ts";

async function page(views: ReturnType<typeof madeUpTarget>[], query = ""): Promise<string> {
  const options = {
    host: "web-1",
    version: "1.0.0",
    revision: "a.1",
    history: createHistory(),
    nowMs: Date.now(),
  };
  return (await Array.fromAsync(renderPage({ ...options, views, query: new URLSearchParams(query) }))).join(
    "",
  );
}

test("nothing that is filled in becomes markup", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => {
      const { markup } = html`<b title="${text}">${text}</b>`;
      assert.match(markup, /^<b title="[^"<>]*">[^"<>]*<\/b>$/u);
    }),
  );
});

test("names, informations, causes and the filter's words are shown as text", async () => {
  const evil = `<script>alert("1")</script>'&\u202e`;
  const text = await page(
    [madeUpTarget(evil, { informations: evil, cause: evil, status: "down" })],
    `q=${encodeURIComponent(evil)}`,
  );
  assert.ok(!text.includes("<script>alert"));
  assert.ok(!text.includes("\u202e"));
  assert.ok(text.includes("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&#39;&amp;"));
});

test("what is wrong comes first, and the filter finds by name, address and information", async () => {
  const views = [
    madeUpTarget("B"),
    madeUpTarget("a10"),
    madeUpTarget("a9", { source: "db.example:1" }),
    madeUpTarget("Z", { status: "down", informations: "the Till" }),
  ];
  const names = (text: string) =>
    [...text.matchAll(/scope="row" class="who">\s*<b>(.*?)<\/b/g)].map(([, name]) => name);
  assert.deepEqual(names(await page(views)), ["Z", "a9", "a10", "B"]);
  assert.deepEqual(names(await page(views, "q=TILL")), ["Z"]);
  assert.deepEqual(names(await page(views, "q=db.example")), ["a9"]);
  assert.deepEqual(names(await page(views, "state=up&q=a")), ["a9", "a10"]);
  assert.match(await page(views, "q=nothing"), /<p id="none" class="none">No target is like that/);
});

test("the headline says the worst that is", () => {
  const up = madeUpTarget("up");
  const down = madeUpTarget("down", { status: "down" });
  const unknown = madeUpTarget("unknown", { known: false });
  assert.equal(headline([]), "Nothing to probe");
  assert.equal(headline([up]), "The one target is up");
  assert.equal(headline([up, up]), "All 2 targets are up");
  assert.equal(headline([up, down, unknown]), "1 of 3 targets is down");
  assert.equal(headline([down, down]), "All 2 targets are down");
  assert.equal(headline([up, unknown]), "1 of 2 targets cannot be judged");
});

test("a page is told what changed since it asked, and to load anew after a restart", () => {
  const views = [madeUpTarget("a"), madeUpTarget("b")];
  const revisions = createRevisions("life");
  const first = revisions.now(views);
  assert.deepEqual(revisions.since(first, views), []);
  views[1]!.status = "down";
  assert.deepEqual(revisions.since(first, views), [1]);
  const second = revisions.now(views);
  assert.deepEqual(revisions.since(second, views), []);
  views[0]!.known = false;
  assert.deepEqual(revisions.since(second, views), [0]);
  assert.deepEqual(revisions.since(first, views), [0, 1]);
  assert.equal(revisions.since("other.1.1", views), undefined);
  assert.equal(revisions.since("", views), undefined);
  const third = revisions.now(views);
  views.push(madeUpTarget("c"));
  assert.equal(revisions.since(third, views), undefined, "another list of targets");
});
