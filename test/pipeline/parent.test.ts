import { describe, expect, it } from "vitest";
import { findAll } from "../../src/lib/header-list.ts";
import { brokerIssuer, createChainKey } from "../fakes/chain-key.ts";
import { CALLER_TOKEN, type TestManifests, type TestParent } from "../fakes/manifests.ts";
import type { Step } from "../fakes/scripted-transport.ts";
import { chat, type Installation, install, JSON_HEADERS, STREAM_HEADERS } from "./installation.ts";

const KEY = createChainKey();
const EU_LOCK =
  "apiVersion: spillway.dev/v1alpha1\nkind: RegionPolicy\nmetadata: {name: eu-only, namespace: team-a}\nspec:\n  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: route}]\n  allow: {jurisdictions: [EU]}";
const HEALTH = "  health: {consecutiveFailures: 1000, evictFor: 1ms, maxEvictFor: 1ms}";

const parent = (name: string, port: number, more: Partial<TestParent> = {}) => ({ name, port, parent: { key: KEY.pem, ...more } });
const CHILD: TestManifests = { backends: [parent("up", 8001)], broker: "  chainId: child-1" };
const LOCKED: TestManifests = { ...CHILD, more: EU_LOCK };
const PAIR: TestManifests = { ...CHILD, backends: [parent("up", 8001), parent("spare", 8002)], group: ["up", "spare"], groupSpec: HEALTH };

const headersOf = (one: Installation, at = 0) => one.transport.sent[at]?.request.headers ?? [];
const header = (one: Installation, name: string) => findAll(headersOf(one), name);
const to = (one: Installation) => one.transport.sent.map((sent) => sent.to);
const answer = (region: string | null, more: object = {}): Step => ({
  status: 200,
  headers: [...JSON_HEADERS, "x-egress-backend", "XBackend/x/y", ...(region === null ? [] : ["Egress-Region", region])],
  body: '{"id":"1","secret":"of the answer"}',
  ...more,
});

describe("toward a parent", () => {
  it("the call says its way, and by a token of this broker who calls; the caller's own is not shown", async () => {
    const one = install(LOCKED);
    one.transport.script("up", answer('eu-central-1;countries="DE"'));
    await one.call(chat({}, ["x-api-key", CALLER_TOKEN, "x-request-id", "call-0001"]));
    expect(header(one, "egress-chain")).toEqual([
      '?1;hop=1;max=1;retry=parent;regions="AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK"',
    ]);
    expect(header(one, "via")).toEqual(["1.1 child-1"]);
    expect(header(one, "cdn-loop")).toEqual(["child-1"]);
    expect(header(one, "x-request-id")).toEqual(["call-0001"]);
    const [token = ""] = header(one, "authorization");
    expect(JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString())).toMatchObject({
      iss: "child-1",
      aud: "upstream",
      namespace: "team-a",
      serviceAccount: "assistant",
      workload: "assistant-0",
    });
    expect(headersOf(one).join(" ")).not.toContain(CALLER_TOKEN);
    expect(one.told()).not.toContain(token.slice(20));
  });

  it("one signature serves many calls of the same caller", async () => {
    const one = install(CHILD);
    for (let call = 0; call < 3; call += 1) await one.call(chat());
    const tokens = one.transport.sent.map((_sent, at) => findAll(headersOf(one, at), "authorization")[0]);
    expect(new Set(tokens).size).toBe(1);
    await one.clock.advance(50_000);
    await one.call(chat());
    expect(findAll(headersOf(one, 3), "authorization")[0]).not.toBe(tokens[0]);
    expect(one.asked.filter((file) => file === "up-chain.key")).toHaveLength(1);
  });

  it("a key that cannot be read fails the attempt before anything has left, and another parent may serve", async () => {
    const one = install(PAIR);
    one.secret("up-chain.key", "denied");
    expect((await one.call(chat())).received()?.status).toBe(200);
    expect(to(one)).toEqual(["spare"]);
    const broken = install(CHILD);
    broken.secret("up-chain.key", "no key at all");
    const caller = await broken.call(chat());
    expect(caller.header("x-egress-error")).toEqual(["credential_unavailable"]);
    expect(broken.transport.sent).toEqual([]);
    expect(broken.told()).not.toContain("no key at all");
  });

  it("what a client writes of the kind is dropped, toward a destination too", async () => {
    const forged = ["Egress-Chain", '?1;hop=9;max=9;retry=parent;regions="US"', "Egress-Region", "us-east-1", "X-Gateway-Model-Name", "other"];
    const one = install(CHILD);
    const caller = await one.call(chat({}, forged));
    expect(header(one, "egress-chain")).toEqual(["?1;hop=1;max=1;retry=parent"]);
    expect(header(one, "egress-region")).toEqual([]);
    expect(caller.header("egress-region")).toEqual([]);
    const plain = install({ backends: [{ name: "only", port: 8001 }] });
    plain.transport.script("only", { status: 200, headers: ["egress-region", "eu-central-1"], body: "x" });
    const other = await plain.call(chat({}, forged));
    expect(headersOf(plain).filter((name, at) => at % 2 === 0 && /^egress-|^x-gateway-/i.test(name))).toEqual([]);
    expect(other.header("egress-region")).toEqual([]);
  });
});

describe("nothing that has left for a parent is repeated here", () => {
  const steps: [string, Step][] = [
    ["429", { status: 429, headers: ["retry-after", "1"] }],
    ["503", { status: 503 }],
    ["529", { status: 529 }],
    ["500", { status: 500 }],
    ["408", { status: 408 }],
    ["a reset after a byte", { kind: "reset", sent: true, message: "" }],
    ["no first byte in time", { kind: "timeout", phase: "first_byte", message: "" }],
    ["no HTTP", { kind: "protocol", message: "" }],
    ["an error as a stream's first event", { status: 200, headers: STREAM_HEADERS, body: 'data: {"error":{"message":"x","type":"server_error"}}\n\n' }],
  ];
  it.each(steps)("%s", async (_name, step) => {
    const one = install({ ...PAIR, rule: "    retry: {codes: [500, 503], attempts: 3, backoff: 1ms}\n" });
    one.transport.script("up", step);
    const { done } = one.begin(chat({ stream: true }));
    await one.clock.advance(30_000);
    await done;
    expect(to(one)).toEqual(["up"]);
  });

  it.each<[string, Step]>([
    ["refused", { kind: "connect", detail: "refused", message: "" }],
    ["unknown to DNS", { kind: "connect", detail: "dns", message: "" }],
    ["too slow to connect", { kind: "timeout", phase: "connect", message: "" }],
    ["untrusted", { kind: "untrusted", reason: "wrong_ca", message: "" }],
  ])("but a parent that is %s has got nothing, and the next one is tried", async (_name, step) => {
    const one = install(PAIR);
    one.transport.script("up", step);
    expect((await one.call(chat())).received()?.status).toBe(200);
    expect(to(one)).toEqual(["up", "spare"]);
  });

  it("what a parent says does not speak against the parent", async () => {
    const one = install({ ...PAIR, groupSpec: "  health: {consecutiveFailures: 1, evictFor: 60s, maxEvictFor: 60s}" });
    one.transport.script("up", { status: 429, headers: ["retry-after", "60", "x-egress-backend", "XBackend/x/y"] });
    for (let call = 0; call < 3; call += 1) expect((await one.call(chat())).received()?.status).toBe(429);
    expect(to(one)).toEqual(["up", "up", "up"]);
    // The same from something in front of it does.
    one.transport.script("up", { status: 503 });
    await one.call(chat());
    await one.call(chat());
    expect(to(one).at(-1)).toBe("spare");
  });

  it("a parent that refuses this broker's own token is not the caller's fault", async () => {
    const one = install(CHILD);
    one.transport.script("up", { status: 401, headers: ["x-egress-error", "identity_rejected", "www-authenticate", "Bearer"], body: "authorization: expired" });
    const caller = await one.call(chat());
    expect([caller.received()?.status, caller.header("x-egress-error")]).toEqual([502, ["upstream_auth"]]);
    expect(to(one)).toEqual(["up"]);
  });

  it("a refusal of the parent keeps its code", async () => {
    const one = install(LOCKED);
    one.transport.script("up", { status: 403, headers: ["x-egress-error", "region_locked", "egress-region", "?0"], body: "{}" });
    const caller = await one.call(chat());
    expect([caller.received()?.status, caller.header("x-egress-error")]).toEqual([403, ["region_locked"]]);
    const invented = install(LOCKED);
    invented.transport.script("up", { status: 403, headers: ["x-egress-error", "<script>", "egress-region", "?0"], body: "{}" });
    expect((await invented.call(chat())).header("x-egress-error")).toEqual([]);
  });
});

describe("under a lock the answer must say where the call was processed", () => {
  it.each(['eu-central-1;countries="DE"', "eu-central-1", '"eu-central-1 eu-west-3";countries="DE FR"', '"";countries="DE"', 'somewhere-new;countries="FR"'])(
    "%s lies inside",
    async (region) => {
      const one = install(LOCKED);
      one.transport.script("up", answer(region));
      const caller = await one.call(chat());
      expect(caller.received()).toMatchObject({ status: 200, whole: true });
      expect(caller.header("egress-region")).toEqual([]);
      expect(one.log[0]).toMatchObject({ region_decision: "allow" });
    },
  );

  it.each<[string, string | null]>([
    ["a foreign region", 'us-east-1;countries="US"'],
    ["a foreign region with a country inside: what this broker knows of it counts too", 'us-east-1;countries="DE"'],
    ["a foreign country", 'eu-central-1;countries="DE US"'],
    ["a foreign region among others", '"eu-central-1 us-east-1";countries="DE"'],
    ["a region that nobody knows", "somewhere-new"],
    ["nothing", null],
    ["nothing that can be read", "eu central"],
    ["two things", "eu-central-1, eu-west-3"],
    ["that nobody saw the call, with a good answer", "?0"],
    ["no place", "?1"],
    ["an empty place", '"";countries=""'],
    ["a number", "7"],
    ["countries that are none", 'eu-central-1;countries="de"'],
  ])("%s is not handed on", async (_name, region) => {
    const one = install({ ...LOCKED, backends: [parent("up", 8001), parent("spare", 8002)], group: ["up", "spare"] });
    one.transport.script("up", answer(region));
    const caller = await one.call(chat());
    expect([caller.received()?.status, caller.header("x-egress-error")]).toEqual([502, ["region_violated"]]);
    expect(caller.received()?.body).not.toContain("of the answer");
    expect(one.transport.sent[0]?.answer?.cancelled).toBe(true);
    expect(to(one)).toEqual(["up"]);
    expect(one.log[0]).toMatchObject({ region_decision: "violated", refusal: "region_violated" });
    expect(one.events.map((event) => event.type)).toEqual(expect.arrayContaining(["backend.region_violated", "backend.degraded", "egress.denied"]));
  });

  it("so of a stream too, before its first byte", async () => {
    const one = install(LOCKED);
    one.transport.script("up", { status: 200, headers: [...STREAM_HEADERS, "egress-region", "us-east-1"], body: ["data: {}\n\n"], ending: "hang" });
    const caller = await one.call(chat({ stream: true }));
    expect([caller.received()?.status, one.transport.sent[0]?.answer?.over]).toEqual([502, true]);
    expect(caller.received()?.body).not.toContain("data:");
  });

  it("an error needs it as well, but for one that the parent answers itself", async () => {
    const one = install(LOCKED);
    one.transport.script("up", answer(null, { status: 500 }), answer("?0", { status: 502 }), answer('eu-central-1;countries="DE"', { status: 500 }));
    for (const status of [502, 502, 500]) expect((await one.call(chat())).received()?.status).toBe(status);
    expect(one.log.map((line) => line["region_decision"])).toEqual(["violated", "allow", "allow"]);
  });

  it("with region: Prefer a labelled parent may be silent, but not say otherwise", async () => {
    const backends = [{ ...parent("up", 8001, { more: "region: Prefer" }), region: "eu-central-1" }];
    const one = install({ ...LOCKED, backends });
    one.transport.script("up", answer(null), answer("us-east-1"));
    expect((await one.call(chat())).received()?.status).toBe(200);
    expect((await one.call(chat())).received()?.status).toBe(502);
    const ignoring = install({ ...LOCKED, backends: [{ ...parent("up", 8001, { more: "region: Ignore" }), region: "eu-central-1" }] });
    ignoring.transport.script("up", answer("us-east-1"));
    expect((await ignoring.call(chat())).received()?.status).toBe(200);
  });

  it("without a lock it is only remembered", async () => {
    const one = install(CHILD);
    one.transport.script("up", answer('us-east-1;countries="US"'), answer(null));
    for (let call = 0; call < 2; call += 1) expect((await one.call(chat())).received()?.status).toBe(200);
    expect(one.log[0]).toMatchObject({ region: "us-east-1", region_decision: "unlocked" });
  });
});

describe("from a child", () => {
  const PARENT: TestManifests = {
    backends: [
      { name: "eu", port: 9001, region: "eu-central-1" },
      { name: "us", port: 9002, region: "us-east-1" },
    ],
    group: ["us", "eu"],
    issuers: brokerIssuer("child-1", KEY),
    broker: "  chainId: parent-1",
  };

  /** What the child sends by these manifests, handed to the parent. */
  async function hand(child: Installation, up: Installation, change: (headers: string[]) => string[] = (headers) => headers) {
    await child.call(chat());
    const sent = child.transport.sent.at(-1);
    const caller = await up.call({ ...chat(), headers: change([...(sent?.request.headers ?? [])]), body: sent?.body ?? "" });
    return { caller, sent };
  }

  it("the caller is the one of whom it speaks, and the answer says where", async () => {
    const up = install(PARENT);
    const { caller } = await hand(install(CHILD), up);
    expect(caller.received()?.status).toBe(200);
    expect(caller.header("egress-region")).toEqual(['us-east-1;countries="US"']);
    expect(up.log[0]).toMatchObject({ namespace: "team-a", service_account: "assistant", proof: "broker", issuer: "child-1", hop: 1, brokers: ["child-1"] });
    expect(header(up, "egress-chain")).toEqual([]);
    expect(header(up, "authorization")).toEqual([]);
  });

  it("the child's lock binds here too: no destination outside it, by failover neither", async () => {
    const up = install(PARENT);
    const child = install(LOCKED);
    const { caller } = await hand(child, up);
    expect(to(up)).toEqual(["eu"]);
    expect(caller.header("egress-region")).toEqual(['eu-central-1;countries="DE"']);
    up.transport.script("eu", { status: 503 });
    const failed = await hand(child, up);
    expect([failed.caller.received()?.status, to(up)]).toEqual([503, ["eu", "eu"]]);
  });

  it("it cannot widen what is locked here", async () => {
    const us = EU_LOCK.replace("jurisdictions: [EU]", "countries: [US]");
    const up = install({ ...PARENT, more: us });
    const { caller } = await hand(install(LOCKED), up);
    expect([caller.received()?.status, caller.header("x-egress-error"), caller.header("egress-region")]).toEqual([403, ["region_locked"], ["?0"]]);
    expect(up.transport.sent).toEqual([]);
  });

  it("a call whose Egress-Chain somebody has taken off is refused", async () => {
    const up = install(PARENT);
    const without = (headers: string[]) => headers.filter((_one, at) => headers[at - (at % 2)] !== "egress-chain");
    expect((await hand(install(LOCKED), up, without)).caller.header("x-egress-error")).toEqual(["request_malformed"]);
    expect(up.transport.sent).toEqual([]);
  });

  it("nobody else is told where a call was processed", async () => {
    const up = install(PARENT);
    const caller = await up.call(chat({}, ["egress-chain", "?1;hop=1;max=1;retry=parent"]));
    expect([caller.received()?.status, caller.header("egress-region")]).toEqual([200, []]);
  });

  it("hops are counted over all brokers: one too many is refused with 508, before anything is sent", async () => {
    const grand = createChainKey();
    const manifests = (more: string): TestManifests => ({ ...PARENT, backends: [parent("top", 9001, { key: grand.pem, more })], group: ["top"] });
    const child = (maxHops: number) => install({ ...CHILD, backends: [parent("up", 8001, { more: `maxHops: ${maxHops}` })] });
    const up = install(manifests("maxHops: 1"));
    const { caller } = await hand(child(1), up);
    expect([caller.received()?.status, caller.header("x-egress-error"), up.transport.sent]).toEqual([508, ["egress_loop"], []]);
    expect(up.events.find((event) => event.type === "egress.denied")?.data["excluded"]).toEqual(["XBackend/team-a/top: hops"]);
    await hand(child(2), up);
    expect(header(up, "egress-chain")).toEqual(["?1;hop=2;max=2;retry=parent"]);
    expect(JSON.parse(Buffer.from(header(up, "authorization")[0]?.split(".")[1] ?? "", "base64url").toString())).toMatchObject({
      iss: "parent-1",
      namespace: "team-a",
      act: { sub: "parent-1", act: { sub: "child-1" } },
    });
  });

  it("a violation further up is a violation all the way down", async () => {
    const grand = createChainKey();
    const up = install({ ...PARENT, backends: [parent("top", 9001, { key: grand.pem })], group: ["top"] });
    up.transport.script("top", answer('us-east-1;countries="US"'));
    const child = install({ ...LOCKED, backends: [parent("up", 8001, { more: "maxHops: 2" })] });
    const { caller } = await hand(child, up);
    expect([caller.received()?.status, caller.header("x-egress-error"), caller.header("egress-region")]).toEqual([
      502,
      ["region_violated"],
      ['us-east-1;countries="US"'],
    ]);
  });
});
