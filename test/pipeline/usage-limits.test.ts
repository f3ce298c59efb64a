import { describe, expect, it } from "vitest";
import { createChainKey } from "../fakes/chain-key.ts";
import type { TestManifests } from "../fakes/manifests.ts";
import { createScriptedDesk, type ScriptedDesk } from "../fakes/scripted-desk.ts";
import { streamedAnswer, type Told, wholeAnswer } from "../fakes/wire-answers.ts";
import { installEvents, requestEvent } from "./event-desk.ts";
import { chat, GOOD_STREAM, type Installation, install, JSON_HEADERS, ONE, STREAM_HEADERS, TWO } from "./installation.ts";

const GATEWAY = "{group: gateway.networking.k8s.io, kind: Gateway, name: egress}";
const GROUP = "{group: spillway.dev, kind: BackendGroup, name: group}";
const backend = (name: string) => `{group: gateway.networking.x-k8s.io, kind: XBackend, name: ${name}}`;

/** One policy; `limits` as YAML flow. */
function policy(target: string, limits: readonly string[], more = ""): string {
  const namespace = target === GATEWAY ? "egress-system" : "team-a";
  return `apiVersion: spillway.dev/v1alpha1\nkind: UsageLimitPolicy\nmetadata: {name: p, namespace: ${namespace}}\nspec:\n  targetRefs: [${target}]\n  limits:\n${limits.map((limit) => `  - ${limit}`).join("\n")}\n${more}`;
}

const MINUTE = "window: {duration: 1m}";
const rpm = (limit: number, more = "") => `{name: rpm, unit: Requests, limit: ${limit}, ${MINUTE}, per: [Namespace]${more}}`;
const tpm = (limit: number, more = "") => `{name: tpm, unit: Tokens, limit: ${limit}, ${MINUTE}${more}}`;
const usd = (limit: string, more = "") => `{name: usd, unit: Cost, limit: "${limit}", ${MINUTE}${more}}`;

const ANSWER = {
  status: 200,
  headers: JSON_HEADERS,
  body: JSON.stringify({ choices: [], usage: { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 } }),
};

function limited(manifests: TestManifests, more: string, desk = createScriptedDesk()): { readonly one: Installation; readonly desk: ScriptedDesk } {
  return { one: install({ ...manifests, more }, { limits: desk }), desk };
}

describe("a limit of requests", () => {
  it("lets its number of calls through and refuses the next with 429, Retry-After and the RateLimit fields", async () => {
    const { one, desk } = limited(ONE, policy(GATEWAY, [rpm(2)]));
    one.transport.script("only", ANSWER);
    const first = await one.call(chat());
    expect(first.received()?.status).toBe(200);
    expect(first.header("ratelimit-policy")).toEqual(['"egress-system/p/rpm";q=2;qu="requests";w=60']);
    expect(first.header("ratelimit")).toEqual(['"egress-system/p/rpm";r=1;t=30']);
    expect((await one.call(chat())).received()?.status).toBe(200);
    const refused = await one.call(chat());
    expect(refused.received()?.status).toBe(429);
    expect(refused.header("x-egress-error")).toEqual(["limit_exceeded"]);
    expect(refused.header("retry-after")).toEqual(["30"]);
    expect(refused.header("ratelimit")).toEqual(['"egress-system/p/rpm";r=0;t=30']);
    expect(JSON.parse(refused.received()?.body ?? "")).toMatchObject({ error: { type: "rate_limit_error", code: "limit_exceeded" } });
    expect(one.transport.sent).toHaveLength(2);
    expect(desk.used("rpm", "team-a")).toBe(2);
    expect(desk.open()).toBe(0);
    expect(one.log.map((line) => line["refusal"])).toEqual([null, null, "limit_exceeded"]);
    expect(one.events.filter(({ type }) => type === "egress.denied")).toHaveLength(1);
  });

  it.each([["at once"], ["by a promise"]])("the desk may answer %s", async (how) => {
    const { one, desk } = limited(ONE, policy(GATEWAY, [rpm(1)]), createScriptedDesk({ slowly: how === "by a promise" }));
    expect((await one.call(chat())).received()?.status).toBe(200);
    expect((await one.call(chat())).received()?.status).toBe(429);
    expect(desk.used("rpm", "team-a")).toBe(1);
  });

  it("speaks the caller's API", async () => {
    const { one } = limited(ONE, policy(GATEWAY, [rpm(0)]));
    const anthropic = await one.call({ ...chat(), target: "/v1/messages" });
    expect(JSON.parse(anthropic.received()?.body ?? "")).toMatchObject({ type: "error", error: { type: "rate_limit_error" } });
    // What can never succeed must not be repeated.
    expect(anthropic.header("x-should-retry")).toEqual(["false"]);
    expect(anthropic.header("retry-after")).toEqual([]);
    const plain = await one.call({ target: "/things" });
    expect(plain.header("content-type")).toEqual(["application/problem+json"]);
  });

  it("is only for whom it matches, and names no account", async () => {
    const { one } = limited(ONE, policy(GATEWAY, [rpm(0, ", match: {namespaces: [team-b]}"), rpm(0, ", match: {models: [claude-*]}").replace("rpm", "m")]));
    expect((await one.call(chat())).received()?.status).toBe(200);
    const refused = await one.call(chat({ model: "claude-9" }));
    expect(refused.received()?.status).toBe(429);
    expect(JSON.stringify([refused.received()?.headers, refused.received()?.body])).not.toContain("team-a");
  });

  it("a call that never left counts for nothing; one that failed counts", async () => {
    const { one, desk } = limited(ONE, policy(GATEWAY, [rpm(9)]));
    one.transport.script("only", { kind: "connect", detail: "refused", message: "" }, { status: 500 });
    expect((await one.call(chat())).received()?.status).toBe(502);
    expect(desk.used("rpm", "team-a")).toBe(0);
    expect((await one.call(chat())).received()?.status).toBe(500);
    expect(desk.used("rpm", "team-a")).toBe(1);
    expect(desk.open()).toBe(0);
  });

  it("without a store nothing that a limit is for is let through, and everything else is", async () => {
    const one = install({ ...ONE, more: policy(GATEWAY, [rpm(9, ", match: {namespaces: [team-a]}")]) });
    const refused = await one.call(chat());
    expect(refused.received()?.status).toBe(503);
    expect(refused.header("x-egress-error")).toEqual(["limits_unavailable"]);
    expect((await install(ONE).call(chat())).received()?.status).toBe(200);
  });

  it("a store that gives no answer: FailClosed is 503, FailOpen lets pass and says so", async () => {
    const closed = limited(ONE, policy(GATEWAY, [rpm(9)]));
    closed.desk.lose(true);
    expect((await closed.one.call(chat())).received()?.status).toBe(503);
    const open = limited(ONE, policy(GATEWAY, [rpm(9)], "  onStoreFailure: FailOpen"));
    open.desk.lose(true);
    expect((await open.one.call(chat())).received()?.status).toBe(200);
  });
});

describe("a limit of tokens", () => {
  it("holds the input and what the caller allows, and settles what the provider reports", async () => {
    const { one, desk } = limited(ONE, policy(GATEWAY, [tpm(1_000)]));
    let held = 0;
    one.transport.script("only", () => {
      held = desk.taken("tpm");
      return ANSWER;
    });
    const body = { max_tokens: 100, n: 2 };
    expect((await one.call(chat(body))).received()?.status).toBe(200);
    const input = Math.ceil(JSON.stringify({ model: "gpt-test", messages: [], ...body }).length / 3.5);
    expect(held).toBe(input + 200);
    expect(desk.used("tpm")).toBe(18);
  });

  it("assumes the policy's output where the caller names no bound", async () => {
    const { one } = limited(ONE, policy(GATEWAY, [tpm(1_000, ", reserveTokens: 995")]));
    const refused = await one.call(chat());
    expect(refused.received()?.status).toBe(429);
    expect(refused.received()?.body).toContain("cannot be made at all");
    expect((await one.call(chat({ max_completion_tokens: 10 }))).received()?.status).toBe(200);
  });

  it("counts by its expression", async () => {
    const { one, desk } = limited(ONE, policy(GATEWAY, [tpm(100_000, ', tokenExpression: "input + 4*output"')]));
    one.transport.script("only", ANSWER);
    await one.call(chat());
    expect(desk.used("tpm")).toBe(11 + 28);
  });

  it("does not bind what uses no tokens", async () => {
    const { one } = limited(ONE, policy(GATEWAY, [tpm(0)]));
    expect((await one.call({ target: "/v1/models" })).received()?.status).toBe(200);
    expect((await one.call({ target: "/things", body: "x" })).received()?.status).toBe(200);
    expect((await one.call(chat())).received()?.status).toBe(429);
  });

  it("an error costs nothing", async () => {
    const { one, desk } = limited(ONE, policy(GATEWAY, [tpm(100_000)]));
    one.transport.script("only", { status: 400, headers: JSON_HEADERS, body: "{}" });
    await one.call(chat());
    expect(desk.used("tpm")).toBe(0);
    expect(desk.open()).toBe(0);
  });

  it("a stream that dies in the middle costs its input and what was said, estimated", async () => {
    const { one, desk } = limited(ONE, policy(GATEWAY, [tpm(100_000)]));
    const said = 'data: {"choices":[{"delta":{"content":"0123456789012345678901234567890123456789"}}]}\n\n';
    one.transport.script("only", { status: 200, headers: STREAM_HEADERS, body: [said, said], ending: { kind: "reset", sent: true, message: "" } });
    const call = chat({ stream: true });
    const { fake, done } = one.begin(call);
    await done;
    one.broker.attribution.drain();
    expect(fake.received()?.whole).toBe(false);
    expect(desk.used("tpm")).toBe(Math.ceil((call.body?.length ?? 0) / 3.5) + Math.ceil(80 / 3.5));
    expect(desk.open()).toBe(0);
  });

  it("T23: a caller that leaves while it waits costs its input; one that leaves in the middle what was said too", async () => {
    const { one, desk } = limited(ONE, policy(GATEWAY, [tpm(100_000)]));
    one.transport.script("only", "hang", { status: 200, headers: STREAM_HEADERS, body: GOOD_STREAM.slice(0, 1), ending: "hang" });
    const call = chat({ stream: true });
    const input = Math.ceil((call.body?.length ?? 0) / 3.5);
    const waiting = one.begin(call);
    await one.clock.advance(1);
    waiting.fake.leave();
    await waiting.done;
    expect(desk.used("tpm")).toBe(input);
    const reading = one.begin(call);
    await one.clock.advance(1);
    reading.fake.leave();
    await reading.done;
    expect(desk.used("tpm")).toBe(2 * input + Math.ceil("Hello".length / 3.5));
    expect(desk.open()).toBe(0);
  });

  it("an attempt that timed out is charged by what came after it, or by its input where nothing did", async () => {
    const { one, desk } = limited(TWO, policy(GATEWAY, [tpm(100_000)]));
    one.transport.script("first", "hang");
    one.transport.script("second", ANSWER, "hang");
    const good = one.begin(chat());
    await one.clock.advance(2_000);
    await good.done;
    expect(desk.used("tpm")).toBe(18);
    const bad = one.begin(chat());
    await one.clock.advance(4_000);
    await bad.done;
    expect(bad.fake.received()?.status).toBe(504);
    expect(desk.used("tpm")).toBe(18 + Math.ceil((chat().body?.length ?? 0) / 3.5));
    expect(desk.open()).toBe(0);
  });
});

describe("a limit of money", () => {
  const priced = (prices: string): TestManifests => ({
    backends: ONE.backends.map((one) => ({ ...one, models: `[{name: gpt-test, price: ${prices}}, {name: gpt-gift}]` })),
  });

  it("holds by the prices and settles what it cost", async () => {
    const { one, desk } = limited(priced('{inputPerMTok: "1", outputPerMTok: "10"}'), policy(GATEWAY, [usd("1.00", ", reserveTokens: 100")]));
    let held = 0;
    one.transport.script("only", () => {
      held = desk.taken("usd");
      return ANSWER;
    });
    expect((await one.call(chat())).header("ratelimit-policy")).toEqual(['"egress-system/p/usd";q=1000000;qu="millionths-of-usd";w=60']);
    expect(held).toBe(Math.ceil((chat().body?.length ?? 0) / 3.5) * 1_000 + 100 * 10_000);
    expect(desk.used("usd")).toBe(11 * 1_000 + 7 * 10_000);
  });

  it("refuses a call whose price nobody knows, and says what to write", async () => {
    const { one } = limited(priced('{inputPerMTok: "1", outputPerMTok: "10"}'), policy(GATEWAY, [usd("1.00")]));
    const refused = await one.call(chat({ model: "gpt-gift" }));
    expect(refused.received()?.status).toBe(429);
    expect(refused.received()?.body).toContain("add models[].price to its AIBackendPolicy");
  });
});

describe("Shadow", () => {
  it("counts, tells and refuses nobody", async () => {
    const { one, desk } = limited(ONE, policy(GATEWAY, [rpm(1)], "  onExceeded: Shadow"));
    for (let call = 0; call < 3; call += 1) {
      const caller = await one.call(chat());
      expect(caller.received()?.status).toBe(200);
      expect(caller.header("ratelimit")).toEqual([]);
    }
    expect(desk.used("rpm", "team-a")).toBe(3);
    const metrics = one.broker.metricsText();
    expect(metrics).toMatch(/egress_limit_checks_total\{[^}]*limit="egress-system\/p\/rpm",outcome="held"\} 1\n/);
    expect(metrics).toMatch(/egress_limit_checks_total\{[^}]*limit="egress-system\/p\/rpm",outcome="shadowed"\} 2\n/);
    expect(one.log[2]).toMatchObject({ limits: [{ limit: "egress-system/p/rpm", outcome: "exceeded", action: "shadow" }] });
  });
});

describe("NextTier", () => {
  const nextTier = "  onExceeded: NextTier";

  it("a destination without room is passed over, and told of like a failover", async () => {
    const { one, desk } = limited(TWO, policy(backend("first"), [tpm(30, ", reserve: Fixed, reserveTokens: 20")], nextTier));
    one.transport.script("first", ANSWER);
    one.transport.script("second", ANSWER);
    await one.call(chat());
    expect(desk.used("tpm")).toBe(18);
    const second = await one.call(chat());
    expect(second.received()?.status).toBe(200);
    expect(one.transport.sent.map(({ to }) => to)).toEqual(["first", "second"]);
    expect(one.events.find(({ type }) => type === "egress.failover")?.data).toMatchObject({ reason: "limit_exceeded" });
    expect(second.header("x-egress-backend")).toEqual(["XBackend/team-a/second"]);
    expect(desk.used("tpm")).toBe(18);
    expect(desk.open()).toBe(0);
  });

  it("the last destination's refusal is the caller's", async () => {
    const { one } = limited(ONE, policy(backend("only"), [rpm(0)], nextTier));
    expect((await one.call(chat())).received()?.status).toBe(429);
    expect(one.transport.sent).toEqual([]);
  });

  it("of a whole group: the first tier is passed over, later ones are not charged", async () => {
    const { one, desk } = limited(TWO, policy(GROUP, [rpm(1)], nextTier));
    expect((await one.call(chat())).received()?.body).toBe("from first");
    expect((await one.call(chat())).received()?.body).toBe("from second");
    expect(desk.used("rpm", "team-a")).toBe(1);
  });

  it("a group's account is held once, whichever of its members serve", async () => {
    const { one, desk } = limited(TWO, policy(GROUP, [rpm(9)]));
    one.transport.script("first", { status: 500 });
    expect((await one.call(chat())).received()?.body).toBe("from second");
    expect(desk.used("rpm", "team-a")).toBe(1);
    expect(desk.settled).toHaveLength(1);
  });

  it("an attempt's room is given back when the call moves on, but for a destination that may have begun", async () => {
    const limits = [rpm(9), tpm(100_000)];
    const refused = limited(TWO, policy(backend("first"), limits));
    refused.one.transport.script("first", { status: 500 });
    await refused.one.call(chat());
    expect([refused.desk.used("rpm", "team-a"), refused.desk.used("tpm")]).toEqual([0, 0]);
    const silent = limited(TWO, policy(backend("first"), limits));
    silent.one.transport.script("first", "hang");
    const { done } = silent.one.begin(chat());
    await silent.one.clock.advance(2_000);
    await done;
    expect(silent.desk.used("rpm", "team-a")).toBe(1);
    expect(silent.desk.used("tpm")).toBe(Math.ceil((chat().body?.length ?? 0) / 3.5));
    expect(silent.desk.open()).toBe(0);
  });

  it("a limit of a destination that rejects ends the call", async () => {
    const { one } = limited(TWO, policy(backend("first"), [rpm(0)]));
    expect((await one.call(chat())).received()?.status).toBe(429);
  });
});

describe("several limits", () => {
  it("all or none: where one has no room nothing is held of the others", async () => {
    const { one, desk } = limited(ONE, policy(GATEWAY, [rpm(9), tpm(10)]));
    expect((await one.call(chat())).received()?.status).toBe(429);
    expect(desk.taken("rpm", "team-a")).toBe(0);
    expect(desk.open()).toBe(0);
  });

  it("a later refusal gives back what earlier ones hold", async () => {
    const more = `${policy(GATEWAY, [rpm(9)])}\n---\n${policy(backend("only"), [tpm(10)])}`;
    const { one, desk } = limited(ONE, more);
    expect((await one.call(chat())).received()?.status).toBe(429);
    expect([desk.taken("rpm", "team-a"), desk.taken("tpm"), desk.open()]).toEqual([0, 0, 0]);
  });

  it("mirrors are not charged", async () => {
    const { one, desk } = limited(
      {
        backends: TWO.backends,
        rules: `  - backendRefs: [${backend("first")}]\n    filters: [{type: RequestMirror, requestMirror: {backendRef: ${backend("second")}}}]`,
      },
      policy(GATEWAY, [rpm(9), tpm(100_000)]),
    );
    one.transport.script("first", ANSWER);
    one.transport.script("second", ANSWER);
    await one.call(chat());
    expect(one.transport.sent).toHaveLength(2);
    expect([desk.used("rpm", "team-a"), desk.used("tpm")]).toEqual([1, 18]);
  });
});

describe("whatever way a call comes and goes", () => {
  const SAID: Told = {
    thought: null,
    text: "a text of some length, so that it is worth to be counted",
    calls: [],
    usage: { input: 12, cached: 2, output: 3 },
    ends: "stop",
  };
  const anthropic: TestManifests = { backends: [{ name: "only", port: 8001, api: "Anthropic" }] };

  it("translated: what the other API reports, whole and streamed", async () => {
    const { one, desk } = limited(anthropic, policy(GATEWAY, [tpm(100_000)]));
    one.transport.script(
      "only",
      { status: 200, headers: JSON_HEADERS, body: JSON.stringify(wholeAnswer("anthropic", SAID)) },
      { status: 200, headers: STREAM_HEADERS, body: new TextDecoder().decode(streamedAnswer("anthropic", SAID)) },
    );
    const hello = { messages: [{ role: "user", content: "Hi" }], max_tokens: 50 };
    await one.call(chat(hello));
    expect(desk.used("tpm")).toBe(15);
    await one.call(chat({ ...hello, stream: true }));
    expect(desk.used("tpm")).toBe(30);
  });

  it("translated and broken off: what was said, estimated, never less than the other API reported", async () => {
    const { one, desk } = limited(anthropic, policy(GATEWAY, [tpm(100_000)]));
    const stream = new TextDecoder().decode(streamedAnswer("anthropic", SAID));
    const body = stream.slice(0, stream.indexOf("event: content_block_stop"));
    one.transport.script("only", { status: 200, headers: STREAM_HEADERS, body, ending: { kind: "reset", sent: true, message: "" } });
    const { done } = one.begin(chat({ messages: [{ role: "user", content: "Hi" }], max_tokens: 50, stream: true }));
    await done;
    expect(desk.used("tpm")).toBe(12 + Math.ceil(SAID.text.length / 3.5));
  });

  it("to a parent: this broker charges what its own answer says, and its refusals cost nothing", async () => {
    const key = createChainKey();
    const { one, desk } = limited(
      { backends: [{ name: "up", port: 8001, parent: { key: key.pem } }], broker: "  chainId: child-1" },
      policy(GATEWAY, [rpm(9), tpm(100_000)]),
    );
    const fromBroker = ["x-egress-backend", "XBackend/x/y"];
    one.transport.script(
      "up",
      { ...ANSWER, headers: [...JSON_HEADERS, ...fromBroker] },
      { status: 429, headers: [...JSON_HEADERS, ...fromBroker, "x-egress-error", "limit_exceeded", "retry-after", "9"], body: "{}" },
    );
    await one.call(chat());
    expect([desk.used("rpm", "team-a"), desk.used("tpm")]).toEqual([1, 18]);
    const refused = await one.call(chat());
    expect(refused.received()?.status).toBe(429);
    expect(refused.header("x-egress-error")).toEqual(["limit_exceeded"]);
    expect([desk.used("rpm", "team-a"), desk.used("tpm")]).toEqual([2, 18]);
  });

  it("as an event: charged like any call, delivered again while there is no room, and answered where there never will be", async () => {
    const desk = createScriptedDesk();
    const one = installEvents({ ...ONE, more: policy(GATEWAY, [rpm(1), tpm(20_000)]) }, { limits: desk });
    one.transport.script("only", ANSWER);
    expect((await one.post(requestEvent())).status).toBe(200);
    expect([desk.used("rpm", "team-a"), desk.used("tpm")]).toEqual([1, 18]);
    const later = await one.post(requestEvent());
    expect(later).toMatchObject({ status: 503, headers: { "retry-after": "30" } });
    const never = installEvents({ ...ONE, more: policy(GATEWAY, [rpm(0)]) }, { limits: createScriptedDesk() });
    const answered = await never.post(requestEvent());
    expect(answered.status).toBe(200);
    expect(answered.body).toContain("limit_exceeded");
  });

  it("of an API that nobody reads: what was held stands", async () => {
    const { one, desk } = limited({ backends: [{ name: "only", port: 8001 }] }, policy(GATEWAY, [tpm(100_000)]));
    one.transport.script("only", { status: 200, headers: JSON_HEADERS, body: "{}" });
    const body = JSON.stringify({ inputs: "hello" });
    await one.call({ ...chat(), target: "/model/anthropic.titan/invoke", body });
    expect(desk.used("tpm")).toBe(Math.ceil(body.length / 3.5) + 4_096);
  });
});
