import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import puppeteer, { type Browser, type Page } from "puppeteer-core";
import { onPath } from "../infra/on-path.ts";

/** Of the machine, not of a package. */
export const CHROMIUM: string | null = onPath("chromium") ?? onPath("chromium-browser") ?? onPath("google-chrome");

/** A real browser without a screen. `hosts`: names that lead to loopback. */
export function startBrowser(hosts: readonly string[] = []): Promise<Browser> {
  if (CHROMIUM === null) throw new Error("there is no chromium on the PATH");
  const rules = hosts.map((host) => `MAP ${host} 127.0.0.1`).join(",");
  return puppeteer.launch({
    executablePath: CHROMIUM,
    protocolTimeout: 60_000,
    // Containers have neither its sandbox nor much shared memory.
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", ...(rules === "" ? [] : [`--host-resolver-rules=${rules}`])],
  });
}

/** What went wrong in a page, each in a line. */
export interface Watched {
  readonly page: Page;
  /** Breaches of the content security policy, scripts that failed, and requests to other hosts. */
  troubles(): readonly string[];
}

/** A page of a browser profile of its own: no cookie of another test. */
export async function openPage(browser: Browser, origin: string): Promise<Watched> {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  const troubles: string[] = [];
  page.on("pageerror", (error) => troubles.push(`script: ${error instanceof Error ? error.message : String(error)}`));
  page.on("console", (message) => {
    if (/Content.Security.Policy|Refused to/i.test(message.text())) troubles.push(`policy: ${message.text()}`);
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(`${origin}/`) && !request.url().startsWith("data:")) troubles.push(`request: ${request.url()}`);
  });
  await page.setViewport({ width: 1280, height: 900 });
  return { page, troubles: () => troubles };
}

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What axe finds wrong with the page as it is, by rule and place. */
export async function accessibilityFaults(page: Page): Promise<readonly string[]> {
  await page.evaluate(AXE);
  // The page's own context: `axe` is what the line above has made there.
  const found: unknown = await page.evaluate(
    "axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => [id, target, failureSummary].join(' '))))",
  );
  return Array.isArray(found) ? found.map(String) : ["axe gave no list"];
}

/** Signs in by the form and waits for the first view. */
export async function signIn(page: Page, url: string, token: string): Promise<void> {
  await page.goto(`${url}/-/console`);
  await page.type("#token", token);
  await Promise.all([page.waitForNavigation(), page.click("button[type=submit]")]);
  await page.waitForSelector("main h1");
}
