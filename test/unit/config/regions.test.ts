import { describe, expect, it } from "vitest";
import { weighReach } from "../../../src/model/cleared.ts";
import { makeConstraint, makeRegionFacts } from "../../fakes/regions.ts";
import { compileGood, conditionOf, own, route, rulesOf, toXBackend, xBackend } from "./compile-text.ts";

const at = (name: string, region: string | null) => xBackend(name, {}, region === null ? {} : { labels: { "topology.kubernetes.io/region": region } });
const one = at("one", "eu-central-1");
const GATEWAY_TARGET = { group: "gateway.networking.k8s.io", kind: "Gateway", name: "egress" };
const routeTarget = (sectionName?: string) => ({
  group: "gateway.networking.k8s.io",
  kind: "HTTPRoute",
  name: "r",
  ...(sectionName === undefined ? {} : { sectionName }),
});
const namespaceTarget = (name: string) => ({ group: "", kind: "Namespace", name });
const lock = (name: string, target: object, allow: object, namespace = "infra", more: object = {}) =>
  own("RegionPolicy", name, { targetRefs: [target], allow, ...more }, namespace);
const firstRule = (...documents: string[]) => {
  const compiled = compileGood(documents);
  const [rule] = rulesOf(compiled);
  if (rule === undefined) throw new Error("the rule is gone");
  return { compiled, rule };
};
const policies = (found: { readonly constraints: readonly { readonly policy: string }[] } | null | undefined) =>
  found?.constraints.map((constraint) => constraint.policy) ?? null;

describe("region locks", () => {
  it("of Gateway, Namespace, route and rule combine", () => {
    const documents = [
      one,
      route("r", [{ name: "a" }, { name: "b" }]),
      lock("on-gateway", GATEWAY_TARGET, { jurisdictions: ["EU"] }),
      lock("on-namespace", namespaceTarget("team-a"), { countries: ["DE"] }, "team-a"),
      lock("on-route", routeTarget(), { regions: ["eu-central-1"] }, "team-a"),
      lock("on-rule", routeTarget("b"), { regions: ["eu-central-1", "us-east-1"] }, "team-a"),
      lock("elsewhere", namespaceTarget("team-b"), { regions: ["us-east-1"] }, "team-b"),
    ];
    const compiled = compileGood(documents);
    const [a, b] = rulesOf(compiled);
    expect(policies(a?.lock)).toEqual(["infra/on-gateway", "team-a/on-namespace", "team-a/on-route"]);
    expect(policies(b?.lock)).toEqual(["infra/on-gateway", "team-a/on-namespace", "team-a/on-route", "team-a/on-rule"]);
    expect(a?.action.kind).toBe("forward");
    expect(conditionOf(compiled, "HTTPRoute", "r", "Programmed")).toBe("True/Programmed");
  });

  it("resolve jurisdictions to countries, own ones too", () => {
    const { rule } = firstRule(
      one,
      route("r"),
      lock("l", GATEWAY_TARGET, { jurisdictions: ["UK", "nordics"], regions: ["eu"] }, "infra", { jurisdictions: { nordics: ["SE", "NO"] } }),
    );
    expect(rule.lock?.constraints).toEqual([makeConstraint("infra/l", { regions: new Set(["eu"]), countries: new Set(["GB", "SE", "NO"]) })]);
  });

  it("an unknown or redefined jurisdiction only tightens, and is told", () => {
    const unknown = firstRule(one, route("r"), lock("l", GATEWAY_TARGET, { jurisdictions: ["Atlantis"] }));
    expect(conditionOf(unknown.compiled, "RegionPolicy", "l", "Accepted", null)).toBe("False/Invalid");
    expect(unknown.rule.action.kind).toBe("rejected");
    const redefined = firstRule(one, route("r"), lock("l", GATEWAY_TARGET, { jurisdictions: ["EU"] }, "infra", { jurisdictions: { EU: ["US"] } }));
    expect(conditionOf(redefined.compiled, "RegionPolicy", "l", "Accepted", null)).toBe("False/Invalid");
    expect(redefined.rule.lock?.constraints[0]?.countries.has("US")).toBe(false);
  });

  it("reject a rule none of whose targets is inside, with an event", () => {
    const { compiled, rule } = firstRule(
      at("one", "us-east-1"),
      at("two", null),
      route("r", [{ backendRefs: [toXBackend("one"), toXBackend("two")] }]),
      lock("l", GATEWAY_TARGET, { jurisdictions: ["EU"] }),
    );
    expect(rule.action).toMatchObject({ kind: "rejected", reason: expect.stringContaining("us-east-1 is not allowed by RegionPolicy infra/l") });
    expect(conditionOf(compiled, "HTTPRoute", "r", "Programmed")).toBe("False/RegionDenied");
    expect(conditionOf(compiled, "HTTPRoute", "r", "Accepted")).toBe("True/Accepted");
    expect(compiled.events).toEqual([
      {
        type: "config.rejected",
        time: 0,
        subject: "team-a/r/0",
        data: { reason: "RegionDenied", gateway: "infra/egress", message: expect.stringContaining("allowed regions") },
      },
    ]);
  });

  it("leave a rule alone that has one target inside", () => {
    const { rule } = firstRule(
      one,
      at("two", "us-east-1"),
      route("r", [{ backendRefs: [toXBackend("two"), toXBackend("one")] }]),
      lock("l", GATEWAY_TARGET, { jurisdictions: ["EU"] }),
    );
    expect(rule.action.kind).toBe("forward");
  });

  it("look into groups", () => {
    const group = (...names: string[]) =>
      own("BackendGroup", "g", { tiers: names.map((name) => ({ name: `t-${name}`, backends: [{ backendRef: { name } }] })) });
    const toGroup = route("r", [{ backendRefs: [{ group: "spillway.dev", kind: "BackendGroup", name: "g" }] }]);
    const policy = lock("l", GATEWAY_TARGET, { countries: ["DE"] });
    expect(firstRule(one, at("two", "us-east-1"), group("two", "one"), toGroup, policy).rule.action.kind).toBe("forward");
    expect(firstRule(at("two", "us-east-1"), group("two"), toGroup, policy).rule.action.kind).toBe("rejected");
  });

  it("for some callers are kept by namespace; an unknown namespace counts as matched", () => {
    const personal = { appliesTo: { namespaces: { matchLabels: { data: "personal" } } } };
    const { rule } = firstRule(
      at("one", "us-east-1"),
      route("r", [{}], {}),
      lock("all", GATEWAY_TARGET, { jurisdictions: ["EU", "US"] }),
      lock("personal", GATEWAY_TARGET, { jurisdictions: ["EU"] }, "infra", personal),
    );
    const lockFor = (namespace: string) => rule.namespaceLocks.get(namespace) ?? rule.lock;
    expect(rule.action.kind).toBe("forward");
    expect(policies(lockFor("team-a"))).toEqual(["infra/all", "infra/personal"]);
    expect(policies(lockFor("team-b"))).toEqual(["infra/all"]);
    expect(policies(lockFor("nobody-knows"))).toEqual(["infra/all", "infra/personal"]);
    expect(weighReach(makeRegionFacts("us-east-1"), lockFor("team-b")).decision).toBe("allow");
    expect(weighReach(makeRegionFacts("us-east-1"), lockFor("nobody-knows")).decision).toBe("deny");
  });

  it("for some callers only do not lock the others at all", () => {
    const { rule } = firstRule(
      one,
      route("r"),
      lock("personal", GATEWAY_TARGET, { jurisdictions: ["US"] }, "infra", { appliesTo: { namespaces: { matchLabels: { data: "personal" } } } }),
    );
    expect(rule.action.kind).toBe("forward");
    expect(weighReach(makeRegionFacts(null), rule.namespaceLocks.get("team-b") ?? rule.lock).decision).toBe("unlocked");
    expect(weighReach(makeRegionFacts("eu-central-1"), rule.namespaceLocks.get("team-a") ?? rule.lock).decision).toBe("deny");
  });

  it("of a Namespace bind its workloads on routes that stand elsewhere", () => {
    const shared = route("r", [{ backendRefs: [toXBackend("one")] }], { parentRefs: [{ name: "egress" }] }, { namespace: "infra" });
    const { rule } = firstRule(xBackend("one", {}, { namespace: "infra" }), shared, lock("l", namespaceTarget("team-a"), { jurisdictions: ["EU"] }));
    expect(policies(rule.namespaceLocks.get("team-a"))).toEqual(["infra/l"]);
    expect(policies(rule.namespaceLocks.get("team-b") ?? rule.lock)).toEqual([]);
    expect(rule.lock).toBeNull();
  });

  it("hold for a Namespace whose manifest was forgotten", () => {
    const shared = route("r", [{ backendRefs: [toXBackend("one")] }], { parentRefs: [{ name: "egress" }] }, { namespace: "infra" });
    const { rule } = firstRule(xBackend("one", {}, { namespace: "infra" }), shared, lock("l", namespaceTarget("team-z"), { jurisdictions: ["EU"] }));
    expect(policies(rule.namespaceLocks.get("team-z"))).toEqual(["infra/l"]);
    const labelled = lock("l", namespaceTarget("team-z"), { jurisdictions: ["EU"] }, "infra", {
      appliesTo: { namespaces: { matchLabels: { data: "personal" } } },
    });
    const second = firstRule(xBackend("one", {}, { namespace: "infra" }), shared, labelled);
    expect(policies(second.rule.namespaceLocks.get("team-z"))).toEqual(["infra/l"]);
  });

  it("may not be put on another team's Namespace, but for the Gateway's administrators", () => {
    const { compiled, rule } = firstRule(one, route("r"), lock("l", namespaceTarget("team-a"), { regions: ["us"] }, "team-b"));
    expect(conditionOf(compiled, "RegionPolicy", "l", "Accepted")).toBe("False/RefNotPermitted");
    expect(rule.lock).toBeNull();
    expect(policies(firstRule(one, route("r"), lock("l", namespaceTarget("team-a"), { countries: ["DE"] })).rule.lock)).toEqual(["infra/l"]);
  });

  it("refuse all rules of a route when they name a rule that it does not have", () => {
    const { compiled, rule } = firstRule(one, route("r", [{ name: "a" }]), lock("l", routeTarget("typo"), { regions: ["eu-central-1"] }, "team-a"));
    expect(conditionOf(compiled, "RegionPolicy", "l", "Accepted")).toBe("False/TargetNotFound");
    expect(rule.action).toMatchObject({ kind: "rejected", reason: expect.stringContaining("typo") });
  });

  it("say when their target does not exist", () => {
    const reason = (target: object) => conditionOf(compileGood([lock("l", target, { regions: ["eu"] })]), "RegionPolicy", "l", "Accepted");
    expect(reason({ ...GATEWAY_TARGET, name: "gone" })).toBe("False/TargetNotFound");
    expect(compileGood([lock("l", { ...GATEWAY_TARGET, name: "gone" }, { regions: ["eu"] })]).faults).toMatchObject([
      { severity: "warning", kind: "RegionPolicy", pointer: "/spec/targetRefs/0", message: expect.stringContaining("is not attached") },
    ]);
    expect(reason(routeTarget())).toBe("False/TargetNotFound");
  });

  it("a region name that stands in one place only is warned of, with the one that was meant", () => {
    const slip = compileGood([one, route("r"), lock("l", GATEWAY_TARGET, { regions: ["eu-central-1", "eu-centrl-1"] })]);
    expect(slip.faults).toMatchObject([
      {
        severity: "warning",
        name: "l",
        pointer: "/spec/allow/regions/1",
        message: expect.stringContaining("eu-centrl-1"),
        advice: "did you mean eu-central-1?",
      },
    ]);
    const label = compileGood([at("one", "our-cellar"), route("r"), lock("l", GATEWAY_TARGET, { regions: ["eu-central-1"] })]);
    expect(label.faults).toMatchObject([{ severity: "warning", name: "one", message: expect.stringContaining("our-cellar"), advice: null }]);
  });

  it("a region of one's own is no slip when a lock and a backend name it, or nothing is locked", () => {
    expect(compileGood([at("one", "our-cellar"), route("r"), lock("l", GATEWAY_TARGET, { regions: ["our-cellar"] })]).faults).toEqual([]);
    expect(compileGood([at("one", "our-cellar"), route("r")]).faults).toEqual([]);
  });
});
