import { readFile, writeFile } from "node:fs/promises";
import type { Browser, Page } from "puppeteer-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openWorld, TOKENS, type World } from "../../examples/quickstart/world.ts";
import { accessibilityFaults, CHROMIUM, openPage, signIn, startBrowser } from "../fakes/browser.ts";
import { makeDemoCalls } from "../fakes/demo-calls.ts";
import { ADMIN_TOKEN, testManifests } from "../fakes/manifests.ts";
import { type Provider, startProvider } from "../fakes/provider.ts";
import { type ServedBroker, serveManifests } from "../fakes/served-broker.ts";
import { createTokenIssuer, ISSUER } from "../fakes/token-issuer.ts";

const missing = CHROMIUM === null;
if (missing) process.stderr.write("MISSING: chromium. Install it (Debian: apt-get install chromium) so that it is on the PATH\n");

const VIEWS = ["overview", "usage", "limits", "incidents", "regions"] as const;
/** A name that only the test's browser knows: over plain HTTP a browser trusts loopback, and nothing else. */
const PLAIN_HOST = "broker.example";

let browser: Browser;
beforeAll(async () => {
  if (!missing) browser = await startBrowser([PLAIN_HOST]);
});
afterAll(() => browser?.close());

const textOf = (page: Page): Promise<string> => page.$eval("main", (element) => element.textContent ?? "");
const says = (page: Page, text: string) => expect.poll(() => textOf(page)).toContain(text);
/** Goes to a view by its link and waits for what it shows. */
async function show(page: Page, view: string, text: string): Promise<void> {
  await page.click(`header nav a[href="#/${view}"]`);
  await says(page, text);
}
const EXPECTED: Readonly<Record<(typeof VIEWS)[number], string>> = {
  overview: "egress-system/openai-eu",
  usage: "team-a",
  limits: "tokens-a-day",
  incidents: "region_locked",
  regions: "personal-data-stays-in-europe",
};

describe.skipIf(missing)(`the page in a browser${missing ? " (MISSING: chromium)" : ""}`, () => {
  let world: World;
  let url: string;
  beforeAll(async () => {
    world = await openWorld({ port: 0, freePorts: true, paceMs: 0, onCall: () => {}, onWord: () => {} });
    url = world.broker.url;
    await makeDemoCalls(world, 3);
  });
  afterAll(() => world?.stop());

  it("takes the right token only, and keeps it from scripts", async () => {
    const { page, troubles } = await openPage(browser, url);
    await page.goto(`${url}/-/console`);
    await page.type("#token", "wrong");
    await Promise.all([page.waitForNavigation(), page.click("button[type=submit]")]);
    expect(await page.$eval("[role=alert]", (element) => element.textContent)).toContain("not one of the Gateway's own namespace");
    await signIn(page, url, TOKENS["egress-system"]);
    await says(page, EXPECTED.overview);
    expect(page.url()).toBe(`${url}/-/console`);
    expect(await page.evaluate("document.cookie")).toBe("");
    const [cookie] = await page.browserContext().cookies();
    expect(cookie).toMatchObject({ name: "spillway-console", httpOnly: true, sameSite: "Strict", path: "/-/" });
    await page.click("header form button");
    await page.waitForSelector("#token");
    expect(await page.browserContext().cookies()).toEqual([]);
    expect(troubles()).toEqual([]);
  });

  it("shows what the demo's calls have done, in every view, with nothing from elsewhere and nothing against its policy", async () => {
    const { page, troubles } = await openPage(browser, url);
    await signIn(page, url, TOKENS["egress-system"]);
    for (const view of VIEWS) await show(page, view, EXPECTED[view]);
    await show(page, "usage", "team-b");
    // Aliases with a price, and a model that has none: its cost is not 0.
    await page.click("fieldset label:nth-of-type(3) input");
    await says(page, "text-embedding-demo");
    const rows = await page.$$eval("tbody tr", (found) => found.map((row) => [...row.children].map((cell) => cell.textContent ?? "")));
    expect(rows.some((cells) => cells.at(-1)?.startsWith("$"))).toBe(true);
    expect(rows.filter((cells) => /^\$0(?:\.0+)?$/.test(cells.at(-1) ?? "") && Number(cells.at(-3)?.replaceAll(",", "")) > 0)).toEqual([]);
    await show(page, "incidents", "openai-eu");
    await show(page, "regions", "EEA+CH (31 countries)");
    expect(troubles()).toEqual([]);
  });

  it.each(["light", "dark"])(
    "has no fault that axe finds, %s, on wide screens and small ones",
    async (scheme) => {
      const { page } = await openPage(browser, url);
      await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
      await page.goto(`${url}/-/console`);
      expect(await accessibilityFaults(page)).toEqual([]);
      await signIn(page, url, TOKENS["egress-system"]);
      for (const view of VIEWS) {
        await show(page, view, EXPECTED[view]);
        expect(await accessibilityFaults(page), view).toEqual([]);
      }
      await page.click("details summary");
      await page.setViewport({ width: 375, height: 740 });
      for (const view of VIEWS) {
        await show(page, view, EXPECTED[view]);
        expect(await accessibilityFaults(page), `${view}, small`).toEqual([]);
        // Tables scroll inside their frames; the page itself does not.
        expect(await page.evaluate("document.documentElement.scrollWidth - innerWidth"), view).toBeLessThanOrEqual(0);
      }
    },
    90_000,
  );

  it("is worked by keyboard alone", async () => {
    const { page } = await openPage(browser, url);
    await page.goto(`${url}/-/console`);
    const focused = () => page.evaluate("document.activeElement.textContent.trim() || document.activeElement.id || document.activeElement.tagName");
    const tabTo = async (text: string) => {
      for (let step = 0; step < 60; step++) {
        await page.keyboard.press("Tab");
        const name = String(await focused());
        if (name.startsWith(text)) {
          // Whoever cannot see where they are cannot work.
          expect(await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")).not.toBe("none");
          return;
        }
      }
      expect.unreachable(`no way to ${text} by Tab`);
    };
    await tabTo("token");
    await page.keyboard.type(TOKENS["egress-system"]);
    await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
    await page.waitForSelector("main h1");
    await tabTo("Skip to content");
    await page.keyboard.press("Enter");
    expect(await focused()).toBe("Overview");
    await page.reload();
    await page.waitForSelector("main h1");
    await tabTo("Usage");
    await page.keyboard.press("Enter");
    await expect.poll(focused).toBe("Usage");
    await says(page, EXPECTED.usage);
    await tabTo("Namespace");
    await page.keyboard.press("Space");
    await expect.poll(() => page.$eval(".table thead th:first-child", (heading) => heading.getAttribute("aria-sort"))).toBe("ascending");
    await page.keyboard.press("Space");
    await expect.poll(() => page.$eval(".table thead th:first-child", (heading) => heading.getAttribute("aria-sort"))).toBe("descending");
    await page.evaluate("document.activeElement.blur()");
    await page.reload();
    await page.waitForSelector("main h1");
    await tabTo("Sign out");
    await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
    await page.waitForSelector("#token");
  });

  it("lets in whoever has a session and comes from another site, and over plain HTTP", async () => {
    const port = new URL(url).port;
    const origin = `http://${PLAIN_HOST}:${port}`;
    const { page, troubles } = await openPage(browser, origin);
    await signIn(page, origin, TOKENS["egress-system"]);
    await says(page, EXPECTED.overview);
    // A link on another site: the browser keeps a strict cookie back at first.
    await page.goto("data:text/html,<a id=link>to the console</a>");
    await page.evaluate(`document.getElementById("link").href = "${origin}/-/console"`);
    await Promise.all([page.waitForNavigation(), page.click("#link")]);
    await says(page, EXPECTED.overview);
    expect(troubles()).toEqual([]);
  });
});

describe.skipIf(missing)(`the page of a broker that is degraded${missing ? " (MISSING: chromium)" : ""}`, () => {
  const CALM = "Nothing is degraded in this instance.";
  let broker: ServedBroker;
  beforeAll(async () => {
    broker = await serveManifests(testManifests({ backends: [{ name: "one", port: 1 }], broker: "  console: {mode: Enabled}" }));
  });
  afterAll(() => broker?.stop());

  const announced = (page: Page) => page.$eval("#degraded[role=status]", (element) => element.textContent ?? "");

  it("says what, why, since when and where to read on, without a fault that axe finds, and says so when it is over", async () => {
    const { page, troubles } = await openPage(browser, broker.server.url);
    await signIn(page, broker.server.url, ADMIN_TOKEN);
    await says(page, CALM);
    expect(await announced(page)).toBe(CALM);
    const good = await readFile(broker.file, "utf8");
    const refreshed = async () => {
      await page.click(".refresh button:last-child");
      return announced(page);
    };
    await writeFile(broker.file, good.replace("kind: HTTPRoute", "kind: HTTPRout"));
    await expect
      .poll(refreshed, { interval: 200 })
      .toMatch(/config instance rejected since .*faults? in what was read last.*docs\/failures\.md#degraded-config/);
    expect(await page.$eval("#degraded time", (element) => element.getAttribute("datetime"))).toMatch(/^\d{4}-.*Z$/);
    expect(await accessibilityFaults(page)).toEqual([]);
    await writeFile(broker.file, good);
    await expect.poll(refreshed, { interval: 200 }).toBe(CALM);
    expect(troubles()).toEqual([]);
  });

  it("shows what the broker says as text and never as HTML", async () => {
    const { page, troubles } = await openPage(browser, broker.server.url);
    const hostile = "<img src=x onerror=alert(1)><b id=planted>";
    const entry = { part: hostile, subject: hostile, reason: hostile, detail: hostile, since: hostile, until: hostile, effect: hostile, docs: hostile };
    const answer = await fetch(`${broker.server.url}/-/console/state`, { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } });
    const body = JSON.stringify({ ...((await answer.json()) as object), degraded: [entry] }); // one object
    await page.setRequestInterception(true);
    page.on("request", (request) => {
      if (request.url().endsWith("/-/console/state")) void request.respond({ status: 200, contentType: "application/json", body });
      else void request.continue();
    });
    await signIn(page, broker.server.url, ADMIN_TOKEN);
    await says(page, hostile);
    expect((await announced(page)).split(hostile)).toHaveLength(7);
    expect(await page.$$("#planted, #degraded img")).toEqual([]);
    expect(troubles()).toEqual([]);
  });
});

describe.skipIf(missing)(`the page with a thousand namespaces${missing ? " (MISSING: chromium)" : ""}`, () => {
  const NAMESPACES = 1_000;
  const MODELS = ["model-a", "model-b", "model-c"];
  let provider: Provider;
  let broker: ServedBroker;
  let manifests: string;

  beforeAll(async () => {
    provider = await startProvider();
    const issuer = createTokenIssuer("EC");
    const now = Math.floor(Date.now() / 1_000);
    const tokenOf = (namespace: string): string =>
      issuer.token(
        issuer.claims(now, { sub: `system:serviceaccount:${namespace}:app`, "kubernetes.io": { namespace, serviceaccount: { name: "app", uid: "u" } } }),
      );
    const tokens = Array.from({ length: NAMESPACES }, (_, index) => tokenOf(`tenant-${index}`));
    manifests = testManifests({
      backends: [{ name: "one", port: provider.port, api: "OpenAI", models: '[{name: "model-*"}]' }],
      issuers: `[{name: cluster, type: KubernetesServiceAccount, issuer: "${ISSUER}", audiences: [spillway], jwks: {inline: ${JSON.stringify(issuer.jwks())}}}]`,
      broker: "  console: {mode: Enabled}",
    });
    broker = await serveManifests(manifests);
    const calls = Array.from({ length: NAMESPACES * MODELS.length }, (_, index) => index);
    const caller = async (): Promise<void> => {
      for (let index = calls.pop(); index !== undefined; index = calls.pop()) {
        const headers = { authorization: `Bearer ${tokens[index % NAMESPACES]}`, "content-type": "application/json" };
        const body = JSON.stringify({ model: MODELS[Math.floor(index / NAMESPACES)], messages: [] });
        const answer = await fetch(`${broker.server.url}/v1/chat/completions`, { method: "POST", headers, body });
        if (!answer.ok) throw new Error(`a call was refused: ${await answer.text()}`);
        await answer.arrayBuffer();
      }
    };
    await Promise.all(Array.from({ length: 32 }, caller));
  }, 120_000);
  afterAll(async () => {
    await broker?.stop();
    await provider?.close();
  });

  it("keeps few rows in the document, and sorts, searches and turns pages of all", async () => {
    const { page, troubles } = await openPage(browser, broker.server.url);
    await signIn(page, broker.server.url, ADMIN_TOKEN);
    await page.goto(`${broker.server.url}/-/console#/usage?by=namespace,model`);
    await says(page, "3,000 rows");
    const names = () => page.$$eval(".table tbody th", (found) => found.map((cell) => cell.textContent ?? ""));
    expect((await names()).length).toBe(50);
    await page.click(".table thead th:first-child button");
    await expect.poll(names).toEqual(Array.from({ length: 50 }, (_, index) => `tenant-${Math.floor(index / 3)}`));
    await page.click(".table thead th:first-child button");
    await expect.poll(async () => (await names())[0]).toBe("tenant-999");
    await page.click(".pages button:last-child");
    await expect.poll(async () => (await names())[0]).not.toBe("tenant-999");
    expect((await names()).length).toBe(50);
    await page.type(".table input[type=search]", "tenant-77 model-b");
    await says(page, "11 of 3,000 rows");
    expect(new Set(await names()).size).toBe(11);
    expect(await page.$$eval("*", (all) => all.length)).toBeLessThan(1_500);
    await page.goto(`${broker.server.url}/-/console#/usage?by=namespace`);
    await says(page, "1,000 rows");
    expect(troubles()).toEqual([]);
  });

  it("says so while the broker is away, keeps what it knew, and goes on after a restart with the same session", async () => {
    const { page } = await openPage(browser, broker.server.url);
    const { port } = broker;
    await signIn(page, broker.server.url, ADMIN_TOKEN);
    await says(page, "one.provider.example");
    await broker.stop();
    const refresh = () => page.click(".refresh button:last-child");
    await refresh();
    await says(page, "The broker does not answer.");
    await says(page, "Shown is what was known");
    expect(await textOf(page)).toContain("one.provider.example");
    broker = await serveManifests(manifests, { port });
    await refresh();
    await expect.poll(() => textOf(page)).not.toContain("does not answer");
    expect(await textOf(page)).toContain("one.provider.example");
  });
});
