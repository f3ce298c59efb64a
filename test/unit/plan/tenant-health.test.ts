import fc from "fast-check";
import { expect, it } from "vitest";
import { createDegradations } from "../../../src/attribution/create-degradations.ts";
import type { EgressEvent } from "../../../src/model/event.ts";
import { EVERYTHING, type FailureSigns, NO_SIGNS } from "../../../src/plan/health.ts";
import { createTenantHealth } from "../../../src/plan/tenant-health.ts";
import { createFakeClock } from "../../fakes/clock.ts";

const RULE = { consecutiveFailures: 3, evictForMs: 30_000, maxEvictForMs: 300_000 };
const KEY = "XBackend/shared/one";
const SLOW: FailureSigns = { ...NO_SIGNS, slow: true };
const AUTHOR_RULE = { consecutiveFailures: 1, evictForMs: 86_400_000, maxEvictForMs: 86_400_000 };

function setUp() {
  const clock = createFakeClock();
  const events: EgressEvent[] = [];
  const degraded = createDegradations(clock, null);
  const health = createTenantHealth(
    clock,
    () => 0,
    (event) => events.push(event),
    degraded,
  );
  const fail = (namespace: string, times = 3, signs: FailureSigns = NO_SIGNS, rule = RULE) => {
    for (let i = 0; i < times; i += 1) health.failed(KEY, namespace, { rule, kind: "counts", signs, whose: "caller" });
  };
  const refuse = (namespace: string, rule = RULE) => health.failed(KEY, namespace, { rule, kind: "ejects", signs: NO_SIGNS, whose: "backend" });
  return { clock, events, degraded, health, fail, refuse, isIn: (namespace: string) => health.viewOf(namespace).available(KEY) };
}

it("what one namespace alone sees takes the backend out for it, and for nobody else, however often", () => {
  const { events, degraded, health, fail, isIn } = setUp();
  fail("a", 100, SLOW);
  expect([isIn("a"), isIn("b")]).toEqual([false, true]);
  // Nor is it for the others a backend that hangs.
  expect(health.claim(KEY, "b", "m")).toBe("free");
  expect(events.map(({ type, subject, data }) => ({ type, subject, namespace: data["namespace"] }))).toEqual([
    { type: "backend.degraded", subject: KEY, namespace: "a" },
  ]);
  expect(degraded.list().map(({ part, subject }) => `${part} ${subject}`)).toEqual([`backend ${KEY} for a`]);
  expect(health.snapshot().map(({ backend, namespace, state }) => ({ backend, namespace, state }))).toEqual([
    { backend: KEY, namespace: "a", state: "evicted" },
  ]);
});

it("what two namespaces see, each by itself, takes it out for all, and one good probe brings it back for all", async () => {
  const { clock, events, degraded, health, fail, isIn } = setUp();
  fail("a");
  fail("b", 2);
  expect(isIn("c")).toBe(true);
  fail("b", 1);
  expect([isIn("a"), isIn("b"), isIn("c")]).toEqual([false, false, false]);
  await clock.advance(30_001);
  const probe = health.claim(KEY, "c", null);
  expect(probe).toMatchObject({ turn: "probe" });
  // One at a time, whosever the next call is.
  expect(health.claim(KEY, "b", null)).toMatchObject({ status: 503 });
  health.succeeded(KEY, "c");
  expect([isIn("a"), isIn("b"), isIn("c")]).toEqual([true, true, true]);
  expect(degraded.list()).toEqual([]);
  expect(events.filter(({ type }) => type === "backend.recovered")).toHaveLength(3);
});

it("a failure that no caller can bring about takes it out for all at once, and not for longer than five minutes, whatever a group says", async () => {
  const { clock, refuse, isIn } = setUp();
  refuse("a", AUTHOR_RULE);
  expect([isIn("a"), isIn("b")]).toEqual([false, false]);
  await clock.advance(300_001);
  expect([isIn("a"), isIn("b")]).toEqual([true, true]);
});

it("a rule of one tenant's group counts for that tenant", async () => {
  const { clock, fail, isIn } = setUp();
  fail("a", 1, NO_SIGNS, AUTHOR_RULE);
  await clock.advance(300_001);
  expect([isIn("a"), isIn("b")]).toEqual([false, true]);
});

it("a wait that the backend asks of a credential that all share is everybody's, one of a caller's own credential is not, however many have one", () => {
  const { fail, isIn } = setUp();
  const own: FailureSigns = { retryAfterMs: 60_000, waits: null, status: 429, slow: false };
  fail("a", 3, own);
  fail("b", 3, own);
  expect([isIn("a"), isIn("b"), isIn("c")]).toEqual([false, false, true]);
  fail("c", 1, { ...own, waits: EVERYTHING });
  expect([isIn("a"), isIn("b"), isIn("c"), isIn("d")]).toEqual([false, false, false, false]);
});

it("a turn that told nothing goes to the next call, and a probe of a namespace is given back to that namespace", async () => {
  const { clock, health, fail } = setUp();
  fail("a");
  await clock.advance(30_001);
  const first = health.claim(KEY, "a", null);
  expect(health.claim(KEY, "a", null)).toMatchObject({ status: 503 });
  if (typeof first === "object" && "turn" in first) first.release();
  expect(health.claim(KEY, "a", null)).toMatchObject({ turn: "probe" });
});

it("a reload forgets what is gone, and what was seen of it", () => {
  const { degraded, health, fail, isIn } = setUp();
  fail("a");
  health.retain(new Set());
  expect([health.snapshot(), degraded.list(), isIn("a")]).toEqual([[], [], true]);
  fail("b");
  expect([isIn("b"), isIn("c")]).toEqual([false, true]);
});

it("no order of one namespace's failures, successes and pauses takes a backend from another (law)", async () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant("fail" as const), slow: fc.boolean() }),
    fc.constant({ do: "good" as const }),
    fc.record({ do: fc.constant("wait" as const), ms: fc.integer({ min: 1, max: 400_000 }) }),
    fc.constant({ do: "claim" as const }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const { clock, health, fail, isIn } = setUp();
      for (const one of steps) {
        if (one.do === "fail") fail("a", 1, one.slow ? SLOW : NO_SIGNS, AUTHOR_RULE);
        else if (one.do === "good") health.succeeded(KEY, "a");
        else if (one.do === "claim") health.claim(KEY, "a", "m");
        else await clock.advance(one.ms);
        expect(isIn("b")).toBe(true);
        expect(health.claim(KEY, "b", "m")).toBe("free");
      }
    }),
    { numRuns: 100 },
  );
});
