import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type BrokerProcess, startBroker } from "../fakes/broker-process.ts";
import { createAuthority } from "../fakes/certificates.ts";
import { brokerIssuer, createChainKey } from "../fakes/chain-key.ts";
import { type Front, startFront } from "../fakes/front.ts";
import { CALLER_TOKEN, testManifests } from "../fakes/manifests.ts";
import { answerWell, chatChunk, fail, type Provider, startProvider } from "../fakes/provider.ts";

const HEALTH = "  health: {consecutiveFailures: 1000, evictFor: 1ms, maxEvictFor: 1ms}";
const RETRY = "    retry: {codes: [500, 502, 503], attempts: 2, backoff: 1ms}\n";
const GROUP = "    backendRefs: [{group: spillway.dev, kind: BackendGroup, name: group}]\n";
const RULES = `  - name: locked\n    matches: [{headers: [{name: x-lock, value: "yes"}]}]\n${GROUP}${RETRY}  - name: all\n${GROUP}${RETRY}`;
const LOCK =
  "apiVersion: spillway.dev/v1alpha1\nkind: RegionPolicy\nmetadata: {name: eu-only, namespace: team-a}\nspec:\n  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: route, sectionName: locked}]\n  allow: {jurisdictions: [EU]}";
const TRACED = (manifests: string) =>
  manifests.replace(
    "kind: HTTPRoute\nmetadata: {name: route, namespace: team-a}",
    'kind: HTTPRoute\nmetadata: {name: route, namespace: team-a, annotations: {spillway.dev/propagate-trace: "true"}}',
  );
const portOf = (broker: BrokerProcess) => Number(new URL(broker.url).port);

let eu: Provider;
let us: Provider;
let front: Front;
let spare: Front;
let child: BrokerProcess;
let middle: BrokerProcess;
let top: BrokerProcess;

/** A caller, the child, TLS, the middle, the top, and two providers of which one lies outside the child's lock. */
beforeAll(async () => {
  const authority = createAuthority();
  const childKey = createChainKey();
  const middleKey = createChainKey();
  const tls = (name: string) => authority.issue({ dnsNames: [`${name}.provider.example`] });
  [eu, us, front, spare] = await Promise.all([startProvider(), startProvider(), startFront({ tls: tls("up") }), startFront({ tls: tls("spare") })]);
  top = await startBroker({
    manifests: testManifests({
      backends: [
        { name: "us", port: us.port, region: "us-east-1", key: "us-key" },
        { name: "eu", port: eu.port, region: "eu-central-1", key: "eu-key" },
      ],
      group: ["us", "eu"],
      groupSpec: HEALTH,
      rules: RULES,
      issuers: brokerIssuer("middle-1", middleKey),
      broker: "  chainId: top-1",
    }),
  });
  middle = await startBroker({
    manifests: TRACED(
      testManifests({
        backends: [{ name: "top", port: portOf(top), parent: { key: middleKey.pem } }],
        group: ["top"],
        groupSpec: HEALTH,
        rules: RULES,
        issuers: brokerIssuer("child-1", childKey),
        broker: "  chainId: middle-1",
      }),
    ),
  });
  const up = { caPem: authority.caPem, parent: { key: childKey.pem, more: "maxHops: 2" } };
  child = await startBroker({
    manifests: TRACED(
      testManifests({
        backends: [
          { name: "up", port: front.port, ...up },
          { name: "spare", port: spare.port, ...up },
        ],
        group: ["up", "spare"],
        groupSpec: HEALTH,
        rules: RULES,
        broker: "  chainId: child-1",
        more: LOCK,
      }),
    ),
  });
});
// The last test closes the front itself.
afterAll(async () => {
  await Promise.all([child?.stop(), middle?.stop(), top?.stop()]);
  await Promise.all([spare?.close(), eu?.close(), us?.close()]);
});
beforeEach(() => {
  for (const provider of [eu, us]) {
    provider.seen.length = 0;
    provider.behave(answerWell);
  }
  for (const one of [front, spare]) one.aim(portOf(middle));
});

let calls = 0;
function call(broker: BrokerProcess, body: object = {}, headers: Record<string, string> = {}, init: RequestInit = {}) {
  calls += 1;
  const id = `chain-call-${calls}`;
  const answer = fetch(`${broker.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${CALLER_TOKEN}`, "content-type": "application/json", "x-request-id": id, ...headers },
    body: JSON.stringify({ model: "gpt-test", messages: [], ...body }),
    ...init,
  });
  const line = (of: BrokerProcess) => of.call((entry) => entry["request_id"] === id);
  return { answer, line };
}

describe("three brokers in a row", () => {
  it("each knows the caller, and the provider sees nothing but the last one's credential", async () => {
    const { answer, line } = call(child, {}, { "egress-chain": "?1;hop=9;max=9;retry=parent", "x-gateway-model-name": "other", "x-api-key": CALLER_TOKEN });
    expect((await answer).status).toBe(200);
    const who = { namespace: "team-a", service_account: "assistant", workload: "assistant-0" };
    expect(await line(child)).toMatchObject({ ...who, proof: "api-key", hop: 0, brokers: [] });
    expect(await line(middle)).toMatchObject({ ...who, proof: "broker", issuer: "child-1", hop: 1, brokers: ["child-1"] });
    expect(await line(top)).toMatchObject({ ...who, proof: "broker", issuer: "middle-1", hop: 2, brokers: ["middle-1", "child-1"] });
    const [seen] = us.seen;
    expect(seen?.headers).toMatchObject({
      authorization: "Bearer us-key",
      via: "1.1 child-1, 1.1 middle-1, 1.1 top-1",
      "cdn-loop": "child-1, middle-1, top-1",
    });
    expect(Object.keys(seen?.headers ?? {}).filter((name) => /^(egress-|x-egress-|x-gateway-|x-api-key|traceparent|baggage)/.test(name))).toEqual([]);
    expect(JSON.stringify(seen?.rawHeaders)).not.toContain(CALLER_TOKEN);
  });

  it("the child's lock holds at the top, and the answer is verified on the way back", async () => {
    const { answer, line } = call(child, {}, { "x-lock": "yes" });
    const received = await answer;
    expect([received.status, received.headers.get("egress-region")]).toEqual([200, null]);
    expect([us.seen.length, eu.seen.length]).toEqual([0, 1]);
    for (const one of [child, middle, top]) expect(await line(one)).toMatchObject({ region: "eu-central-1" });
    expect(await line(child)).toMatchObject({ region_decision: "allow" });
  });

  it("inside the lock nobody is left: the top's failure comes back, and nobody outside is tried", async () => {
    eu.behave(fail(500));
    const { answer } = call(child, {}, { "x-lock": "yes" });
    expect((await answer).status).toBe(500);
    expect(us.seen.length).toBe(0);
  });

  it.each([500, 503])("a provider that answers %i is asked as often as the top alone would ask it", async (status) => {
    for (const provider of [eu, us]) provider.behave(fail(status));
    const { answer, line } = call(child);
    expect((await answer).status).toBe(status);
    expect((await line(child))["attempts"]).toHaveLength(1);
    expect((await line(middle))["attempts"]).toHaveLength(1);
    // One and two repeats at most, where three brokers with this `retry` could have made 27 of it.
    expect([2, 3]).toContain(us.seen.length + eu.seen.length);
    expect((await line(top))["attempts"]).toHaveLength(us.seen.length + eu.seen.length);
  });

  it("one trace, where the routes hand it on; the provider is not told", async () => {
    const traceId = "0af7651916cd43dd8448eb211c80319c";
    const { answer, line } = call(child, {}, { traceparent: `00-${traceId}-b7ad6b7169203331-01`, baggage: "user=1" });
    await answer;
    for (const one of [child, middle, top]) expect((await line(one))["trace_id"]).toBe(traceId);
    expect(us.seen[0]?.headers).not.toHaveProperty("traceparent");
  });

  it("a stream passes as it is", async () => {
    const direct = await fetch(`http://127.0.0.1:${us.port}/v1/chat/completions`, {
      method: "POST",
      body: JSON.stringify({ model: "gpt-test", stream: true }),
    });
    const { answer } = call(child, { stream: true });
    expect(await (await answer).text()).toBe(await direct.text());
  });

  it("a caller that leaves a stream ends it at the provider at once", async () => {
    us.behave((_seen, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(chatChunk(0, "for ever"));
    });
    const abort = new AbortController();
    const { answer, line } = call(child, { stream: true }, {}, { signal: abort.signal });
    const reader = (await answer).body?.getReader();
    await reader?.read();
    abort.abort();
    await reader?.read().catch(() => {});
    await us.seen[0]?.closed;
    for (const one of [child, middle, top]) expect(await line(one)).toMatchObject({ outcome: "caller_gone" });
  });
});

describe("when a parent fails", () => {
  it("after the first byte of the request, nothing is repeated", async () => {
    front.aim(null);
    const before = spare.requests();
    const { answer, line } = call(child);
    expect((await answer).status).toBe(502);
    expect(spare.requests()).toBe(before);
    expect((await line(child))["attempts"]).toHaveLength(1);
    expect(us.seen.length).toBe(0);
  });

  it("in the middle of a stream, the stream ends with an error event and no clean end", async () => {
    us.behave((_seen, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(chatChunk(0, "half"));
      setTimeout(() => response.socket?.resetAndDestroy(), 50);
    });
    const { answer } = call(child, { stream: true });
    const text = await (await answer).text().catch((error: unknown) => String(error));
    expect(text).not.toContain("[DONE]");
  });
});

describe("who is not a child", () => {
  it("is not believed, and not told where its call was processed", async () => {
    const { answer, line } = call(middle, {}, { "egress-chain": '?1;hop=1;max=9;retry=parent;regions="US"' });
    const received = await answer;
    expect([received.status, received.headers.get("egress-region")]).toEqual([200, null]);
    expect(await line(middle)).toMatchObject({ proof: "api-key", hop: 0 });
  });

  it("cannot speak for anybody with a key of its own", async () => {
    const claims = { iss: "child-1", aud: "upstream", iat: Math.floor(Date.now() / 1_000), exp: Math.floor(Date.now() / 1_000) + 60, namespace: "team-a" };
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    for (const token of [`${part({ alg: "none" })}.${part(claims)}.x`, `${part({ alg: "ES256", kid: "1" })}.${part(claims)}.${"A".repeat(86)}`]) {
      const { answer } = call(middle, {}, { authorization: `Bearer ${token}`, "egress-chain": "?1;hop=1;max=1;retry=parent" });
      expect((await answer).status).toBe(401);
    }
    expect(us.seen.length).toBe(0);
  });
});

describe("two brokers that point at each other", () => {
  async function ring(edit: ((text: string) => string) | undefined) {
    const keys = [createChainKey(), createChainKey()] as const;
    const options = edit === undefined ? {} : { edit };
    const fronts = await Promise.all([startFront(options), startFront(options)]);
    const start = (own: number, other: number) =>
      startBroker({
        manifests: testManifests({
          backends: [{ name: "other", port: fronts[other]?.port ?? 0, parent: { key: keys[own]?.pem ?? "", more: "maxHops: 4" } }],
          rule: RETRY,
          issuers: brokerIssuer(`ring-${other}`, keys[other] ?? keys[0]),
          broker: `  chainId: ring-${own}`,
        }),
      });
    const brokers = await Promise.all([start(0, 1), start(1, 0)]);
    brokers.forEach((broker, at) => {
      fronts[at]?.aim(portOf(broker));
    });
    return {
      brokers,
      requests: () => fronts.map((one) => one.requests()),
      stop: () => Promise.all([...brokers.map((one) => one.stop()), ...fronts.map((one) => one.close())]),
    };
  }

  it("the first to see its own name says 508", async () => {
    const one = await ring(undefined);
    try {
      const { answer } = call(one.brokers[0]);
      const received = await answer;
      expect([received.status, received.headers.get("x-egress-error")]).toEqual([508, "egress_loop"]);
      // There and back: the caller's own call did not come by the front.
      expect(one.requests()).toEqual([1, 1]);
    } finally {
      await one.stop();
    }
  });

  it("and should somebody between them take the names off, the hops end it", async () => {
    const one = await ring((text) => text.replace(/^(via|cdn-loop):.*\r\n/gim, ""));
    try {
      const { answer } = call(one.brokers[0]);
      const received = await answer;
      expect([received.status, received.headers.get("x-egress-error")]).toEqual([508, "egress_loop"]);
      expect(one.requests()).toEqual([2, 2]);
    } finally {
      await one.stop();
    }
  });
});

it("a parent to which no connection can be made has got nothing: the next one is tried", async () => {
  await front.close();
  const before = spare.requests();
  const { answer, line } = call(child);
  expect((await answer).status).toBe(200);
  expect(spare.requests()).toBe(before + 1);
  expect((await line(child))["backend"]).toBe("XBackend/team-a/spare");
});
