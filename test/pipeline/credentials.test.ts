import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import { describe, expect, it } from "vitest";
import { find, findAll } from "../../src/lib/header-list.ts";
import { createFakeExchange } from "../fakes/exchange.ts";
import { CALLER_TOKEN, type TestManifests } from "../fakes/manifests.ts";
import { chat, type Installation, install, ONE, TWO } from "./installation.ts";

const to = (one: Installation) => one.transport.sent.map((sent) => sent.to);
const tokens = (one: Installation) => one.transport.sent.map((sent) => find(sent.request.headers, "authorization"));
/** How often the store was asked for this backend's key. */
const reads = (one: Installation, file: string) => one.asked.filter((asked) => asked === file).length;
const refused = { status: 401, body: "the key is not valid" };

describe.each([401, 403])("F5 B10: a provider that says %i to the broker's own credential", (status) => {
  it("the secret is read anew once, and the call tried once more with the new one", async () => {
    const one = install(TWO);
    one.secret("first.key", "old-key-value");
    await one.call(chat());
    one.transport.script("first", { status, body: "" }, { status: 200, body: "with the new key" });
    one.secret("first.key", "new-key-value");
    const caller = await one.call(chat());
    expect(caller.received()).toMatchObject({ status: 200, body: "with the new key" });
    expect(tokens(one).slice(-2)).toEqual(["Bearer old-key-value", "Bearer new-key-value"]);
    expect(to(one).slice(-2)).toEqual(["first", "first"]);
  });

  it("the new one is refused too: exactly one refetch and one retry, then the next candidate", async () => {
    const one = install(TWO);
    one.secret("first.key", "old-key-value");
    await one.call(chat());
    one.secret("first.key", "new-key-value");
    one.transport.script("first", { status, body: "" });
    await one.clock.advance(1_000);
    expect((await one.call(chat())).received()?.body).toBe("from second");
    expect(tokens(one).slice(1)).toEqual(["Bearer old-key-value", "Bearer new-key-value", "Bearer second-key-value"]);
    expect(reads(one, "first.key")).toBe(2);
    expect(one.log[1]?.["attempts"]).toMatchObject([{ failover: `status_${status}` }, { failover: `status_${status}` }, { failover: null }]);
  });

  it("the store has no other value: the same key is not sent twice", async () => {
    const one = install(TWO);
    one.transport.script("first", { status, body: "" });
    expect((await one.call(chat())).received()?.body).toBe("from second");
    expect(to(one)).toEqual(["first", "second"]);
    expect(reads(one, "first.key")).toBe(2);
  });

  it("the store is down: the next candidate", async () => {
    const one = install(TWO);
    await one.call(chat());
    one.transport.script("first", { status, body: "" });
    one.secret("first.key", "unavailable");
    expect((await one.call(chat())).received()?.body).toBe("from second");
    expect(to(one)).toEqual(["first", "first", "second"]);
    expect(tokens(one)).toEqual(["Bearer first-key-value", "Bearer first-key-value", "Bearer second-key-value"]);
  });

  it("nobody is left: 502 upstream_auth, because the caller's own credential was good", async () => {
    const one = install(ONE);
    one.transport.script("only", { status, body: "Incorrect API key provided: only-key-value" });
    const caller = await one.call(chat());
    expect(caller.received()?.status).toBe(502);
    expect(caller.header("x-egress-error")).toEqual(["upstream_auth"]);
    expect(caller.received()?.body).not.toContain("only-key-value");
  });
});

describe("a credential that cannot be had", () => {
  it.each(["unavailable", "denied", "missing", "malformed"] as const)("F22: the store is cold and says %s: the next candidate", async (reason) => {
    const one = install(TWO);
    one.secret("first.key", reason);
    const caller = await one.call(chat());
    expect(caller.received()?.body).toBe("from second");
    expect(to(one)).toEqual(["second"]);
    expect(one.log[0]?.["attempts"]).toMatchObject([{ outcome: "credential_unavailable", failover: "credential_unavailable" }, { outcome: "answer" }]);
    // The store's trouble is not the backend's.
    expect(one.broker.status()["backends"]).toEqual([]);
  });

  it.each(["two\nlines", "", "nul\u0000byte"])("a value that cannot stand in a header is as good as none: %j", async (value) => {
    const one = install(TWO);
    one.secret("first.key", value);
    expect((await one.call(chat())).received()?.body).toBe("from second");
    expect(to(one)).toEqual(["second"]);
  });

  it("F22: and nobody is left: 503 credential_unavailable with Retry-After, and back as soon as the store is", async () => {
    const one = install(ONE);
    one.secret("only.key", "unavailable");
    const caller = await one.call(chat());
    expect(caller.received()?.status).toBe(503);
    expect(caller.header("x-egress-error")).toEqual(["credential_unavailable"]);
    expect(caller.header("retry-after")).toEqual(["1"]);
    expect(one.transport.sent).toEqual([]);
    one.secret("only.key", "back-again");
    await one.clock.advance(1_000);
    expect((await one.call(chat())).received()?.status).toBe(200);
    expect(tokens(one)).toEqual(["Bearer back-again"]);
  });

  it("a store that hangs is given up after its time, and the call goes on", async () => {
    const one = install(TWO);
    one.secret("first.key", "hang");
    const { fake, done } = one.begin(chat());
    await one.clock.advance(5_000);
    await done;
    expect(fake.received()?.body).toBe("from second");
    expect(one.clock.pending()).toBe(0);
  });

  it("a caller that leaves while the store is asked ends its call at once", async () => {
    const one = install(TWO);
    one.secret("first.key", "hang");
    const { fake, done } = one.begin(chat());
    await one.clock.advance(1);
    fake.leave();
    await done;
    one.broker.attribution.drain();
    expect(one.transport.sent).toEqual([]);
    expect(one.log[0]).toMatchObject({ outcome: "caller_gone" });
  });

  it("a store that goes down when it is warm: the old value serves", async () => {
    const one = install(ONE);
    await one.call(chat());
    one.secret("only.key", "unavailable");
    for (let minute = 0; minute < 50; minute += 10) {
      await one.clock.advance(600_000);
      expect((await one.call(chat())).received()?.status).toBe(200);
    }
    await one.clock.advance(900_000);
    expect((await one.call(chat())).received()?.status).toBe(503);
  });
});

it("a refresh behind a call is handed to the platform, which keeps it alive", async () => {
  const one = install(ONE);
  await one.call(chat());
  await one.clock.advance(301_000);
  const { exchange } = createFakeExchange(chat());
  const kept: Promise<unknown>[] = [];
  await one.broker.handle({ ...exchange, waitUntil: (work) => void kept.push(work) });
  expect(kept.length).toBeGreaterThan(0);
  await Promise.all(kept);
  expect(reads(one, "only.key")).toBe(2);
});

describe("what the caller presents", () => {
  const slots: [string, string][] = [
    ["authorization", `Bearer ${CALLER_TOKEN}`],
    ["x-api-key", CALLER_TOKEN],
    ["api-key", CALLER_TOKEN],
    ["x-goog-api-key", CALLER_TOKEN],
  ];
  it.each(slots)("the broker's token in %s never leaves, with a credential of the broker's", async (name, value) => {
    const one = install(ONE);
    await one.call({ target: "/things", headers: [name, value, "cookie", "session=1", "x-amz-security-token", "t"] });
    const headers = one.transport.sent[0]?.request.headers ?? [];
    expect(headers.join("\n")).not.toContain(CALLER_TOKEN);
    expect(findAll(headers, "authorization")).toEqual(["Bearer only-key-value"]);
    for (const gone of ["x-api-key", "api-key", "x-goog-api-key", "cookie", "x-amz-security-token"]) expect(find(headers, gone)).toBeNull();
  });

  it.each(slots)("nor where the backend has no credential: %s", async (name, value) => {
    const one = install({ backends: [{ name: "only", port: 8001 }] });
    await one.call({ target: "/things", headers: [name, value] });
    expect(one.transport.sent[0]?.request.headers.join("\n")).not.toContain(CALLER_TOKEN);
  });

  const passthrough: TestManifests = {
    backends: [{ name: "only", port: 8001 }],
    more: "apiVersion: spillway.dev/v1alpha1\nkind: BackendCredentialPolicy\nmetadata: {name: only, namespace: team-a}\nspec: {targetRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: only}], type: Passthrough}",
  };
  it("passthrough: the caller's own credential goes on, the broker's token does not, in either order of the slots", async () => {
    const one = install(passthrough);
    await one.call({ target: "/things", headers: ["authorization", "Bearer my-own", "x-api-key", CALLER_TOKEN] });
    await one.call({ target: "/things", headers: ["authorization", `Bearer ${CALLER_TOKEN}`, "x-api-key", "my-own"] });
    await one.call({ target: "/things", headers: ["authorization", `Bearer ${CALLER_TOKEN}`, "x-api-key", CALLER_TOKEN] });
    expect(one.transport.sent.map(({ request }) => [find(request.headers, "authorization"), find(request.headers, "x-api-key")])).toEqual([
      ["Bearer my-own", null],
      [null, "my-own"],
      [null, null],
    ]);
    expect(one.transport.sent[0]?.request.poolKey).toContain("team-a/assistant");
  });

  it("F4 B10: passthrough: 401 is the caller's own affair", async () => {
    const one = install(passthrough);
    one.transport.script("only", refused);
    const caller = await one.call({ target: "/things", headers: ["authorization", "Bearer my-own", "x-api-key", CALLER_TOKEN] });
    expect(caller.received()).toMatchObject({ status: 401, body: refused.body });
    expect(one.transport.sent).toHaveLength(1);
  });
});

describe("a key in the query", () => {
  const manifests: TestManifests = {
    backends: [{ name: "only", port: 8001 }],
    more: [
      "apiVersion: spillway.dev/v1alpha1\nkind: SecretSource\nmetadata: {name: only-key, namespace: team-a}\nspec: {file: {path: /virtual/query.key}}",
      "apiVersion: spillway.dev/v1alpha1\nkind: BackendCredentialPolicy\nmetadata: {name: only, namespace: team-a}\nspec:\n  targetRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: only}]\n  type: APIKey\n  apiKey: {secretRef: {group: spillway.dev, kind: SecretSource, name: only-key}, in: Query, name: key}",
    ].join("\n---\n"),
  };
  const SECRET = "query/key+value";

  it.each([200, 429, 500])("goes upstream in place of the caller's, and is seen nowhere else (%i)", async (status) => {
    const exporter = new InMemorySpanExporter();
    const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] });
    const one = install(manifests, { tracer: provider.getTracer("test") });
    one.secret("query.key", SECRET);
    one.transport.script("only", ({ path }) => ({ status, headers: ["x-echo", path], body: `you asked for ${path} with ${SECRET}` }));
    const caller = await one.call({ target: "/things?a=1&key=callers&%6Bey=smuggled&b=2" });
    expect(one.transport.sent[0]?.request.path).toBe("/things?a=1&b=2&key=query%2Fkey%2Bvalue");
    const spans = JSON.stringify(exporter.getFinishedSpans().map(({ name, attributes, events, status: end }) => [name, attributes, events, end]));
    expect(exporter.getFinishedSpans()).toHaveLength(2);
    const seen = one.told() + spans + (status === 200 ? "" : JSON.stringify(caller.received()));
    for (const spelling of [SECRET, "query%2Fkey%2Bvalue", "callers", "smuggled"]) expect(seen).not.toContain(spelling);
  });
});
