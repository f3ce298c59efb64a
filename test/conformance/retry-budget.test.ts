import { describe, expect, it } from "vitest";
import { createRetryBudget } from "../../src/plan/retry-budget.ts";
import { createFakeClock } from "../fakes/clock.ts";
import { install } from "../pipeline/installation.ts";
import { backendOf, compileGood, conditionOf, route, xBackend } from "../unit/config/compile-text.ts";

/** XBackendTrafficPolicy.retryConstraint (GEP-3388); upstream has no conformance test of it yet. */
const policy = (name: string, spec: object, target: object = { group: "gateway.networking.x-k8s.io", kind: "XBackend", name: "one" }) =>
  JSON.stringify({
    apiVersion: "gateway.networking.x-k8s.io/v1alpha1",
    kind: "XBackendTrafficPolicy",
    metadata: { name, namespace: "team-a" },
    spec: { targetRefs: [target], ...spec },
  });
const compiled = (...policies: readonly string[]) => compileGood([xBackend("one"), route("r"), ...policies]);
const ONE = "XBackend/team-a/one";

describe("a retry budget in manifests", () => {
  it("has the standard's defaults, and no policy leaves the broker's own", () => {
    expect(backendOf(compiled(), ONE).retryBudget).toBeNull();
    expect(backendOf(compiled(policy("p", {})), ONE).retryBudget).toBeNull();
    expect(backendOf(compiled(policy("p", { retryConstraint: {} })), ONE).retryBudget).toEqual({
      percent: 20,
      intervalMs: 10_000,
      floor: 10,
      floorIntervalMs: 1_000,
    });
    const constraint = { budget: { percent: 5, interval: "1m" }, minRetryRate: { count: 3, interval: "2s" } };
    expect(backendOf(compiled(policy("p", { retryConstraint: constraint })), ONE).retryBudget).toEqual({
      percent: 5,
      intervalMs: 60_000,
      floor: 3,
      floorIntervalMs: 2_000,
    });
  });

  it.each([
    ["an interval beyond an hour", { retryConstraint: { budget: { interval: "2h" } } }, "False/Invalid"],
    ["an interval below a second", { retryConstraint: { minRetryRate: { interval: "10ms" } } }, "False/Invalid"],
    ["sessionPersistence", { retryConstraint: {}, sessionPersistence: { sessionName: "a" } }, "False/UnsupportedValue"],
    ["a good one", { retryConstraint: {} }, "True/Accepted"],
  ])("%s is %s", (_, spec, expected) => {
    const result = compiled(policy("p", spec));
    expect(conditionOf(result, "XBackendTrafficPolicy", "p", "Accepted", ONE)).toBe(expected);
    if (expected.startsWith("False")) expect(backendOf(result, ONE).retryBudget).toBeNull();
  });

  it("needs a target that exists, and of two the first by name counts", () => {
    const other = compiled(policy("p", { retryConstraint: {} }, { group: "apps", kind: "Deployment", name: "one" }));
    expect(conditionOf(other, "XBackendTrafficPolicy", "p", "Accepted")).toBe("False/TargetNotFound");
    const two = compiled(policy("b", { retryConstraint: { budget: { percent: 1 } } }), policy("a", { retryConstraint: { budget: { percent: 2 } } }));
    expect(backendOf(two, ONE).retryBudget?.percent).toBe(2);
    expect(conditionOf(two, "XBackendTrafficPolicy", "b", "Accepted")).toBe("False/Conflicted");
  });
});

describe("a retry budget at work", () => {
  const RULE = { percent: 10, intervalMs: 60_000, floor: 2, floorIntervalMs: 1_000 };

  it("lets through its share or its floor, whichever is more, each over its own interval", async () => {
    const clock = createFakeClock();
    const budget = createRetryBudget(clock);
    const drain = () => {
      let count = 0;
      for (; budget.allow("a", RULE) && count < 100; count += 1) budget.charge("a", true, RULE);
      return count;
    };
    expect(drain()).toBe(2);
    await clock.advance(1_000);
    expect(drain()).toBe(2);
    for (let at = 0; at < 100; at += 1) budget.charge("a", false, RULE);
    // Ten are a tenth of a hundred, and four of them are spent.
    expect(drain()).toBe(6);
    await clock.advance(60_000);
    expect(drain()).toBe(2);
  });

  it("begins anew when the policy changes", () => {
    const budget = createRetryBudget(createFakeClock());
    for (let at = 0; at < 5; at += 1) budget.charge("a", true, RULE);
    expect(budget.allow("a", RULE)).toBe(false);
    expect(budget.allow("a", { ...RULE, floor: 3 })).toBe(true);
  });

  it("answers 503 beyond it, whatever the destination says, and without a policy the destination's own last status", async () => {
    const rule = "    retry: {codes: [500], attempts: 1, backoff: 1ms}\n";
    const more =
      "apiVersion: gateway.networking.x-k8s.io/v1alpha1\nkind: XBackendTrafficPolicy\nmetadata: {name: p, namespace: team-a}\nspec:\n  targetRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: first}]\n  retryConstraint: {budget: {percent: 0}, minRetryRate: {count: 2, interval: 10s}}";
    const statuses = async (documents: string | undefined) => {
      const one = install({ backends: [{ name: "first", port: 8001 }], rule, ...(documents === undefined ? {} : { more: documents }) });
      one.transport.script("first", { status: 500, body: "down" });
      const seen: (number | undefined)[] = [];
      for (let call = 0; call < 5; call += 1) {
        const { fake, done } = one.begin();
        await one.clock.advance(10);
        await done;
        seen.push(fake.received()?.status);
      }
      return { seen, sent: one.transport.sent.length };
    };
    expect(await statuses(more)).toEqual({ seen: [500, 500, 503, 503, 503], sent: 7 });
    expect(await statuses(undefined)).toEqual({ seen: [500, 500, 500, 500, 500], sent: 8 });
  });
});
