import { describe, expect, it } from "vitest";
import type { CompiledRule } from "../../../src/model/snapshot.ts";
import { compileGood, conditionOf, own, route, rulesOf, toXBackend, xBackend } from "./compile-text.ts";

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
});
