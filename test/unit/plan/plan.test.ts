import { describe, expect, it } from "vitest";
import type { ApiProfile } from "../../../src/model/backend.ts";
import { Refusal } from "../../../src/model/errors.ts";
import type { Planned } from "../../../src/model/planned.ts";
import { ALWAYS_HEALTHY, type HealthView } from "../../../src/plan/health.ts";
import { type PlanRequest, plan } from "../../../src/plan/plan.ts";
import { PlanRefusal } from "../../../src/plan/plan-refusal.ts";
import { makeApi, makeGroup, makeLock, makeRouted, makeTarget, weighted } from "./make-target.ts";

const PLAIN: PlanRequest = { model: null, serves: () => true };
const serves = (api: ApiProfile): boolean => api.schema === "OpenAI";
const CHAT: PlanRequest = { model: "gpt-5", serves };
const first = () => 0;

const keys = (planned: Planned) => planned.candidates.map((one) => one.target.backend.key);
const reasons = (planned: { readonly excluded: Planned["excluded"] }) => planned.excluded.map((one) => `${one.backend}:${one.reason}`);

function refusalOf(act: () => unknown): Refusal {
  try {
    act();
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

/** Health by hand: which backends are out. */
function sick(out: readonly string[]): HealthView {
  return { available: (key) => !out.includes(key) };
}

describe("plan: targets of a rule", () => {
  it("splits by weight within one percent, and never picks weight 0", () => {
    const routed = makeRouted([weighted(70, makeTarget("a")), weighted(30, makeTarget("b")), weighted(0, makeTarget("zero"))]);
    const counts = new Map<string, number>();
    const draws = 1_000;
    for (let i = 0; i < draws; i += 1) {
      const [key] = keys(plan(routed, PLAIN, ALWAYS_HEALTHY, () => (i + 0.5) / draws));
      counts.set(key ?? "", (counts.get(key ?? "") ?? 0) + 1);
    }
    expect(counts.get("a")).toBeCloseTo(700, -1);
    expect(counts.get("b")).toBeCloseTo(300, -1);
    expect(counts.has("zero")).toBe(false);
  });

  it("puts the rule's other usable backends behind the picked one, as one tier", () => {
    const invalid = weighted(1, { kind: "invalid", reason: "BackendNotFound" });
    const routed = makeRouted([weighted(1, makeTarget("a")), invalid, weighted(1, makeTarget("b")), weighted(0, makeTarget("c"))]);
    const planned = plan(routed, PLAIN, ALWAYS_HEALTHY, () => 0.99);
    expect(keys(planned)).toEqual(["b", "a"]);
    expect(planned.candidates.map((one) => one.tier)).toEqual([0, 0]);
  });

  it("refuses the share of calls that falls on a reference that cannot be used", () => {
    const routed = makeRouted([weighted(1, makeTarget("a")), weighted(1, { kind: "invalid", reason: "RefNotPermitted: no grant" })]);
    const refusal = refusalOf(() => plan(routed, PLAIN, ALWAYS_HEALTHY, () => 0.5));
    expect(refusal).toMatchObject({ code: "backend_invalid", status: 500, detail: "RefNotPermitted: no grant" });
    expect(keys(plan(routed, PLAIN, ALWAYS_HEALTHY, () => 0.49))).toEqual(["a"]);
  });

  it.each([
    ["no targets", []],
    ["only weight 0", [weighted(0, makeTarget("a"))]],
    ["an empty group", [weighted(1, makeGroup([[]]))]],
  ])("refuses with 500: %s", (_, targets) => {
    expect(refusalOf(() => plan(makeRouted(targets), PLAIN, ALWAYS_HEALTHY, first))).toMatchObject({ code: "route_rejected", status: 500 });
  });

  it("keeps the tiers of a group in order and draws inside each", () => {
    const group = makeGroup([
      [[1, makeTarget("local")]],
      [
        [1, makeTarget("x")],
        [99, makeTarget("y")],
        [0, makeTarget("z")],
      ],
    ]);
    const planned = plan(makeRouted([weighted(1, group)]), PLAIN, ALWAYS_HEALTHY, () => 0.5);
    expect(keys(planned)).toEqual(["local", "y", "x"]);
    expect(planned.candidates.map((one) => one.tier)).toEqual([0, 1, 1]);
    expect(planned.candidates.every((one) => one.failover !== null)).toBe(true);
  });

  it("bounds the attempts of a tier by those that would be made", () => {
    const group = makeGroup(
      [
        [
          [3, makeTarget("a")],
          [2, makeTarget("b")],
          [1, makeTarget("c")],
        ],
        [[1, makeTarget("d")]],
      ],
      1,
    );
    expect(keys(plan(makeRouted([weighted(1, group)]), PLAIN, ALWAYS_HEALTHY, first))).toEqual(["a", "d"]);
    expect(keys(plan(makeRouted([weighted(1, group)]), PLAIN, sick(["a"]), first))).toEqual(["b", "d"]);
  });
});

describe("plan: the lock speaks first", () => {
  const lock = makeLock({ countries: ["DE"] });
  const group = makeGroup([
    [[1, makeTarget("us", { region: "us-east-1" })]],
    [[1, makeTarget("eu", { region: "eu-central-1" })]],
    [[1, makeTarget("nowhere")]],
  ]);

  it("leaves out what it denies, with the evidence, and keeps what it allows", () => {
    const planned = plan(makeRouted([weighted(1, group)], { lock }), PLAIN, ALWAYS_HEALTHY, first);
    expect(keys(planned)).toEqual(["eu"]);
    expect(reasons(planned)).toEqual(["us:region", "nowhere:region"]);
    expect(planned.excluded[0]?.evidence).toMatchObject({ decision: "deny", regions: ["us-east-1"] });
    expect(planned.candidates[0]?.evidence).toMatchObject({ decision: "allow", regions: ["eu-central-1"] });
  });

  it("does not let a denied backend back in when all others are out", () => {
    expect(keys(plan(makeRouted([weighted(1, group)], { lock }), PLAIN, sick(["eu"]), first))).toEqual(["eu"]);
  });

  it("refuses with 403 and the evidence when it denies all", () => {
    const refusal = refusalOf(() => plan(makeRouted([weighted(1, makeTarget("us", { region: "us-east-1" }))], { lock }), PLAIN, ALWAYS_HEALTHY, first));
    expect(refusal).toMatchObject({ code: "region_locked", status: 403 });
    expect(refusal.detail).toContain("us-east-1 is not allowed by RegionPolicy policies/lock-0");
    expect(refusal instanceof PlanRefusal && reasons(refusal)).toEqual(["us:region"]);
  });
});

describe("plan: dialect and model", () => {
  const anthropic = makeTarget("anthropic", { api: makeApi({ schema: "Anthropic" }) });
  const listed = makeTarget("listed", { api: makeApi({ models: [{ name: "gpt-5*", upstream: null, price: null }], onUnknownModel: "Reject" }) });

  it("leaves out a backend that speaks another API", () => {
    const planned = plan(makeRouted([weighted(1, makeGroup([[[1, anthropic]], [[1, listed]]]))]), CHAT, ALWAYS_HEALTHY, first);
    expect(keys(planned)).toEqual(["listed"]);
    expect(reasons(planned)).toEqual(["anthropic:dialect"]);
    expect(refusalOf(() => plan(makeRouted([weighted(1, anthropic)]), CHAT, ALWAYS_HEALTHY, first))).toMatchObject({
      code: "translation_unsupported",
      status: 400,
    });
  });

  it("takes a backend of unknown API, and plain HTTP to any", () => {
    expect(keys(plan(makeRouted([weighted(1, makeTarget("plain"))]), CHAT, ALWAYS_HEALTHY, first))).toEqual(["plain"]);
    expect(keys(plan(makeRouted([weighted(1, anthropic)]), PLAIN, ALWAYS_HEALTHY, first))).toEqual(["anthropic"]);
  });

  it("refuses an unknown model, and a model that could not be read, where the backend rejects what it does not list", () => {
    const routed = makeRouted([weighted(1, listed)], { inference: true });
    expect(refusalOf(() => plan(routed, { model: "o9", serves }, ALWAYS_HEALTHY, first))).toMatchObject({ code: "model_unknown", status: 404 });
    expect(refusalOf(() => plan(routed, { model: null, serves }, ALWAYS_HEALTHY, first))).toMatchObject({ code: "model_unknown" });
    expect(keys(plan(makeRouted([weighted(1, listed)]), { model: null, serves }, ALWAYS_HEALTHY, first))).toEqual(["listed"]);
  });

  it("asks for the target's own model where it has one", () => {
    const renamed = { ...listed, model: "gpt-5.5" };
    expect(keys(plan(makeRouted([weighted(1, renamed)], { inference: true }), { model: "o9", serves }, ALWAYS_HEALTHY, first))).toEqual(["listed"]);
  });
});

describe("plan: health", () => {
  const three = makeRouted([weighted(1, makeGroup([[[1, makeTarget("a")]], [[1, makeTarget("b")]], [[1, makeTarget("c")]]]))]);

  it("leaves out what is evicted", () => {
    const planned = plan(three, PLAIN, sick(["a"]), first);
    expect(keys(planned)).toEqual(["b", "c"]);
    expect(reasons(planned)).toEqual(["a:evicted"]);
  });

  it("keeps all in order when all are evicted", () => {
    const planned = plan(three, PLAIN, sick(["a", "b", "c"]), first);
    expect(keys(planned)).toEqual(["a", "b", "c"]);
    expect(planned.excluded).toEqual([]);
  });
});
