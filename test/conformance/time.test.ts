import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BrokerProcess, startBroker } from "../fakes/broker-process.ts";
import { CALLER_TOKEN, testManifests } from "../fakes/manifests.ts";

/** Time limits and repeats against a destination that is really slow and really fails, over sockets, each row named for its upstream test. */
const REF = "backendRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: first}]";
const CLOSED = "backendRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: closed}]";
const rule = (path: string, more: string, refs = REF) => `  - matches: [{path: {type: PathPrefix, value: ${path}}}]\n    ${more}\n    ${refs}\n`;
const RULES = [
  rule("/request", "timeouts: {request: 2s}"),
  rule("/backend", "timeouts: {backendRequest: 2s}"),
  rule("/off", "timeouts: {request: 0s}"),
  rule("/codes", "retry: {codes: [500, 503], attempts: 2, backoff: 10ms}"),
  rule("/plain", "retry: {attempts: 2, backoff: 10ms}"),
  rule("/waits", "retry: {codes: [500], attempts: 1, backoff: 300ms}"),
  rule("/slow-tries", "timeouts: {backendRequest: 1s}\n    retry: {attempts: 2, backoff: 10ms}"),
  rule("/bounded", "timeouts: {request: 600ms, backendRequest: 400ms}\n    retry: {attempts: 9, backoff: 10ms}"),
  rule("/closed", "retry: {attempts: 2, backoff: 10ms}", CLOSED),
].join("");

let upstream: Server;
let broker: BrokerProcess;
/** Times at which requests of a key came. */
const came = new Map<string, number[]>();

/** `?fail=N`: the first N of this key answer `status` (500); `?delay=MS`: the first `slow` (all) wait so long. */
beforeAll(async () => {
  upstream = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? "/", "http://upstream");
    const key = searchParams.get("key") ?? "";
    const times = came.get(key) ?? [];
    came.set(key, [...times, performance.now()]);
    request.resume();
    const status = times.length < Number(searchParams.get("fail") ?? 0) ? Number(searchParams.get("status") ?? 500) : 200;
    const waits = times.length < Number(searchParams.get("slow") ?? Number.MAX_SAFE_INTEGER);
    const timer = setTimeout(() => response.writeHead(status).end(`try ${times.length + 1}`), waits ? Number(searchParams.get("delay") ?? 0) : 0);
    response.once("close", () => clearTimeout(timer));
  });
  upstream.listen(0, "127.0.0.1");
  await once(upstream, "listening");
  const { port } = upstream.address() as AddressInfo; // as: it listens on TCP
  const nobody = createServer().listen(0, "127.0.0.1");
  await once(nobody, "listening");
  const closed = nobody.address() as AddressInfo; // as: the same
  nobody.close();
  await once(nobody, "close");
  const manifests = testManifests({
    backends: [
      { name: "first", port, timeouts: "{firstByte: 20s}" },
      { name: "closed", port: closed.port },
    ],
    rules: RULES,
    // The broker's own budget would hold back repeats of a destination that only ever fails.
    more: JSON.stringify({
      apiVersion: "gateway.networking.x-k8s.io/v1alpha1",
      kind: "XBackendTrafficPolicy",
      metadata: { name: "generous", namespace: "team-a" },
      spec: {
        targetRefs: ["first", "closed"].map((name) => ({ group: "gateway.networking.x-k8s.io", kind: "XBackend", name })),
        retryConstraint: { budget: { percent: 100 }, minRetryRate: { count: 1000, interval: "1s" } },
      },
    }),
  });
  broker = await startBroker({ manifests });
});
afterAll(async () => {
  await broker?.stop();
  upstream?.closeAllConnections();
  upstream?.close();
});

let keys = 0;

async function call(path: string, query = "", method = "GET") {
  keys += 1;
  const key = `call-${keys}`;
  const response = await fetch(`${broker.url}${path}?key=${key}&${query}`, { method, headers: { authorization: `Bearer ${CALLER_TOKEN}` } });
  const body = await response.text();
  return { status: response.status, body, times: came.get(key) ?? [] };
}

describe("timeouts", () => {
  it.each([
    ["HTTPRouteTimeoutRequest", "/request"],
    ["HTTPRouteTimeoutBackendRequest", "/backend"],
  ])("%s: 504 when it is over, and none before", async (_, path) => {
    expect((await call(path)).status).toBe(200);
    expect((await call(path, "delay=60000")).status).toBe(504);
  });

  it("HTTPRouteTimeoutRequest: 0s switches the limit off", async () => {
    expect((await call("/off", "delay=800")).status).toBe(200);
  });
});

describe("retry", () => {
  it("HTTPRouteRetry: as often as it says for the codes that it names, and then the destination's own last answer", async () => {
    expect(await call("/codes", "fail=2")).toMatchObject({ status: 200, body: "try 3" });
    const exhausted = await call("/codes", "fail=9&status=503");
    expect([exhausted.status, exhausted.body, exhausted.times.length]).toEqual([503, "try 3", 3]);
  });

  it("HTTPRouteRetry: a plain POST too, where the code is written", async () => {
    expect(await call("/codes", "fail=1", "POST")).toMatchObject({ status: 200, body: "try 2" });
  });

  it("HTTPRouteRetry: never for a code that it does not name", async () => {
    const { status, times } = await call("/codes", "fail=9&status=404");
    expect([status, times.length]).toEqual([404, 1]);
  });

  it("HTTPRouteRetry: waits at least its backoff", async () => {
    const { times } = await call("/waits", "fail=1");
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(290);
  });

  it("HTTPRouteRetryWithTimeouts: a try that was too slow is repeated although no code is named", async () => {
    expect(await call("/slow-tries", "delay=60000&slow=1")).toMatchObject({ status: 200, body: "try 2" });
    const exhausted = await call("/slow-tries", "delay=60000");
    expect([exhausted.status, exhausted.times.length]).toEqual([504, 3]);
  });

  it("HTTPRouteRetryWithTimeouts: timeouts.request bounds all of it", async () => {
    const { status, times } = await call("/bounded", "delay=60000");
    expect(status).toBe(504);
    expect(times.length).toBeLessThanOrEqual(3);
  });

  it("HTTPRouteRetryConnectionError: tried again, and 500 or 503 when nobody is there", async () => {
    const started = performance.now();
    const { status } = await call("/closed");
    expect([500, 502, 503]).toContain(status);
    expect(performance.now() - started).toBeGreaterThanOrEqual(15);
    const line = await broker.call((one) => one["path"] === "/closed");
    expect(JSON.stringify(line)).toContain("closed");
  });
});
