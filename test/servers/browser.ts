// A real browser for tests: Debian's Chromium without a window, with a profile of its own that ends with it.
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BrowserContext, type BrowserContextOptions, chromium } from "playwright-core";

const executablePath = "/usr/bin/chromium";

/** The reason why there is none, for a test to skip with. */
export const noBrowser = existsSync(executablePath)
  ? false
  : "no /usr/bin/chromium: apt-get install chromium runs this test";

export interface Browser extends AsyncDisposable {
  /** A window of its own: cookies, storage, size, colours. */
  open(options?: BrowserContextOptions): Promise<BrowserContext>;
  readonly version: string;
}

export async function startBrowser(): Promise<Browser> {
  const home = await mkdtemp(join(tmpdir(), "moustash-browser-"));
  const browser = await chromium.launch({
    executablePath,
    headless: true,
    env: { HOME: home, PATH: process.env.PATH ?? "" },
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      // Whatever a page asks for beside this machine finds nobody.
      "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    ],
  });
  return {
    version: browser.version(),
    open: (options) => browser.newContext(options),
    async [Symbol.asyncDispose]() {
      await browser.close();
      await rm(home, { recursive: true, force: true });
    },
  };
}
