import { describe, expect, it } from "vitest";
import { compile } from "../../src/config/compile.ts";
import { readBundle } from "../../src/config/read-bundle.ts";
import { writeBundle } from "../../src/config/write-bundle.ts";
import type { ExchangeOptions } from "../fakes/exchange.ts";
import { CALLER_TOKEN, type TestManifests, testManifests } from "../fakes/manifests.ts";
import { type Installation, install } from "../pipeline/installation.ts";
import { NODE } from "../unit/config/compile-text.ts";

/** Rows of HTTPRouteRequestMirror, HTTPRouteRequestMultipleMirrors and HTTPRouteRequestPercentageMirror, and what they leave open. */
const ref = (name: string) => `{group: gateway.networking.x-k8s.io, kind: XBackend, name: ${name}}`;
const mirror = (name: string, share = "") => `{type: RequestMirror, requestMirror: {backendRef: ${ref(name)}${share}}}`;
const world = (filters: string, more: Partial<TestManifests> = {}): TestManifests => ({
  backends: [
    { name: "first", port: 8001, region: "eu-central-1", key: "first-key" },
    { name: "copy", port: 8002, region: "us-east-1", key: "copy-key" },
    { name: "other", port: 8003, region: "eu-west-1" },
  ],
  rule: `    filters: [${filters}]`,
  ...more,
});
const to = (one: Installation) => one.transport.sent.map((sent) => sent.to).sort();
const post = (body: string, declared = true): ExchangeOptions => ({
  target: "/v1/things?x=1",
  headers: ["Authorization", `Bearer ${CALLER_TOKEN}`, "X-Mine", "a"],
  body,
  declared,
});
/** Copies go on beside the call. */
const settled = async () => {
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
};
const outcomes = (one: Installation) =>
  [...one.broker.metricsText().matchAll(/^egress_mirrors_total\{.*backend="([^"]+)".*outcome="([^"]+)".*\} (\d+)/gm)].map(
    ([, backend, outcome, count]) => `${backend} ${outcome} ${count}`,
  );

describe("a mirror", () => {
  it("gets the request as the destination gets it, with a credential of its own", async () => {
    const one = install(world(`${mirror("copy")}, {type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: x-set, value: set}], remove: [x-mine]}}`));
    const caller = await one.call(post("hello"));
    await settled();
    expect(caller.received()).toMatchObject({ status: 200, body: "from first" });
    expect(to(one)).toEqual(["copy", "first"]);
    const [copy, first] = ["copy", "first"].map((name) => one.transport.sent.find((sent) => sent.to === name));
    expect(copy).toMatchObject({ body: "hello", request: { method: "POST", path: "/v1/things?x=1" } });
    expect(copy?.request.headers).toEqual(expect.arrayContaining(["x-set", "set", "host", "copy.provider.example:8002", "Bearer copy-key"]));
    expect(copy?.request.headers).not.toContain("X-Mine");
    expect(copy?.request.headers.join()).not.toContain("first-key");
    expect(first?.request.headers.join()).not.toContain("copy-key");
    expect(outcomes(one)).toEqual(["XBackend/team-a/copy answer 1"]);
  });

  it("may be several", async () => {
    const one = install(world([mirror("copy"), mirror("other")].join(", ")));
    await one.call(post("hello"));
    await settled();
    expect(to(one)).toEqual(["copy", "first", "other"]);
  });

  it.each([
    ["percent: 20", 0.199, 1],
    ["percent: 20", 0.2, 0],
    ["percent: 0", 0, 0],
    ["percent: 100", 0.999, 1],
    ["fraction: {numerator: 1, denominator: 1000}", 0.0009, 1],
    ["fraction: {numerator: 1, denominator: 1000}", 0.001, 0],
    ["fraction: {numerator: 50}", 0.49, 1],
  ])("gets its share: %s at %f gives %i", async (share, random, copies) => {
    const one = install(world(mirror("copy", `, ${share}`)), { random: () => random });
    await one.call(post("hello"));
    await settled();
    expect(to(one).filter((name) => name === "copy")).toHaveLength(copies);
  });

  it("has no part in the call's account: attempts, headers and answer are the destination's alone", async () => {
    const one = install(world(mirror("copy")));
    one.transport.script("copy", { status: 500, headers: ["x-copy", "1"], body: "the copy's own trouble" });
    const caller = await one.call(post("hello"));
    await settled();
    expect(caller.header("x-egress-attempts")).toEqual(["1"]);
    expect(caller.header("x-copy")).toEqual([]);
    expect(one.log[0]).toMatchObject({ status: 200, outcome: "ok", attempts: [{ backend: "XBackend/team-a/first" }] });
    expect(one.told()).not.toContain("team-a/copy");
    expect(one.transport.sent.find((sent) => sent.to === "copy")?.answer?.over).toBe(true);
  });

  it.each([
    ["refuses the connection", { kind: "connect", detail: "refused", message: "" } as const],
    ["breaks off", { kind: "reset", sent: true, message: "" } as const],
    ["never answers", "hang" as const],
    ["never ends its answer", { status: 200, body: "a", ending: "hang" } as const],
  ])("that %s neither hurts the call nor keeps it", async (_, step) => {
    const one = install(world(mirror("copy")));
    one.transport.script("copy", step);
    for (let call = 0; call < 5; call += 1) expect((await one.call(post("hello"))).received()).toMatchObject({ status: 200, body: "from first" });
    await one.clock.advance(60_000);
    await settled();
    expect(one.transport.listening()).toBe(0);
    expect(one.events.some((event) => event.subject.includes("copy"))).toBe(false);
  });

  it("gets nothing of a call that is refused", async () => {
    const one = install(world(mirror("copy")));
    await one.call({ target: "/", headers: [] });
    expect(one.transport.sent).toEqual([]);
  });

  it("outside the lock gets nothing, and the route says so", async () => {
    const lock =
      "apiVersion: spillway.dev/v1alpha1\nkind: RegionPolicy\nmetadata: {name: eu-only, namespace: team-a}\nspec:\n  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: route}]\n  allow: {jurisdictions: [EU]}";
    const one = install(world([mirror("copy"), mirror("other")].join(", "), { more: lock }));
    expect((await one.call(post("hello"))).received()?.status).toBe(200);
    await settled();
    expect(to(one)).toEqual(["first", "other"]);
    expect(outcomes(one).sort()).toEqual(["XBackend/team-a/copy region 1", "XBackend/team-a/other answer 1"]);
    const route = one.load(world(mirror("copy"), { more: lock })).conditions.find((entry) => entry.kind === "HTTPRoute");
    expect(route?.conditions.find((condition) => condition.type === "ResolvedRefs")).toMatchObject({ status: "False", reason: "RegionDenied" });
  });

  it("that cannot be resolved is left out, and the route says so", async () => {
    const one = install(null);
    const compiled = one.load(world([mirror("forgotten"), mirror("copy")].join(", ")));
    const route = compiled.conditions.find((entry) => entry.kind === "HTTPRoute");
    expect(route?.conditions.find((condition) => condition.type === "ResolvedRefs")).toMatchObject({ status: "False", reason: "BackendNotFound" });
    expect((await one.call(post("hello"))).received()?.status).toBe(200);
    await settled();
    expect(to(one)).toEqual(["copy", "first"]);
  });

  it("gets a large body whole where its length is declared, and none that nobody can send twice", async () => {
    const large = "x".repeat(200_000);
    const one = install(world(mirror("copy")));
    expect((await one.call(post(large))).received()?.status).toBe(200);
    await settled();
    expect(one.transport.sent.map((sent) => sent.body?.length)).toEqual([200_000, 200_000]);
    const chunked = install(world(mirror("copy")));
    expect((await chunked.call(post(large, false))).received()?.status).toBe(200);
    await settled();
    expect(to(chunked)).toEqual(["first"]);
    expect(outcomes(chunked)).toEqual(["XBackend/team-a/copy body_not_replayable 1"]);
  });

  it("that hangs cannot take all memory: beyond 256 copies at once the rest is not sent", async () => {
    const one = install(world(mirror("copy")));
    one.transport.script("copy", "hang");
    for (let call = 0; call < 260; call += 1) await one.call(post("hello"));
    expect(to(one).filter((name) => name === "copy")).toHaveLength(256);
    expect(to(one).filter((name) => name === "first")).toHaveLength(260);
    await one.clock.advance(60_000);
    await settled();
    await one.call(post("hello"));
    expect(to(one).filter((name) => name === "copy")).toHaveLength(257);
  });
});

/** The standard leaves filters at a backendRef to the implementation: they count where the call goes to that backend. */
describe("a mirror at a backendRef", () => {
  const refs = (first: string, second: string) =>
    `  - backendRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: first, weight: ${first}}, {group: gateway.networking.x-k8s.io, kind: XBackend, name: other, weight: ${second}, filters: [${mirror("copy")}]}]\n`;

  it("gets the calls that go there, and no others", async () => {
    const there = install(world("", { rules: refs("0", "1") }));
    await there.call(post("hello"));
    await settled();
    expect(to(there)).toEqual(["copy", "other"]);
    const elsewhere = install(world("", { rules: refs("1", "0") }));
    await elsewhere.call(post("hello"));
    await settled();
    expect(to(elsewhere)).toEqual(["first"]);
  });

  it("serves the same from a bundle", async () => {
    const text = testManifests(world("", { rules: refs("0", "1") }));
    const compiled = compile([{ path: "test.yaml", text }], NODE);
    const read = readBundle(writeBundle(compiled, NODE), NODE);
    const [rule] = read.snapshot?.gateways[0]?.listeners[0]?.routes.rules ?? [];
    const [, second] = rule?.action.kind === "forward" ? rule.action.targets : [];
    expect(second?.target.kind === "backend" && rule?.mirrors[0]?.beside?.[0] === second.target.target).toBe(true);
  });
});
