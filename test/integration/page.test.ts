// Cuir's page in a real browser: current while it is open, usable by everybody, whole without script.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { createServer, type Server } from "node:net";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { BrowserContextOptions, Page } from "playwright-core";
import { type Browser, noBrowser, startBrowser } from "../servers/browser.ts";
import { eventually, freePorts, startChild, temporaryFolder } from "../servers/server.ts";
import { madeUpTarget, openWatched } from "../servers/watched.ts";

const entry = join(import.meta.dirname, "../../src/main.ts");
const axePath = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

/** Cuir itself, from source, probing ports of this test. */
async function startCuir(lines: readonly string[], port: number) {
  const folder = await temporaryFolder();
  const file = join(folder.path, "moustash.ini");
  await writeFile(
    file,
    `[Moustash]\ntransport: stdout\nspool: none\nhost: web-1\n[Cuir]\nhttp: 127.0.0.1:${port}\ninterval: 200ms\nrecheck: 50ms\n${lines.join("\n")}\n`,
  );
  const cuir = startChild(process.execPath, [
    "--disable-warning=ExperimentalWarning",
    entry,
    "cuir",
    "--config",
    file,
  ]);
  const url = `http://127.0.0.1:${port}/`;
  await eventually(async () => (await fetch(`${url}healthz`)).ok, { what: `Cuir at ${url}` });
  return {
    url,
    cuir,
    async [Symbol.asyncDispose]() {
      await cuir.end("SIGTERM");
      await folder[Symbol.asyncDispose]();
    },
  };
}

const listen = (port: number): Promise<Server> =>
  new Promise((resolve) => {
    const server = createServer((socket) => socket.on("error", () => socket.destroy()));
    server.listen(port, "127.0.0.1", () => resolve(server));
  });

interface Violation {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
}

/** The longest time, in milliseconds, for which the page drew nothing: beside what drawing every row at once takes. */
const measureStalls = `(async () => {
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  const longest = async (work, frames) => {
    let most = 0;
    let last = await frame();
    for (let count = 0; count < frames; count += 1) {
      work();
      const now = await frame();
      most = Math.max(most, now - last);
      last = now;
    }
    return most;
  };
  const scroll = await longest(() => scrollBy(0, 900), 60);
  scrollTo(0, 0);
  const search = document.querySelector("input[type=search]");
  let turn = 0;
  const filter = await longest(() => {
    turn += 1;
    if (turn % 20 !== 1) return;
    search.value = turn % 40 === 1 ? "1" : "";
    search.dispatchEvent(new Event("input", { bubbles: true }));
  }, 60);
  search.value = "";
  search.dispatchEvent(new Event("input", { bubbles: true }));
  await new Promise((resolve) => setTimeout(resolve, 300));
  const whole = await longest(() => {
    const rows = document.querySelectorAll("#targets tbody tr");
    for (const row of rows) row.style.contentVisibility = "visible";
    void document.body.offsetHeight;
  }, 1);
  return { scroll, filter, whole };
})()`;

describe("the page", { skip: noBrowser, concurrency: 1 }, () => {
  let browser: Browser;
  before(async () => {
    browser = await startBrowser();
  });
  after(() => browser[Symbol.asyncDispose]());

  /** A page that may say nothing on the console and ask for nothing elsewhere. */
  async function visit(url: string, options: BrowserContextOptions = {}) {
    const context = await browser.open(options);
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on("console", (message) => complaints.push(`${message.type()}: ${message.text()}`));
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("request", (request) => {
      if (!request.url().startsWith(url)) complaints.push(`asked for ${request.url()}`);
    });
    await page.goto(url);
    return { page, complaints, [Symbol.asyncDispose]: () => context.close() };
  }

  const stateOf = (page: Page, name: string) =>
    page.locator("#targets tbody tr").filter({ has: page.locator("th b", { hasText: name }) });
  const texts = (page: Page, selector: string) => page.locator(selector).allInnerTexts();

  test("tells of a target that goes down and comes back, while it is open", async () => {
    const [port, other, http] = await freePorts(3);
    let server = await listen(port!);
    const steady = await listen(other!);
    try {
      await using cuir = await startCuir(
        [`SSH: 127.0.0.1:${port}:ssh server for HULK`, `Web: 127.0.0.1:${other}:the shop`],
        http!,
      );
      await using visited = await visit(cuir.url);
      const { page, complaints } = visited;
      await page.getByRole("heading", { name: "All 2 targets are up" }).waitFor();
      await new Promise((resolve) => server.close(resolve));
      await page.getByRole("heading", { name: "1 of 2 targets is down" }).waitFor();
      const row = stateOf(page, "SSH");
      await row.getByText("refused").waitFor();
      assert.match(await row.innerText(), /Down/);
      assert.match((await texts(page, "#targets tbody tr"))[0]!, /SSH/, "what is down comes first");
      assert.match(
        await page.locator("#news").innerText(),
        /SSH: Down, refused/,
        "a screen reader hears of it",
      );
      assert.match(await page.title(), /^1 of 2 targets is down – Cuir on web-1/);
      assert.match(String(await page.locator("link[rel=icon]").getAttribute("href")), /icon-down/);
      server = await listen(port!);
      await page.getByRole("heading", { name: "All 2 targets are up" }).waitFor();
      assert.match(
        await stateOf(page, "SSH").locator("svg.day").innerHTML(),
        /class="bad"/,
        "the day keeps it",
      );
      assert.deepEqual(complaints, []);

      await cuir.cuir.end("SIGKILL");
      await page.getByText("Cuir has not answered since").first().waitFor();
    } finally {
      server.close();
      steady.close();
    }
  });

  test("loads itself anew when Cuir was started anew", async () => {
    const views = [madeUpTarget("SSH")];
    const first = await openWatched(views);
    await using visited = await visit(first.url);
    const { page } = visited;
    await page.getByText("Live").waitFor();
    await first[Symbol.asyncDispose]();
    await using _second = await openWatched([madeUpTarget("SSH"), madeUpTarget("Web")], {
      address: { host: "127.0.0.1", port: first.port },
    });
    await page.getByRole("heading", { name: "All 2 targets are up" }).waitFor();
    assert.equal(await page.locator("#targets tbody tr").count(), 2);
  });

  const looks: Record<string, BrowserContextOptions> = {
    light: { colorScheme: "light", viewport: { width: 1280, height: 800 } },
    dark: { colorScheme: "dark", viewport: { width: 1280, height: 800 } },
    phone: { colorScheme: "light", viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true },
    "phone, dark": {
      colorScheme: "dark",
      viewport: { width: 360, height: 740 },
      isMobile: true,
      hasTouch: true,
    },
  };
  const mixed = () => [
    madeUpTarget("SSH", {
      status: "down",
      cause: "refused",
      silence: { untilMs: Date.now() + 1e7, reason: "we know" },
    }),
    madeUpTarget("A program with quite a long name, as people give them", {
      informations:
        "and informations that go on and on, with-a-word-that-is-longer-than-a-phone-is-wide-and-has-no-space",
      source: "[2001:db8:1234:5678:9abc:def0:1234:5678]:65535",
    }),
    madeUpTarget("Search", { status: "degraded", cause: "slow" }),
    madeUpTarget("Mail", { known: false, cause: "no_route" }),
    madeUpTarget("New", { status: "new" }),
    madeUpTarget("Web"),
  ];

  for (const [name, look] of Object.entries(looks)) {
    test(`has nothing that axe finds, and no sideways scrolling: ${name}`, async () => {
      await using watched = await openWatched(mixed());
      for (let at = Date.now() - 3_000_000; at < Date.now(); at += 30_000)
        for (const { target } of watched.views)
          watched.ledger.history.record(target.program, at % 7 === 0 ? "down" : "up", at % 13, at);
      // axe has to be put into the page, which the page's own policy forbids to everybody.
      await using visited = await visit(watched.url, { ...look, bypassCSP: true });
      const { page, complaints } = visited;
      await page.getByText("Live").waitFor();
      await page.addScriptTag({ path: axePath });
      const { violations } = await page.evaluate<{ violations: Violation[] }>("axe.run()");
      const words = violations.map(
        ({ id, impact, nodes }) => `${id} (${impact}): ${nodes[0]?.failureSummary} ${nodes[0]?.html}`,
      );
      assert.deepEqual(words, []);
      const [inner, outer] = await page.evaluate<number[]>(
        "[document.documentElement.scrollWidth, innerWidth]",
      );
      assert.ok(inner! <= outer!, `${inner} px of page in ${outer} px of window`);
      assert.deepEqual(complaints, []);
    });
  }

  test("is used by keyboard: filter by name and by state, and out again", async () => {
    await using watched = await openWatched(mixed());
    await using visited = await visit(watched.url);
    const { page } = visited;
    await page.getByText("Live").waitFor();
    const shown = async () => (await texts(page, "#targets tbody tr:not([hidden]) th b")).length;
    await page.keyboard.press("/");
    await page.keyboard.type("ssh");
    await eventually(async () => (await shown()) === 1, { what: "one row" });
    assert.equal(await page.locator("#news").innerText(), "1 target is shown");
    await page.keyboard.press("Escape");
    await eventually(async () => (await shown()) === 6, { what: "all rows" });
    await page.keyboard.press("Tab");
    await page.keyboard.press("ArrowRight");
    await eventually(async () => (await shown()) === 1, { what: "what is down" });
    const focused = await page.evaluate("document.activeElement.value");
    assert.equal(focused, "down");
    // A target that comes up leaves the view of those that are down.
    watched.views[0]!.status = "up";
    await page.getByText("No target is like that.").waitFor();
  });

  test("asks for a password where one is set, and is current behind it", async () => {
    const access = { user: "ops", password: "secret" };
    await using watched = await openWatched(mixed(), { access });
    await using visited = await visit(watched.url, {
      httpCredentials: { username: "ops", password: "secret" },
    });
    await visited.page.getByText("Live").waitFor();
    assert.deepEqual(visited.complaints, []);
    await using stranger = await visit(watched.url, {
      httpCredentials: { username: "ops", password: "guess" },
    });
    assert.match(await stranger.page.locator("body").innerText(), /show http_token/);
  });

  test("is a whole table without script, and filters there too", async () => {
    await using watched = await openWatched(mixed());
    await using visited = await visit(watched.url, { javaScriptEnabled: false });
    const { page, complaints } = visited;
    assert.equal(await page.getByRole("row").count(), 7);
    assert.equal(await page.getByRole("columnheader").count(), 6);
    assert.equal(await page.getByRole("img", { name: /^last day/ }).count(), 6);
    await page.getByRole("searchbox").fill("web");
    await page.getByRole("button", { name: "Filter" }).click();
    assert.equal(await page.getByRole("row").count(), 2);
    assert.deepEqual(complaints, []);
  });

  test("2,000 targets: scrolling and filtering stay smooth", async () => {
    const views = Array.from({ length: 2000 }, (_, at) => madeUpTarget(`Target ${at}`));
    await using watched = await openWatched(views);
    for (let at = Date.now() - 86_400_000; at < Date.now(); at += 600_000)
      for (const { target } of views) watched.ledger.history.record(target.program, "up", at % 13, at);
    await using visited = await visit(watched.url);
    const { page, complaints } = visited;
    await page.getByText("Live").waitFor();
    assert.equal(await page.locator("#targets tbody tr").count(), 2000);
    // The longest time in which the page did nothing else, as a share of what drawing all rows at once takes here.
    const stalls = await page.evaluate<Record<"scroll" | "filter" | "whole", number>>(measureStalls);
    const figures = JSON.stringify(stalls);
    assert.ok(stalls.scroll < stalls.whole, `scrolling stalls as long as drawing all rows: ${figures}`);
    assert.ok(stalls.filter < stalls.whole, `filtering stalls as long as drawing all rows: ${figures}`);
    views[1234]!.status = "down";
    await page.getByRole("heading", { name: "1 of 2000 targets is down" }).waitFor();
    assert.match((await texts(page, "#targets tbody tr:first-child"))[0]!, /Target 1234/);
    assert.deepEqual(complaints, []);
  });
});
