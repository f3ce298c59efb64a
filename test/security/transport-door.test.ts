import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Backend, Cleared, CredentialPlan, HealthRule, OutboundRequest, Outcome, RegionEvidence, RegionLock, Transport } from "../../src/index.ts";
import { PLAIN_DNS, Refusal } from "../../src/index.ts";
import { clear } from "../../src/model/cleared.ts";
import { checkDoor } from "../../src/transport/check-door.ts";
import { send } from "../../src/transport/send.ts";
import { outbound, tlsProfile } from "../fakes/outbound.ts";
import { makeConstraint, makeRegionFacts } from "../fakes/regions.ts";

const tls = tlsProfile({ serverName: "eu.api.openai.com" });
const dns = PLAIN_DNS;
const health: HealthRule = { consecutiveFailures: 3, evictForMs: 1, maxEvictForMs: 1 };
const backend: Backend = {
  key: "XBackend/a/openai",
  kind: "XBackend",
  namespace: "a",
  name: "openai",
  origin: { scheme: "https", hostname: "eu.api.openai.com", port: 443 },
  authority: "eu.api.openai.com",
  protocol: "http1",
  mcp: false,
  tls,
  dns,
  timeouts: { connectMs: 1, firstByteMs: 1, streamIdleMs: 1 },
  credential: null,
  api: null,
  region: makeRegionFacts("eu"),
  retryBudget: null,
  concurrency: null,
  parent: null,
};
const EUROPE: RegionLock = { constraints: [makeConstraint("a/eu", { regions: new Set(["eu"]) })] };
const AMERICA: RegionLock = { constraints: [makeConstraint("a/us", { regions: new Set(["us"]) })] };

function cleared(lock: RegionLock | null = null, changes: Partial<Backend> = {}): Cleared {
  const target = { backend: { ...backend, ...changes }, model: null, requestHeaders: null, responseHeaders: null, rewrite: null, limits: [] };
  const clearance = clear({ target, tier: 0, failover: null, health }, lock);
  if (!clearance.ok) throw new Error("not cleared");
  return clearance.cleared;
}
function request(changes: Partial<OutboundRequest> = {}): OutboundRequest {
  return outbound(443, { origin: { ...backend.origin }, headers: ["host", "eu.api.openai.com", "accept", "*/*"], tls, dns, ...changes });
}
function codeOf(candidate: Cleared, candidateRequest: OutboundRequest, rewrittenHost: string | null = null, credential: CredentialPlan | null = null): string {
  try {
    const evidence = checkDoor(candidate, candidateRequest, { otherHost: rewrittenHost, credential, now: 0 });
    return evidence?.decision === "deny" ? "region_locked" : "passed";
  } catch (error) {
    return error instanceof Refusal ? error.code : "threw something else";
  }
}

describe("the last door", () => {
  it("lets the request through that belongs to the candidate", () => {
    expect(codeOf(cleared(), request())).toBe("passed");
    expect(codeOf(cleared(null), request({ path: "/v1/files/a%20b.c?x=..%2f#".slice(0, -1) }))).toBe("passed");
  });

  it.each<readonly [string, Partial<OutboundRequest>]>([
    ["another host", { origin: { ...backend.origin, hostname: "evil.example" } }],
    ["a host that only looks alike", { origin: { ...backend.origin, hostname: "eu.api.openai.com.evil.example" } }],
    ["another port", { origin: { ...backend.origin, port: 8443 } }],
    ["plaintext", { origin: { ...backend.origin, scheme: "http" } }],
    ["no TLS", { tls: null }],
    ["a TLS profile of its own", { tls: tlsProfile({ serverName: "evil.example" }) }],
    ["addresses of its own", { dns: { ...PLAIN_DNS, addresses: ["127.0.0.1"] } }],
    ["another protocol", { protocol: "h2c" }],
    ["CONNECT", { method: "CONNECT" }],
    ["TRACE", { method: "TRACE" }],
    ["a method that is no token", { method: "GET /x HTTP/1.1\r\nHost: evil" }],
    ["another Host", { headers: ["host", "evil.example"] }],
    ["what only brokers are told", { headers: ["host", "eu.api.openai.com", "Egress-Chain", "?1;hop=1;max=1;retry=parent"] }],
    ["no Host", { headers: ["accept", "*/*"] }],
    ["two Hosts", { headers: ["host", "eu.api.openai.com", "Host", "eu.api.openai.com"] }],
    ["a list that is no list of pairs", { headers: ["host", "eu.api.openai.com", "x"] }],
    ["a line break in a value", { headers: ["host", "eu.api.openai.com", "x", "a\r\nauthorization: b"] }],
    ["a character that becomes a line feed in Latin-1", { headers: ["host", "eu.api.openai.com", "x", "a\u010aauthorization: b"] }],
    ["a NUL in a value", { headers: ["host", "eu.api.openai.com", "x", "a\0"] }],
    ["a line break in a name", { headers: ["host", "eu.api.openai.com", "x: 1\r\ny", "a"] }],
    ["a length of its own", { headers: ["host", "eu.api.openai.com", "Content-Length", "5"] }],
    ["a transfer coding of its own", { headers: ["host", "eu.api.openai.com", "transfer-encoding", "chunked"] }],
    ["an upgrade", { headers: ["host", "eu.api.openai.com", "upgrade", "h2c"] }],
    ["the life of a connection", { headers: ["host", "eu.api.openai.com", "Connection", "x"] }],
    ["how long a connection is kept", { headers: ["host", "eu.api.openai.com", "keep-alive", "timeout=9"] }],
    ["an expectation", { headers: ["host", "eu.api.openai.com", "expect", "100-continue"] }],
    ["an offer of trailers", { headers: ["host", "eu.api.openai.com", "te", "trailers"] }],
    ["a list of trailers", { headers: ["host", "eu.api.openai.com", "trailer", "x"] }],
    ["an empty name", { headers: ["host", "eu.api.openai.com", "", "x"] }],
  ])("throws for %s", (_name, changes) => {
    expect(codeOf(cleared(), request(changes))).toBe("internal_error");
  });

  it("says what it found, for whoever reads the log", () => {
    expect(() => checkDoor(cleared(), request({ path: "/.." }), { otherHost: null, credential: null, now: 0 })).toThrow(
      expect.objectContaining({ detail: expect.stringContaining("dot segment") }),
    );
    const odd = request({ headers: ["host", "eu.api.openai.com", "x"] });
    expect(() => checkDoor(cleared(), odd, { otherHost: null, credential: null, now: 0 })).toThrow(
      expect.objectContaining({ detail: expect.stringContaining("pairs") }),
    );
  });

  it("wants TLS for https and none for http, whatever the backend was compiled to", () => {
    const plain = { ...backend.origin, scheme: "http" } as const;
    expect(codeOf(cleared(null, { tls: null }), request({ tls: null }))).toBe("internal_error");
    expect(codeOf(cleared(null, { origin: plain }), request({ origin: plain }))).toBe("internal_error");
    expect(codeOf(cleared(null, { origin: plain, tls: null }), request({ origin: plain, tls: null }))).toBe("passed");
  });

  it("offers trailers over HTTP/2 alone, where gRPC must, and nothing else of the kind", () => {
    const over = (protocol: "http1" | "h2", name: string, value: string) =>
      codeOf(cleared(null, { protocol }), request({ protocol, headers: ["host", "eu.api.openai.com", name, value] }));
    expect(over("h2", "te", "trailers")).toBe("passed");
    expect([over("h2", "te", "gzip"), over("h2", "expect", "trailers"), over("http1", "te", "trailers")]).toEqual(Array(3).fill("internal_error"));
  });

  it("asks for another protocol only by a GET without body over HTTP/1.1", () => {
    const asking = (changes: Partial<OutboundRequest>, protocol: "http1" | "h2" = "http1") =>
      codeOf(cleared(null, { protocol }), request({ method: "GET", body: { kind: "none" }, upgrade: "websocket", protocol, ...changes }));
    expect(asking({})).toBe("passed");
    expect(asking({ method: "POST" })).toBe("internal_error");
    expect(asking({ body: { kind: "bytes", bytes: new Uint8Array(1) } })).toBe("internal_error");
    expect(asking({}, "h2")).toBe("internal_error");
  });

  it("takes the Host that the rule's own rewrite names, before any other", () => {
    const rewritten = cleared();
    const target = { ...rewritten.target, rewrite: { hostname: "rewritten.example", path: null } };
    const named = (host: string) => codeOf({ ...rewritten, target }, request({ headers: ["host", host] }), "other.example");
    expect([named("rewritten.example"), named("eu.api.openai.com"), named("other.example")]).toEqual(["passed", "passed", "internal_error"]);
  });

  it.each([
    "",
    "v1/chat",
    "https://evil.example/",
    "/a b",
    "/a\r\nHost: evil",
    "/a#b",
    "/a\\..\\b",
    "/ä",
    "/a/../b",
    "/a/./b",
    "/..",
    "/%2e%2e/b",
    "/.%2E/b",
    "/a%2f..%2fb",
    "/a%5c..%5cb",
    "/%252e%252e/b",
    "/a/..;x=1/b",
    "/a%2f%2e%2e",
  ])("throws for the target %j", (path) => {
    expect(codeOf(cleared(), request({ path }))).toBe("internal_error");
  });

  it.each(["/", "/v1/chat/completions?x=1&y=../..", "/a..b/c", "/a.b/.c", "/%20", "//v1/chat", "/...", "/v1/models/gpt%2F4"])("takes the target %j", (path) => {
    expect(codeOf(cleared(), request({ path }))).toBe("passed");
  });

  it("takes a rewritten Host only when the manifest wrote it", () => {
    const changed = request({ headers: ["host", "rewritten.example"] });
    expect(codeOf(cleared(), changed)).toBe("internal_error");
    expect(codeOf(cleared(), changed, "rewritten.example")).toBe("passed");
    expect(codeOf(cleared(), changed, "other.example")).toBe("internal_error");
  });

  it("weighs the final host against the lock once more", () => {
    // What no plan can make: a candidate that was cleared for another lock.
    const europe = cleared(EUROPE);
    const chat = request({ body: { kind: "bytes", bytes: Buffer.from('{"model":"gpt-4o","messages":[]}') } });
    expect(codeOf(europe, chat)).toBe("passed");
    expect(codeOf({ ...europe, lock: AMERICA }, chat)).toBe("region_locked");
  });

  it("T4: lets no credential of another backend through", () => {
    const secret = { id: "s", location: { provider: "env", name: "S" }, refresh: { intervalMs: 1, jitterPercent: 0, staleForMs: 0 } } as const;
    const credential: CredentialPlan = { type: "bearer", secret, beside: null, stripClientCredentials: true };
    const own = { ...cleared(null), target: { ...cleared(null).target, backend: { ...backend, credential } } };
    expect(codeOf(own, request(), null, credential)).toBe("passed");
    // The same words in another object are another backend's.
    expect(codeOf(own, request(), null, { ...credential })).toBe("internal_error");
    expect(codeOf(own, request(), null, null)).toBe("internal_error");
    expect(codeOf(cleared(null), request(), null, credential)).toBe("internal_error");
  });

  it("calls nobody when a check fails, and exactly one when none does", async () => {
    let calls = 0;
    const port: Transport = {
      features: new Set(),
      dispatch: async (): Promise<Outcome> => {
        calls += 1;
        return { kind: "cancelled", message: "" };
      },
      close: async () => {},
    };
    const { signal } = new AbortController();
    const door = { otherHost: null, credential: null, now: 0, located: () => {} };
    await expect(send(port, cleared(), request({ path: "/.." }), signal, door)).rejects.toBeInstanceOf(Refusal);
    const denied = await send(port, { ...cleared(EUROPE), lock: AMERICA }, request(), signal, door);
    expect(denied).toMatchObject({ kind: "region_locked" });
    expect(calls).toBe(0);
    await send(port, cleared(), request(), signal, door);
    expect(calls).toBe(1);
  });

  it("tells where a locked request would be processed, whatever the lock says of it, and sends only what it allows", async () => {
    const sent: unknown[][] = [];
    const port: Transport = {
      features: new Set(),
      dispatch: async (...given): Promise<Outcome> => {
        sent.push(given);
        return { kind: "cancelled", message: "sent" };
      },
      close: async () => {},
    };
    const { signal } = new AbortController();
    const evidence: RegionEvidence[] = [];
    const door = { otherHost: null, credential: null, now: 0, located: (found: RegionEvidence) => void evidence.push(found) };
    const chat = request({ body: { kind: "bytes", bytes: Buffer.from('{"model":"gpt-4o","messages":[]}') } });
    expect(await send(port, cleared(EUROPE), chat, signal, door)).toEqual({ kind: "cancelled", message: "sent" });
    expect(sent).toEqual([[chat, signal]]);
    const denied = await send(port, { ...cleared(EUROPE), lock: AMERICA }, chat, signal, door);
    expect(evidence.map(({ decision, policies }) => [decision, ...policies])).toEqual([
      ["allow", "a/eu"],
      ["deny", "a/us"],
    ]);
    expect(denied).toEqual({ kind: "region_locked", message: `${evidence[1]?.reason} [${evidence[1]?.rule}]` });
    expect(sent).toHaveLength(1);
    await send(port, cleared(), chat, signal, door);
    expect(evidence).toHaveLength(2);
  });

  it("T1 T4 T11: for every origin, target and header: what passes is for the backend and is one line each", () => {
    const nasty = fc.oneof(fc.constantFrom("..", ".", "%2e", "%2f", "%5c", "/", "\\", "#", "@evil", "\r\n", "\0", " ", "?", ";"), fc.string({ maxLength: 6 }));
    const text = fc.array(nasty, { maxLength: 6 }).map((parts) => parts.join(""));
    const hostname = fc.oneof(fc.constantFrom("eu.api.openai.com", "api.openai.com", "127.0.0.1"), text);
    fc.assert(
      fc.property(hostname, fc.constantFrom(443, 80, 8443), text, text, text, (host, port, path, name, value) => {
        const changed = request({ origin: { scheme: "https", hostname: host, port }, path: `/${path}`, headers: ["host", host, name, value] });
        if (codeOf(cleared(), changed) !== "passed") return;
        expect([host, port]).toEqual(["eu.api.openai.com", 443]);
        const url = new URL(`https://eu.api.openai.com/${path}`);
        expect(url.host).toBe("eu.api.openai.com");
        expect(`${name}${value}${path}`).not.toMatch(/[\r\n\0]/);
        // A URL parser tidies dot segments away: nothing may be left for it to do.
        expect(url.pathname.split("/").length).toBe(`/${path}`.split("?")[0]?.split("/").length);
      }),
      { numRuns: 3_000 },
    );
  });
});

describe("the last door toward a parent", () => {
  const signingKey = { id: "key", location: { provider: "env", name: "K" }, refresh: { intervalMs: 1, jitterPercent: 0, staleForMs: 0 } } as const;
  const identity = { signingKey, audience: "upstream", ttlSeconds: 60, issuer: null };
  const parent = { identity, maxHops: 1, region: "Require" } as const;
  const unknown = { region: { ...makeRegionFacts(null), reach: [] }, origin: { ...backend.origin, hostname: "up.example" }, authority: "up.example", parent };
  const upward = (headers: readonly string[]) => request({ origin: { ...unknown.origin }, headers: ["host", "up.example", ...headers] });

  it("lets a locked call pass on a promise only where the parent is told of the lock", () => {
    const candidate = cleared(EUROPE, unknown);
    expect(candidate.evidence).toMatchObject({ decision: "allow", evidence: "label", rule: "parent.promise", regions: ["eu"] });
    expect(codeOf(candidate, upward(["egress-chain", '?1;hop=1;max=1;retry=parent;regions="eu"']))).toBe("passed");
    expect(codeOf(candidate, upward([]))).toBe("internal_error");
    expect(codeOf(candidate, upward(["egress-chain", "?1", "Egress-Chain", "?1"]))).toBe("internal_error");
  });

  it.each([
    ["that is not asked for its answer", { ...parent, region: "Prefer" as const }],
    ["that does not know this broker", { ...parent, identity: null }],
  ])("a parent %s promises nothing", (_name, other) => {
    expect(() => cleared(EUROPE, { ...unknown, parent: other })).toThrow("not cleared");
  });
});
