import { writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ADMIN_TOKEN, CALLER_TOKEN, testManifests } from "../fakes/manifests.ts";
import { type Provider, startProvider } from "../fakes/provider.ts";
import { type ServedBroker, serveManifests } from "../fakes/served-broker.ts";

let provider: Provider;
let broker: ServedBroker;
let off: ServedBroker;

beforeAll(async () => {
  provider = await startProvider();
  const backends = [{ name: "one", port: provider.port }];
  broker = await serveManifests(testManifests({ backends, broker: "  console: {mode: Enabled}" }));
  off = await serveManifests(testManifests({ backends }));
});
afterAll(async () => {
  await Promise.all([broker?.stop(), off?.stop()]);
  await provider?.close();
});

const SAME_ORIGIN = { "sec-fetch-site": "same-origin" };
const FORM = { "content-type": "application/x-www-form-urlencoded" };

function ask(path: string, headers: Record<string, string> = {}, init: RequestInit = {}, from: ServedBroker = broker): Promise<Response> {
  return fetch(`${from.server.url}${path}`, { redirect: "manual", ...init, headers });
}

function signIn(token: string, headers: Record<string, string> = SAME_ORIGIN): Promise<Response> {
  return ask("/-/console/session", { ...FORM, ...headers }, { method: "POST", body: new URLSearchParams({ token }).toString() });
}

/** `name=value` of a fresh session. */
async function session(): Promise<string> {
  const answer = await signIn(ADMIN_TOKEN);
  expect(answer.status).toBe(303);
  return (answer.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
}

describe("without a sign-in", () => {
  it("the page is a form with 401, and nothing of the broker is in it", async () => {
    const answer = await ask("/-/console");
    expect(answer.status).toBe(401);
    expect(answer.headers.get("cache-control")).toBe("no-store");
    const text = await answer.text();
    expect(text).toContain('action="/-/console/session"');
    expect(text).not.toContain(broker.server.broker.loaded()?.snapshot?.id ?? "no snapshot");
  });

  it.each(["/-/console/state", "/-/console/proof", "/-/status"])("%s is 401", async (path) => {
    expect((await ask(path)).status).toBe(401);
    expect((await ask(path, { authorization: `Bearer ${CALLER_TOKEN}` })).status).toBe(401);
  });

  it("a caller of another namespace cannot sign in, and learns nothing but that", async () => {
    const answer = await signIn(CALLER_TOKEN);
    expect(answer.status).toBe(401);
    expect(answer.headers.get("set-cookie")).toBeNull();
    expect(await answer.text()).not.toContain(CALLER_TOKEN);
  });

  it("a Gateway that has not asked for the page has none, whatever is sent", async () => {
    for (const path of ["/-/console", "/-/console/state", "/-/console/script.js"])
      expect((await ask(path, { authorization: `Bearer ${ADMIN_TOKEN}` }, {}, off)).status).toBe(404);
    expect((await ask("/-/console/session", { ...FORM, ...SAME_ORIGIN }, { method: "POST", body: `token=${ADMIN_TOKEN}` }, off)).status).toBe(404);
    // A cookie of a broker that has the page.
    const cookie = await session();
    for (const path of ["/-/usage", "/-/incidents", "/-/limits"]) expect((await ask(path, { cookie }, {}, off)).status).not.toBe(200);
  });
});

describe("a session", () => {
  it("is a cookie that no script reads, no other site sends and no egress call carries", async () => {
    const cookie = (await signIn(ADMIN_TOKEN)).headers.get("set-cookie");
    expect(cookie).toMatch(/^spillway-console=[^;]+; Path=\/-\/; HttpOnly; SameSite=Strict; Max-Age=28800$/);
  });

  it("is for https only where the browser came by https", async () => {
    const cookie = (await signIn(ADMIN_TOKEN, { ...SAME_ORIGIN, "x-forwarded-proto": "https" })).headers.get("set-cookie");
    expect(cookie).toMatch(/^__Secure-spillway-console=[^;]+; Path=\/-\/; HttpOnly; SameSite=Strict; Secure; Max-Age=28800$/);
    // What came by https does not count in plain sight, and the other way about.
    const pair = (cookie ?? "").split(";")[0] ?? "";
    expect((await ask("/-/console/state", { cookie: pair })).status).toBe(401);
    expect((await ask("/-/console/state", { cookie: pair, "x-forwarded-proto": "https" })).status).toBe(200);
    expect((await ask("/-/console/state", { cookie: await session(), "x-forwarded-proto": "https" })).status).toBe(401);
  });

  it("opens the page and its data", async () => {
    const cookie = await session();
    const page = await ask("/-/console", { cookie });
    expect(page.status).toBe(200);
    expect(await page.text()).toContain('id="app"');
    for (const path of ["/-/console/state", "/-/console/proof"]) {
      const answer = await ask(path, { cookie });
      expect(answer.status).toBe(200);
      expect(answer.headers.get("cache-control")).toBe("no-store");
      expect(JSON.stringify(await answer.json())).not.toMatch(/caller-token|key-of/);
    }
  });

  it("is nothing to egress calls, and nothing of it reaches a provider by Authorization", async () => {
    const cookie = await session();
    const before = provider.seen.length;
    const answer = await ask("/v1/models", { cookie, ...SAME_ORIGIN });
    expect(answer.status).toBe(401);
    expect(answer.headers.get("x-egress-error")).toBe("identity_missing");
    expect(provider.seen.length).toBe(before);
  });

  it("is nothing to other pages, nor to anything but reading", async () => {
    const cookie = await session();
    expect((await ask("/-/status", { cookie, ...SAME_ORIGIN })).status).toBe(401);
    expect(
      (await ask("/-/events", { cookie, ...SAME_ORIGIN, "content-type": "application/cloudevents+json" }, { method: "POST", body: "{}" })).status,
    ).not.toBe(200);
    for (const method of ["PUT", "DELETE", "PATCH"]) expect((await ask("/-/console/state", { cookie, ...SAME_ORIGIN }, { method })).status).toBe(405);
    expect((await ask("/-/console/state", { cookie, ...SAME_ORIGIN }, { method: "POST" })).status).toBe(404);
  });

  it("is read for no other site, whatever its cookie policy let through", async () => {
    const cookie = await session();
    for (const site of ["cross-site", "same-site"]) expect((await ask("/-/console/state", { cookie, "sec-fetch-site": site })).status).toBe(401);
    expect((await ask("/-/console/state", { cookie, "sec-fetch-site": "none" })).status).toBe(200);
  });

  it("cannot be forged or joined by a second one", async () => {
    const cookie = await session();
    for (const forged of [
      "spillway-console=",
      "spillway-console=x",
      `spillway-console=${CALLER_TOKEN}`,
      `${cookie}; ${cookie}`,
      `${cookie}x`,
      cookie.toUpperCase(),
    ])
      expect((await ask("/-/console/state", { cookie: forged })).status).toBe(401);
  });

  it("does not stand in for a credential that was shown and is wrong", async () => {
    expect((await ask("/-/console/state", { cookie: await session(), authorization: "Bearer wrong" })).status).toBe(401);
  });

  it("ends with the token: what is revoked is out", async () => {
    const manifests = testManifests({ backends: [{ name: "one", port: provider.port }], broker: "  console: {mode: Enabled}" });
    const own = await serveManifests(manifests);
    try {
      const cookie = await session();
      const statusOf = async () => (await ask("/-/console/state", { cookie }, {}, own)).status;
      expect(await statusOf()).toBe(200);
      const withdrawn = manifests.replace(/apiKeys: \{[^\n]*\}\}/, "anonymous: Deny}");
      expect(withdrawn).not.toBe(manifests);
      await writeFile(own.file, withdrawn);
      await expect.poll(statusOf).toBe(401);
    } finally {
      await own.stop();
    }
  });

  it("is forgotten by signing out", async () => {
    const answer = await ask("/-/console/sign-out", { ...FORM, ...SAME_ORIGIN }, { method: "POST" });
    expect(answer.status).toBe(303);
    expect(answer.headers.get("set-cookie")).toMatch(/^spillway-console=; .*Max-Age=0$/);
  });
});

describe("a sign-in that the reader did not ask for", () => {
  it.each([
    ["a page of another site", { "sec-fetch-site": "cross-site" }],
    ["a page of a neighbour", { "sec-fetch-site": "same-site" }],
    ["another origin, told by an old browser", { origin: "https://evil.example" }],
    ["an origin that hides", { origin: "null" }],
    ["nobody who says where they are", {}],
  ])("by %s is refused", async (_who, headers) => {
    const answer = await signIn(ADMIN_TOKEN, headers);
    expect(answer.status).toBe(403);
    expect(answer.headers.get("set-cookie")).toBeNull();
    expect((await ask("/-/console/sign-out", { ...FORM, ...headers }, { method: "POST" })).headers.get("set-cookie")).toBeNull();
  });

  it("by our own page over plain HTTP, where browsers send no Sec-Fetch-Site, is taken", async () => {
    expect((await signIn(ADMIN_TOKEN, { origin: broker.server.url })).status).toBe(303);
  });

  it("by GET does nothing", async () => {
    for (const path of ["/-/console/session", "/-/console/sign-out"]) {
      const answer = await ask(`${path}?token=${ADMIN_TOKEN}`, SAME_ORIGIN);
      expect(answer.status).toBe(404);
      expect(answer.headers.get("set-cookie")).toBeNull();
    }
  });
});

describe("a hostile form", () => {
  it("is read to its bound only", async () => {
    const answer = await ask("/-/console/session", { ...FORM, ...SAME_ORIGIN }, { method: "POST", body: `token=${"a".repeat(17_000)}` });
    expect(answer.status).toBe(413);
  });

  it("of another type is refused", async () => {
    const answer = await ask("/-/console/session", { "content-type": "text/plain", ...SAME_ORIGIN }, { method: "POST", body: `token=${ADMIN_TOKEN}` });
    expect(answer.status).toBe(415);
  });

  it.each([
    ["nothing", ""],
    ["a line break", "a\r\nset-cookie: a=b"],
    ["another cookie", "a; Domain=evil"],
    ["what no cookie can hold", "x".repeat(4_001)],
    ["markup", "<script>"],
  ])("with %s for a token sets no cookie", async (_what, token) => {
    const answer = await signIn(token);
    expect(answer.status).toBe(400);
    expect(answer.headers.get("set-cookie")).toBeNull();
    expect(await answer.text()).not.toContain("<script>alert");
  });

  it("that guesses is slowed down, while those who are in stay in", async () => {
    const own = await serveManifests(testManifests({ backends: [{ name: "one", port: provider.port }], broker: "  console: {mode: Enabled}" }));
    try {
      const guess = (token: string) => ask("/-/console/session", { ...FORM, ...SAME_ORIGIN }, { method: "POST", body: `token=${token}` }, own);
      const cookie = ((await guess(ADMIN_TOKEN)).headers.get("set-cookie") ?? "").split(";")[0] ?? "";
      const statuses = await Promise.all(Array.from({ length: 30 }, async (_, index) => (await guess(`wrong-${index}`)).status));
      expect(statuses.filter((status) => status === 401).length).toBeGreaterThanOrEqual(10);
      expect(statuses.filter((status) => status === 401).length).toBeLessThan(20);
      const late = await guess("wrong");
      expect(late.status).toBe(429);
      expect(Number(late.headers.get("retry-after"))).toBeGreaterThan(0);
      expect((await ask("/-/console/state", { cookie }, {}, own)).status).toBe(200);
    } finally {
      await own.stop();
    }
  });
});

describe("every answer of the page", () => {
  it.each(["/-/console", "/-/console/state", "/-/console/script.js", "/-/console/style.css", "/-/console/none"])(
    "%s says what a browser may do with it",
    async (path) => {
      const { headers } = await ask(path);
      const policy = headers.get("content-security-policy") ?? "";
      for (const directive of ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"])
        expect(policy).toContain(directive);
      expect(policy).not.toMatch(/unsafe|\*/);
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("referrer-policy")).toBe("same-origin");
      expect(headers.get("cross-origin-resource-policy")).toBe("same-origin");
    },
  );

  it("holds no inline script or style", async () => {
    const text = await (await ask("/-/console", { cookie: await session() })).text();
    expect(text).not.toMatch(/<script(?![^>]*\ssrc=)|<style|\son\w+=|\sstyle=|javascript:/);
  });
});
