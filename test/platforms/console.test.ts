import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type LambdaProcess, startLambda } from "../fakes/lambda-runtime.ts";
import { ADMIN_TOKEN, testManifests } from "../fakes/manifests.ts";
import { rawClient } from "../fakes/node-broker.ts";
import { type Provider, startProvider } from "../fakes/provider.ts";
import { type ServedBroker, serveManifests } from "../fakes/served-broker.ts";
import { bundleWorker, startWorkerBroker, type WorkerBroker, type WorkerBundle } from "../fakes/worker-broker.ts";

const BROKER = "  console: {mode: Enabled}";
const FORM = { "content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin" };

let provider: Provider;
beforeAll(async () => {
  provider = await startProvider();
});
afterAll(() => provider?.close());

/** The page from its form to its data, the same on every platform. */
function itServesThePage(urlOf: () => string): void {
  const ask = (path: string, headers: Record<string, string> = {}, init: RequestInit = {}) =>
    fetch(`${urlOf()}${path}`, { redirect: "manual", ...init, headers });
  const signIn = async (): Promise<string> => {
    const answer = await ask("/-/console/session", FORM, { method: "POST", body: `token=${ADMIN_TOKEN}` });
    expect(answer.status).toBe(303);
    expect(answer.headers.get("location")).toBe("/-/console");
    return (answer.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
  };

  it("serves its form, its files and, after a sign-in, its data", async () => {
    const form = await ask("/-/console");
    expect([form.status, form.headers.get("content-type")]).toEqual([401, "text/html; charset=utf-8"]);
    for (const file of ["script.js", "style.css"]) {
      const answer = await ask(`/-/console/${file}`);
      expect(answer.status).toBe(200);
      expect((await answer.text()).length).toBeGreaterThan(1_000);
      const etag = answer.headers.get("etag") ?? "";
      expect((await ask(`/-/console/${file}`, { "if-none-match": etag })).status).toBe(304);
    }
    const cookie = await signIn();
    expect((await ask("/-/console", { cookie })).status).toBe(200);
    const state: unknown = await (await ask("/-/console/state", { cookie })).json();
    expect(state).toMatchObject({ ready: true, degraded: [], gateways: [{ id: "egress-system/egress" }], routes: [{ gateway: "egress-system/egress" }] });
    expect(await (await ask("/-/console/proof", { cookie })).json()).toMatchObject({ ok: true, rules: [{ gateway: "egress-system/egress" }] });
  });

  it("answers its data pages to the cookie as to the token, and to nobody else", async () => {
    const cookie = await signIn();
    for (const path of ["/-/usage?by=namespace", "/-/incidents", "/-/limits"]) {
      const byToken = await ask(path, { authorization: `Bearer ${ADMIN_TOKEN}` });
      const byCookie = await ask(path, { cookie });
      // 404: the platform keeps no usage.
      expect([200, 404], path).toContain(byToken.status);
      expect(byCookie.status, path).toBe(byToken.status);
      expect(byCookie.headers.get("cache-control"), path).toBe("no-store");
      expect((await ask(path, { cookie, "sec-fetch-site": "cross-site" })).status, path).not.toBe(200);
      expect((await ask(path)).status, path).not.toBe(200);
    }
  });
}

describe("the page on Node", () => {
  let broker: ServedBroker;
  beforeAll(async () => {
    broker = await serveManifests(testManifests({ backends: [{ name: "one", port: provider.port }], broker: BROKER }));
  });
  afterAll(() => broker?.stop());

  itServesThePage(() => broker.server.url);

  it("sends its files compressed to whoever takes that, and as they are to others", async () => {
    const get = async (headers: string): Promise<{ readonly head: string; readonly body: Buffer }> => {
      const text = await rawClient(broker.port, `GET /-/console/script.js HTTP/1.1\r\nhost: a\r\nconnection: close\r\n${headers}\r\n`).closed;
      const end = text.indexOf("\r\n\r\n");
      return { head: text.slice(0, end), body: Buffer.from(text.slice(end + 4), "latin1") };
    };
    const plain = await get("");
    const zipped = await get("accept-encoding: br, gzip\r\n");
    expect(plain.head).not.toMatch(/content-encoding/i);
    expect(zipped.head).toMatch(/content-encoding: gzip/i);
    expect(zipped.body.length).toBeLessThan(plain.body.length / 2);
    const unzip = (body: Buffer): string => gunzipSync(dechunked(body)).toString();
    expect(unzip(zipped.body)).toBe(dechunked(plain.body).toString());
  });

  it("tells what is degraded as /-/status does", async () => {
    const good = await readFile(broker.file, "utf8");
    const degraded = async (path: string): Promise<unknown> => {
      const answer = await fetch(`${broker.server.url}${path}`, { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } });
      return ((await answer.json()) as { readonly degraded: unknown }).degraded; // both pages have it
    };
    await writeFile(broker.file, good.replace("kind: HTTPRoute", "kind: HTTPRout"));
    const told = [{ part: "config", subject: "instance", reason: "rejected", until: null, docs: "docs/failures.md#degraded-config" }];
    await expect.poll(() => degraded("/-/console/state")).toMatchObject(told);
    expect(await degraded("/-/console/state")).toEqual(await degraded("/-/status"));
    await writeFile(broker.file, good);
    await expect.poll(() => degraded("/-/console/state")).toEqual([]);
  });

  it("answers HEAD without a body", async () => {
    const answer = await fetch(`${broker.server.url}/-/console`, { method: "HEAD" });
    expect(answer.status).toBe(401);
    expect(await answer.text()).toBe("");
  });
});

describe("the page on Lambda", () => {
  let lambda: LambdaProcess;
  beforeAll(async () => {
    lambda = await startLambda({ manifests: testManifests({ backends: [{ name: "one", port: provider.port }], broker: BROKER }), timeoutMs: 10_000 });
  });
  afterAll(() => lambda?.stop());

  itServesThePage(() => lambda.url);
});

describe("the page on Workers", () => {
  let bundle: WorkerBundle;
  let worker: WorkerBroker;
  beforeAll(async () => {
    bundle = await bundleWorker();
    const keys = JSON.stringify({ keys: [{ sha256: createHash("sha256").update(ADMIN_TOKEN).digest("hex"), namespace: "egress-system" }] });
    const manifests = testManifests({ backends: [{ name: "one", port: 443 }], broker: BROKER })
      .replace(/file: \{path: [^}]*callers\.json\}/, "binding: {name: CALLERS}")
      // Pinned addresses are nothing that a Worker can hold to.
      .split("\n---\n")
      .filter((document) => !document.includes("kind: BackendConnectionPolicy"))
      .join("\n---\n");
    worker = await startWorkerBroker({ bundle, manifests, secrets: { CALLERS: keys }, worldPort: provider.port, state: true });
  });
  afterAll(async () => {
    await worker?.stop();
    await bundle?.remove();
  });

  itServesThePage(() => worker.url);
});

/** The body of an answer that came in chunks. */
function dechunked(body: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < body.length; ) {
    const end = body.indexOf("\r\n", at);
    const size = Number.parseInt(body.subarray(at, end).toString(), 16);
    if (Number.isNaN(size) || end < 0) return body;
    parts.push(body.subarray(end + 2, end + 2 + size));
    at = end + 2 + size + 2;
  }
  return Buffer.concat(parts);
}
