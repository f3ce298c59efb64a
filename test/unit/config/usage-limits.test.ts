import { describe, expect, it } from "vitest";
import type { Compiled } from "../../../src/config/compile.ts";
import type { CompiledRule } from "../../../src/model/snapshot.ts";
import { compileAll, compileGood, conditionOf, FETCH_ONLY, GATEWAY, own, route, rulesOf, toXBackend, xBackend } from "./compile-text.ts";

const GATEWAY_GROUP = "gateway.networking.k8s.io";
const toGateway = { group: GATEWAY_GROUP, kind: "Gateway", name: "egress" };
const toRoute = (name = "r", sectionName?: string) => ({
  group: GATEWAY_GROUP,
  kind: "HTTPRoute",
  name,
  ...(sectionName === undefined ? {} : { sectionName }),
});
const toGroup = { group: "spillway.dev", kind: "BackendGroup", name: "g" };
const rpm = (more: object = {}) => ({ name: "rpm", unit: "Requests", limit: 600, window: { duration: "1m" }, ...more });
const policy = (name: string, target: object | readonly object[], limits: readonly object[] = [rpm()], namespace = "infra", more: object = {}) =>
  own("UsageLimitPolicy", name, { targetRefs: [target].flat(), limits, ...more }, namespace);
const group = own("BackendGroup", "g", {
  tiers: ["one", "two"].map((name) => ({ name, backends: [{ backendRef: toXBackend(name) }] })),
});
const backends = [xBackend("one"), xBackend("two")];

const idsOf = (rule: CompiledRule | undefined) => rule?.limits.map((limit) => limit.id);
const targetsOf = (rule: CompiledRule | undefined) => {
  if (rule?.action.kind !== "forward") throw new Error("the rule does not forward");
  return rule.action.targets.flatMap(({ target }) =>
    target.kind === "backend" ? [target.target] : target.kind === "group" ? target.group.tiers.flatMap((tier) => tier.targets.map((one) => one.target)) : [],
  );
};
const perTarget = (rule: CompiledRule | undefined) =>
  Object.fromEntries(targetsOf(rule).map((target) => [target.backend.name, target.limits.map((limit) => `${limit.id} ${limit.scope}`)]));

describe("usage limits", () => {
  it("of Gateway, route and rule all count, once a call", () => {
    const compiled = compileGood([
      ...backends,
      route("r", [{ name: "a" }, { name: "b" }]),
      policy("on-gateway", toGateway),
      policy("on-route", toRoute(), [rpm()], "team-a"),
      policy("on-rule", toRoute("r", "b"), [rpm()], "team-a"),
    ]);
    const [a, b] = rulesOf(compiled);
    expect(idsOf(a)).toEqual(["infra/on-gateway/rpm", "team-a/on-route/rpm"]);
    expect(idsOf(b)).toEqual(["infra/on-gateway/rpm", "team-a/on-route/rpm", "team-a/on-rule/rpm"]);
    expect(a?.limits[0]).toBe(b?.limits[0]);
    expect(perTarget(a)).toEqual({ one: [] });
    expect(conditionOf(compiled, "UsageLimitPolicy", "on-rule", "Accepted", "HTTPRoute/team-a/r/b")).toBe("True/Accepted");
  });

  it("of backends and groups count with the destination", () => {
    const compiled = compileGood([
      ...backends,
      group,
      route("r", [{ backendRefs: [toGroup] }]),
      policy("on-group", toGroup, [rpm()], "team-a"),
      policy("on-one", toXBackend("one"), [rpm({ onExceeded: "NextTier" })], "team-a"),
      policy("each", toGateway, [rpm({ per: ["Backend"] }), rpm({ name: "two-only", match: { backends: ["*/two"] } })]),
    ]);
    const [rule] = rulesOf(compiled);
    expect(idsOf(rule)).toEqual([]);
    expect(perTarget(rule)).toEqual({
      one: ["infra/each/rpm attempt", "team-a/on-group/rpm call", "team-a/on-one/rpm attempt"],
      two: ["infra/each/rpm attempt", "infra/each/two-only attempt", "team-a/on-group/rpm call"],
    });
  });

  it("are compiled as they are written", () => {
    const limits = [
      rpm({
        per: ["Backend", "ServiceAccount", "Model"],
        match: { namespaces: ["team-*"], models: ["gpt-*"], serviceAccounts: ["batch"] },
        onExceeded: "Shadow",
      }),
      {
        name: "usd",
        unit: "Cost",
        limit: "250.10",
        window: { duration: "720h", type: "Calendar", timeZone: "Europe/Berlin" },
        costExpression: "input*price.input",
      },
      { name: "out", unit: "Tokens", limit: 10, tokens: "Output", window: { duration: "90s" }, reserve: "Fixed", reserveTokens: 7, onStoreFailure: "FailOpen" },
      { name: "now", unit: "Concurrency", limit: 4 },
    ];
    const compiled = compileGood([...backends, route("r"), policy("p", toGateway, limits, "infra", { onStoreFailure: "Local", localShare: "25%" })]);
    const [rule] = rulesOf(compiled);
    const common = { gateway: "infra/egress", currency: null, measure: null, window: null, per: [], scope: "call", onExceeded: "reject" };
    const all = { namespaces: null, serviceAccounts: null, models: null };
    const reserve = { kind: "inputPlusMaxOutput", output: 4096 };
    const local = { kind: "local", share: 0.25 };
    expect(targetsOf(rule)[0]?.limits).toEqual([
      {
        ...common,
        id: "infra/p/rpm",
        unit: "requests",
        limit: 600,
        window: { kind: "sliding", ms: 60_000 },
        per: ["namespace", "serviceAccount", "model", "backend"],
        match: { namespaces: ["team-*"], serviceAccounts: ["batch"], models: ["gpt-*"] },
        scope: "attempt",
        reserve,
        onExceeded: "shadow",
        onStoreFailure: local,
      },
    ]);
    expect(rule?.limits).toEqual([
      {
        ...common,
        id: "infra/p/usd",
        unit: "cost",
        limit: 250_100_000_000,
        currency: "USD",
        measure: { op: "*", left: { op: "variable", name: "input" }, right: { op: "variable", name: "price.input" } },
        window: { kind: "calendar", period: "month", timeZone: "Europe/Berlin" },
        match: all,
        reserve,
        onStoreFailure: local,
      },
      {
        ...common,
        id: "infra/p/out",
        unit: "tokens",
        limit: 10,
        measure: { op: "variable", name: "output" },
        window: { kind: "sliding", ms: 90_000 },
        match: all,
        reserve: { kind: "fixed", output: 7 },
        onStoreFailure: { kind: "failOpen" },
      },
      { ...common, id: "infra/p/now", unit: "concurrency", limit: 4, match: all, reserve, onStoreFailure: local },
    ]);
  });

  it("are for the routes that match names, whoever wrote the policy", () => {
    const only = (name: string, routes: readonly string[]) => policy(name, toGateway, [rpm({ match: { routes } })]);
    const compiled = compileGood([
      ...backends,
      route("chat"),
      route("embed", [{}], { hostnames: ["embed.local"] }),
      only("by-name", ["team-a/chat"]),
      only("by-namespace", ["team-a/*"]),
      only("by-end", ["*bed"]),
      only("own-namespace", ["chat"]),
    ]);
    const [chat, embed] = rulesOf(compiled);
    expect(idsOf(chat)).toEqual(["infra/by-name/rpm", "infra/by-namespace/rpm"]);
    expect(idsOf(embed)).toEqual(["infra/by-end/rpm", "infra/by-namespace/rpm"]);
    expect(warningsOf(compiled)).toEqual([
      ["/spec/limits/0", "no rule of a route meets the limit rpm: it counts nothing", null],
      ["/spec/limits/0/match/routes/0", "no HTTPRoute infra/chat is among the manifests: the limit is for none", expect.stringContaining("namespace/name")],
    ]);
  });

  it("for a namespace that is much like another are told: it may be a slip", () => {
    const warned = (...namespaces: readonly string[]) =>
      warningsOf(compileGood([...backends, route("r"), policy("p", toGateway, [rpm({ match: { namespaces } })])]));
    expect(warned("team-a", "taem-b", "team-*", "elsewhere")).toEqual([
      ["/spec/limits/0/match/namespaces/1", "no Namespace taem-b is among the manifests", "did you mean team-b?"],
    ]);
  });

  it("that are the same for many rules are one list: a thousand teams do not cost a thousand times a thousand", () => {
    const teams = Array.from({ length: 40 }, (_, index) =>
      policy(`p${index}`, toGateway, [rpm({ match: { namespaces: [`n-${index}`] } }), rpm({ name: "each", per: ["Backend"] })]),
    );
    const compiled = compileGood([...backends, group, route("r", [{ name: "a", backendRefs: [toGroup] }, { name: "b" }]), ...teams]);
    const [a, b] = rulesOf(compiled);
    expect(a?.limits).toHaveLength(40);
    expect(a?.limits).toBe(b?.limits);
    expect(new Set([...targetsOf(a), ...targetsOf(b)].map((target) => target.limits)).size).toBe(1);
  });

  it("of one policy count once, although it names a Gateway, the route and the backend behind it", () => {
    const compiled = compileGood([
      ...backends,
      group,
      route("r", [{ backendRefs: [toGroup] }]),
      policy("all", [toRoute(), toXBackend("one"), toGroup], [rpm()], "team-a"),
      policy("behind", [toXBackend("one"), toGroup], [rpm()], "team-a"),
    ]);
    const [rule] = rulesOf(compiled);
    expect(idsOf(rule)).toEqual(["team-a/all/rpm"]);
    expect(perTarget(rule)).toEqual({ one: ["team-a/behind/rpm call"], two: ["team-a/behind/rpm call"] });
  });

  it("are not for copies, nor for authorization servers", () => {
    const mirror = { type: "RequestMirror", requestMirror: { backendRef: toXBackend("two") } };
    const compiled = compileGood([...backends, route("r", [{ filters: [mirror] }]), policy("on-two", toXBackend("two"), [rpm()], "team-a")]);
    const [rule] = rulesOf(compiled);
    expect(rule?.mirrors.map(({ target }) => target.limits)).toEqual([[]]);
  });

  it("keep their accounts when the policy is written anew in another order", () => {
    const [limit] = [rpm({ per: ["Model", "Namespace"] })];
    const first = compileGood([...backends, route("r"), policy("p", toGateway, [limit])]);
    const second = compileGood([policy("p", toGateway, [{ ...limit, per: ["Namespace", "Model"], limit: 700 }]), route("r"), ...backends]);
    expect(rulesOf(second)[0]?.limits).toEqual([{ ...rulesOf(first)[0]?.limits[0], limit: 700 }]);
  });

  it("a policy for what does not exist is told loudly", () => {
    const compiled = compileGood([
      ...backends,
      route("r"),
      policy(
        "p",
        [toGateway, toRoute("lost"), toXBackend("lost"), { ...toGroup, name: "lost" }, { group: "", kind: "Service", name: "lost" }],
        [rpm()],
        "team-a",
      ),
    ]);
    const parents = ["Gateway/team-a/egress", "HTTPRoute/team-a/lost", "XBackend/team-a/lost", "BackendGroup/team-a/lost", "Service/team-a/lost"];
    for (const parent of parents)
      expect([parent, conditionOf(compiled, "UsageLimitPolicy", "p", "Accepted", parent)]).toEqual([parent, "False/TargetNotFound"]);
    expect(warningsOf(compiled).map(([pointer, message]) => [pointer, message?.startsWith("these limits are not attached: ")])).toEqual(
      parents.map((_, index) => [`/spec/targetRefs/${index}`, true]),
    );
    expect(idsOf(rulesOf(compiled)[0])).toEqual([]);
  });

  it("of a rule that does not exist refuse all rules of the route: nobody can tell which was meant", () => {
    const compiled = compileGood([...backends, route("r", [{ name: "a" }]), route("s"), policy("p", toRoute("r", "lost"), [rpm()], "team-a")]);
    const [refused, other] = rulesOf(compiled);
    expect(refused?.action).toMatchObject({ kind: "rejected", reason: "UsageLimitPolicy team-a/p names a rule lost that this route does not have" });
    expect(other?.action.kind).toBe("forward");
    expect(conditionOf(compiled, "UsageLimitPolicy", "p", "Accepted", "HTTPRoute/team-a/r/lost")).toBe("False/TargetNotFound");
    expect(conditionOf(compiled, "HTTPRoute", "r", "Accepted")).toBe("False/Invalid");
  });

  it("with NextTier and nowhere to go are told", () => {
    const next = rpm({ onExceeded: "NextTier" });
    const warned = (...documents: readonly string[]) => warningsOf(compileGood([...backends, group, ...documents])).map(([pointer]) => pointer);
    const viaGroup = route("r", [{ backendRefs: [toGroup] }]);
    expect(
      warned(
        route("r"),
        policy(
          "p",
          toGateway,
          [rpm(), next].map((limit, index) => ({ ...limit, name: `l${index}` })),
        ),
      ),
    ).toEqual(["/spec/limits/1"]);
    expect(warned(viaGroup, policy("p", toGateway, [next]))).toEqual([]);
    expect(warned(viaGroup, policy("p", toXBackend("one"), [next], "team-a"))).toEqual([]);
    expect(warned(viaGroup, policy("p", toXBackend("two"), [next], "team-a"))).toEqual(["/spec/limits/0"]);
    expect(warned(viaGroup, policy("p", toGroup, [next], "team-a"))).toEqual([]);
  });

  it("of money in a currency without prices are told", () => {
    const eur = { name: "eur", unit: "Cost", limit: 5, currency: "EUR", window: { duration: "24h", type: "Calendar" } };
    const prices = own("AIBackendPolicy", "prices", {
      targetRefs: [toXBackend("one")],
      schema: { name: "OpenAI" },
      models: [{ name: "*", price: { inputPerMTok: "1.5", currency: "EUR" } }],
    });
    const documents = [...backends, route("r"), policy("p", toGateway, [eur])];
    expect(warningsOf(compileGood(documents))).toMatchObject([
      ["/spec/limits/0/currency", expect.stringContaining("no AIBackendPolicy names a price in EUR"), expect.anything()],
    ]);
    expect(warningsOf(compileGood([...documents, prices]))).toEqual([]);
  });

  it("of money on Workers, where there are no list prices, are told", () => {
    const usd = { name: "usd", unit: "Cost", limit: 5, window: { duration: "24h", type: "Calendar" } };
    const documents = [xBackend("one"), route("r"), policy("p", toGateway, [usd])];
    const ofMoney = (...more: readonly string[]) =>
      warningsOf(compileGood([...documents, ...more], FETCH_ONLY)).filter(([pointer]) => String(pointer).endsWith("/currency"));
    expect(ofMoney()).toMatchObject([["/spec/limits/0/currency", expect.stringContaining("no list prices on Workers"), expect.anything()]]);
    const models = [{ name: "*", price: { inputPerMTok: "1.5", outputPerMTok: "3" } }];
    expect(ofMoney(own("AIBackendPolicy", "prices", { targetRefs: [toXBackend("one")], schema: { name: "OpenAI" }, models }))).toEqual([]);
    expect(warningsOf(compileGood(documents))).toEqual([]);
  });
});

describe("amounts of money", () => {
  it("are exact to a billionth", () => {
    const amountOf = (limit: number | string) => {
      const cost = { name: "usd", unit: "Cost", limit, window: { duration: "1h" } };
      return rulesOf(compileGood([...backends, route("r"), policy("p", toGateway, [cost])]))[0]?.limits[0]?.limit;
    };
    expect(amountOf("0.1")).toBe(100_000_000);
    expect(amountOf("0.000000001")).toBe(1);
    expect(amountOf("4503599.627370497")).toBe(4_503_599_627_370_497);
    expect(amountOf("9007199.254740991")).toBe(Number.MAX_SAFE_INTEGER);
    expect(amountOf("250.00")).toBe(250_000_000_000);
    expect(amountOf(3)).toBe(3_000_000_000);
    expect(amountOf(0)).toBe(0);
  });
});

describe("a UsageLimitPolicy with a fault", () => {
  const hour = { duration: "1h" };
  const tokens = (more: object) => ({ name: "t", unit: "Tokens", limit: 1, window: hour, ...more });
  it.each<[object, string, RegExp]>([
    [rpm({ limit: "1.5" }), "/spec/limits/0/limit", /requests are whole numbers/],
    [rpm({ limit: 1.5 }), "/spec/limits/0/limit", /whole number, or decimal text such as "250.00", quoted/],
    [rpm({ limit: -1 }), "/spec/limits/0/limit", /limit/],
    [rpm({ limit: "9007199254740992" }), "/spec/limits/0/limit", /must be at most 9007199254740991/],
    [{ name: "c", unit: "Cost", limit: "9007199.254740992", window: hour }, "/spec/limits/0/limit", /must be at most 9007199$/],
    [{ name: "c", unit: "Cost", limit: "1.0000000001", window: hour }, "/spec/limits/0/limit", /decimal text/],
    [{ name: "c", unit: "Cost", limit: "$5", window: hour }, "/spec/limits/0/limit", /decimal text/],
    [rpm({ unit: "Reqests" }), "/spec/limits/0/unit", /unknown value/],
    [rpm({ window: undefined }), "/spec/limits/0/window", /window is needed/],
    [{ name: "c", unit: "Concurrency", limit: 1, window: hour }, "/spec/limits/0/window", /Concurrency has none/],
    [rpm({ window: { duration: "2h", type: "Calendar" } }), "/spec/limits/0/window/duration", /168h \(a week\).*write type: Sliding/],
    [rpm({ window: { duration: "60s", type: "Calendar" } }), "/spec/limits/0/window/duration", /1m, 1h, 24h/],
    [rpm({ window: { duration: "500ms" } }), "/spec/limits/0/window/duration", /from 1s to 720h/],
    [rpm({ window: { duration: "721h" } }), "/spec/limits/0/window/duration", /from 1s to 720h/],
    [rpm({ window: { duration: "1d" } }), "/spec/limits/0/window/duration", /must be a duration/],
    [rpm({ window: { ...hour, type: "Calendar", timeZone: "Mars/Olympus" } }), "/spec/limits/0/window/timeZone", /IANA name/],
    [rpm({ window: { ...hour, type: "Calendar", timeZone: "+01:00" } }), "/spec/limits/0/window/timeZone", /IANA name/],
    [rpm({ window: { ...hour, timeZone: "UTC" } }), "/spec/limits/0/window/timeZone", /sliding one has no midnight/],
    [rpm({ tokens: "Input" }), "/spec/limits/0/unit", /for the unit Tokens/],
    [rpm({ reserveTokens: 1 }), "/spec/limits/0/unit", /for the units Tokens and Cost/],
    [rpm({ currency: "USD" }), "/spec/limits/0/unit", /for the unit Cost/],
    [tokens({ tokens: "Input", tokenExpression: "input" }), "/spec/limits/0/tokenExpression", /exclude each other/],
    [tokens({ tokenExpression: "input*price.input" }), "/spec/limits/0/tokenExpression", /price.input is not for tokens: use unit Cost/],
    [tokens({ tokenExpression: "input+" }), "/spec/limits/0/tokenExpression", /at the end: a number or a name is missing/],
    [
      tokens({ unit: "Cost", costExpression: "input*prise.input" }),
      "/spec/limits/0/costExpression",
      /character 7: prise.input is not known: did you mean price.input/,
    ],
    [rpm({ match: { models: [] } }), "/spec/limits/0/match/models", /leave it out for all/],
    [rpm({ match: { models: ["g*t"] } }), "/spec/limits/0/match/models/0", /one \* at the beginning or at the end/],
    [rpm({ per: ["Caller"] }), "/spec/limits/0/per/0", /unknown value/],
    [rpm({ name: "Not A Name" }), "/spec/limits/0/name", /RFC 1123/],
    [rpm({ onExceeded: "Drop" }), "/spec/limits/0/onExceeded", /Reject, NextTier, Shadow/],
  ])("%j", (limit, pointer, message) => {
    expect(faultsOf([limit])).toEqual([[pointer, expect.stringMatching(message)]]);
  });

  it("in what the whole policy says", () => {
    expect(faultsOf([rpm(), rpm()])).toEqual([["/spec/limits", expect.stringContaining("names of limits must be unique")]]);
    expect(faultsOf([])).toEqual([["/spec/limits", expect.stringContaining("at least one limit")]]);
    expect(faultsOf([rpm()], { localShare: "10%" })).toEqual([["/spec/localShare", expect.stringContaining("for onStoreFailure: Local")]]);
    expect(faultsOf([rpm({ onStoreFailure: "Local" })], { localShare: "10%" })).toEqual([]);
    for (const share of ["0%", "101%", "10", "1.5%"])
      expect(faultsOf([rpm()], { onStoreFailure: "Local", localShare: share })).toEqual([["/spec/localShare", expect.stringContaining("whole percentage")]]);
    expect(faultsOf([rpm()], { targetRefs: [{ ...toGateway, sectionName: "http" }] })).toEqual([
      ["/spec/targetRefs/0/sectionName", expect.stringContaining("a rule of an HTTPRoute")],
    ]);
    expect(faultsOf([rpm()], { targetRefs: [{ ...toGateway, group: "" }] })).toEqual([
      ["/spec/targetRefs/0/kind", expect.stringContaining("do not belong together")],
    ]);
  });

  function faultsOf(limits: readonly object[], more: object = {}) {
    const { faults } = compileAll([GATEWAY, ...backends, route("r"), policy("p", toGateway, limits, "infra", more)]);
    return faults.flatMap((fault) => (fault.severity === "error" ? [[fault.pointer, fault.message]] : []));
  }
});

function warningsOf(compiled: Compiled) {
  return compiled.faults.flatMap((fault) => (fault.severity === "warning" ? [[fault.pointer, fault.message, fault.advice]] : []));
}
