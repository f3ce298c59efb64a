import { describe, expect, it } from "vitest";
import { REFUSALS, type RefusalCode, type Responder } from "../../src/index.ts";
import { createFakeExchange, type ExchangeOptions } from "../fakes/exchange.ts";
import { CALLER_TOKEN, OTHER_TOKEN, type TestManifests, testManifests } from "../fakes/manifests.ts";
import { chat, type Installation, install, ONE } from "./installation.ts";

const AUTH = ["authorization", `Bearer ${CALLER_TOKEN}`];
const EU = (target: string) =>
  `apiVersion: spillway.dev/v1alpha1\nkind: RegionPolicy\nmetadata: {name: eu, namespace: team-a}\nspec:\n  targetRefs: [${target}]\n  allow: {jurisdictions: [EU]}`;
const ref = (name: string) => `{group: gateway.networking.x-k8s.io, kind: XBackend, name: ${name}}`;
const failing =
  (...failure: Parameters<Installation["transport"]["script"]>) =>
  (one: Installation) =>
    one.transport.script(...failure);

interface Case {
  readonly code: RefusalCode;
  readonly manifests: TestManifests | null;
  readonly call?: ExchangeOptions;
  readonly prepare?: (one: Installation) => void;
  /** How long the caller waits. */
  readonly ms?: number;
}

/** A call for each code, plain and by an AI path. Those that only sockets can bring about are tested with the adapters. */
const CASES: readonly Case[] = [
  { code: "request_malformed", manifests: ONE, call: { target: "/a/../b" } },
  { code: "request_too_large", manifests: { ...ONE, broker: "  bounds: {maxRequestBytes: 10}" }, call: { body: "more than ten bytes" } },
  { code: "egress_loop", manifests: { ...ONE, broker: "  chainId: here" }, call: { headers: [...AUTH, "cdn-loop", "here"] } },
  { code: "not_ready", manifests: null },
  { code: "identity_missing", manifests: ONE, call: { headers: [] } },
  { code: "identity_rejected", manifests: ONE, call: { headers: ["authorization", "Bearer unknown"] } },
  { code: "route_not_found", manifests: { ...ONE, rules: `  - matches: [{path: {type: Exact, value: /only}}]\n    backendRefs: [${ref("only")}]` } },
  { code: "route_rejected", manifests: { ...ONE, rules: `  - filters: [{type: ExternalAuth}]\n    backendRefs: [${ref("only")}]` } },
  { code: "backend_invalid", manifests: { ...ONE, rules: `  - backendRefs: [${ref("nobody")}, ${ref("only")}]` } },
  {
    code: "region_locked",
    // A lock on the caller's namespace, not the route's: that one is refused when it is compiled.
    manifests: { ...ONE, more: EU('{group: "", kind: Namespace, name: team-b}').replace("namespace: team-a", "namespace: egress-system") },
    call: { headers: ["authorization", `Bearer ${OTHER_TOKEN}`] },
  },
  { code: "credential_unavailable", manifests: ONE, prepare: (one) => one.secret("only.key", "unavailable") },
  { code: "upstream_unavailable", manifests: ONE, prepare: failing("only", { kind: "connect", detail: "refused", message: "ECONNREFUSED 10.1.2.3" }) },
  { code: "upstream_timeout", manifests: ONE, prepare: failing("only", "hang"), ms: 2_000 },
  { code: "upstream_untrusted", manifests: ONE, prepare: failing("only", { kind: "untrusted", reason: "wrong_ca", message: "CN=10.1.2.3" }) },
  { code: "upstream_auth", manifests: ONE, prepare: failing("only", { status: 401, body: "10.1.2.3" }) },
  {
    code: "internal_error",
    manifests: ONE,
    prepare: failing("only", () => {
      throw new Error("a bug that quotes 10.1.2.3");
    }),
  },
];

async function refused(one: Case, target: string | null) {
  const installed = install(one.manifests);
  one.prepare?.(installed);
  const { fake, done } = installed.begin({ ...one.call, ...(target === null ? {} : { target, method: "POST", body: one.call?.body ?? '{"model":"m"}' }) });
  if (one.ms !== undefined) await installed.clock.advance(one.ms);
  await done;
  installed.broker.attribution.drain();
  return { installed, fake };
}

describe("every refusal has its status, its code and a request id, and tells nothing of what is behind", () => {
  it.each(CASES.map((one) => [one.code, one] as const))("%s as problem+json", async (code, one) => {
    const { installed, fake } = await refused(one, null);
    const received = fake.received();
    expect(received?.status).toBe(REFUSALS[code].status);
    expect(fake.answers()).toBe(1);
    expect(fake.header("x-egress-error")).toEqual([code]);
    expect(fake.header("content-type")).toEqual(["application/problem+json"]);
    expect(fake.header("content-length")).toEqual([String(Buffer.byteLength(received?.body ?? ""))]);
    const [id] = fake.header("x-request-id");
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect(JSON.parse(received?.body ?? "")).toMatchObject({ code, status: REFUSALS[code].status, requestId: id, title: REFUSALS[code].title });
    expect(received?.body).not.toContain("10.1.2.3");
    expect(installed.log).toHaveLength(1);
    expect(installed.log[0]).toMatchObject({
      refusal: code,
      status: REFUSALS[code].status,
      request_id: id,
      outcome: code === "internal_error" ? "broker_error" : "refused",
    });
    expect(installed.told()).not.toContain("10.1.2.3");
    if (received?.status === 401) expect(fake.header("www-authenticate")).toEqual(['Bearer realm="spillway"']);
  });

  // Where the case is made by the path, the call is not one of an AI.
  const byPath: ReadonlySet<RefusalCode> = new Set(["request_malformed"]);
  const ai = CASES.filter((one) => !byPath.has(one.code));
  it.each(ai.map((one) => [one.code, one] as const))("%s as OpenAI's envelope", async (code, one) => {
    const { fake } = await refused(one, "/v1/chat/completions");
    expect(fake.received()?.status).toBe(REFUSALS[code].status);
    expect(fake.header("x-egress-error")).toEqual([code]);
    expect(fake.header("content-type")).toEqual(["application/json"]);
    expect(JSON.parse(fake.received()?.body ?? "")).toMatchObject({ error: { message: expect.any(String), code } });
  });

  it.each(ai.filter((one) => one.manifests?.backends[0]?.api === undefined || one.code.startsWith("identity")).map((one) => [one.code, one] as const))(
    "%s as Anthropic's envelope",
    async (code, one) => {
      const { fake } = await refused(one, "/v1/messages");
      expect(fake.header("x-egress-error")).toEqual([code]);
      expect(JSON.parse(fake.received()?.body ?? "")).toMatchObject({ type: "error", error: { type: expect.any(String), message: expect.any(String) } });
    },
  );

  it("together with those of other files they are all there are", () => {
    // request_timeout: the server's own; upgrade_unsupported: web-socket.test.ts; access_denied, access_unavailable: external-auth.test.ts; region_violated: parent.test.ts; misdirected: of HTTPS listeners; limit_exceeded, limits_unavailable: usage-limits.test.ts; overloaded: overload.test.ts; the others: routing.test.ts and region-lock.test.ts.
    const elsewhere = [
      "request_timeout",
      "upgrade_unsupported",
      "access_denied",
      "access_unavailable",
      "translation_unsupported",
      "model_unknown",
      "upstream_redirect",
      "region_violated",
      "misdirected",
      "limit_exceeded",
      "limits_unavailable",
      "overloaded",
    ];
    expect([...CASES.map((one) => one.code), ...elsewhere].sort()).toEqual(Object.keys(REFUSALS).sort());
  });
});

describe("which host", () => {
  it("one that no listener takes: 404, before anybody is asked who they are", async () => {
    const one = install(ONE);
    const text = testManifests(ONE).replace("{name: http, port: 80, protocol: HTTP,", '{name: http, port: 80, protocol: HTTP, hostname: "*.egress.example",');
    expect(one.load(text).ok).toBe(true);
    const unknown = await one.call({ authority: "other.example", headers: [] });
    expect(unknown.received()?.status).toBe(404);
    expect(unknown.header("x-egress-error")).toEqual(["route_not_found"]);
    expect((await one.call({ authority: "egress.example" })).received()?.status).toBe(404);
    expect((await one.call({ authority: "A.Egress.Example.:80" })).received()?.status).toBe(200);
  });

  it("a caller's own x-request-id is kept where it is harmless", async () => {
    const one = install(ONE);
    expect((await one.call({ headers: ["x-request-id", "my-id-0001"] })).header("x-request-id")).toEqual(["my-id-0001"]);
    expect((await one.call({ headers: ["x-request-id", 'x"\n{"level"'] })).header("x-request-id")[0]).toMatch(/^[0-9a-f-]{36}$/);
  });
});

it("a bug is logged by its kind and its place, never by its words", async () => {
  const one = install(ONE);
  one.transport.script("only", () => {
    throw new RangeError("quotes a prompt\n    at a-secret-place");
  });
  await one.call({ target: "/things" });
  expect(one.log[0]).toMatchObject({
    refusal: "internal_error",
    outcome: "broker_error",
    detail: expect.stringMatching(/^RangeError at .*refusals\.test\.ts/),
  });
  expect(one.told()).not.toMatch(/prompt|a-secret-place/);
});

describe("an answer that cannot be written", () => {
  it("does not take the process with it: the call is settled, and nothing is thrown", async () => {
    const one = install(ONE);
    const { fake, done } = one.begin({ headers: [] });
    await done;
    const broken = {
      ...fake.exchange,
      responder: {
        started: false,
        reply: () => {
          throw new Error("the socket is gone");
        },
        deliver: fake.exchange.responder.deliver,
      },
    };
    await expect(one.broker.handle(broken)).resolves.toBeUndefined();
    one.broker.attribution.drain();
    expect(one.log).toHaveLength(2);
    expect(one.log[1]).toMatchObject({ outcome: "broker_error" });
  });

  it("nor is a second answer begun when the first breaks under it", async () => {
    const one = install(ONE);
    const { exchange } = createFakeExchange({ headers: AUTH });
    const replies: number[] = [];
    let started = false;
    const responder: Responder = {
      get started() {
        return started;
      },
      reply: (status) => void replies.push(status),
      deliver: async ({ body }) => {
        started = true;
        body.cancel();
        throw new Error("the platform broke its promise");
      },
    };
    await expect(one.broker.handle({ ...exchange, responder })).resolves.toBeUndefined();
    one.broker.attribution.drain();
    expect(replies).toEqual([]);
    expect(one.log).toMatchObject([{ outcome: "broker_error", status: 200 }]);
  });
});

it("a chat call with an id of its own keeps it in the log", async () => {
  const one = install(ONE);
  await one.call(chat({}, ["X-Request-ID", "chat-call-1"]));
  expect(one.log[0]).toMatchObject({ request_id: "chat-call-1" });
});
