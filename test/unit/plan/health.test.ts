import { describe, expect, it } from "vitest";
import type { EgressEvent } from "../../../src/model/event.ts";
import { createHealth } from "../../../src/plan/health.ts";
import { createFakeClock } from "../../fakes/clock.ts";

const RULE = { consecutiveFailures: 3, evictForMs: 30_000, maxEvictForMs: 100_000 };
const KEY = "XBackend/team-a/one";

function setUp(random: () => number = () => 0) {
  const clock = createFakeClock();
  const events: EgressEvent[] = [];
  const health = createHealth(clock, random, (event) => events.push(event));
  const fail = (times = 1, retryAfterMs: number | null = null) => {
    for (let i = 0; i < times; i += 1) health.failed(KEY, RULE, "counts", retryAfterMs);
  };
  return { clock, events, health, fail, types: () => events.map((event) => event.type) };
}

describe("eviction", () => {
  it("comes after the failures in a row that the rule asks for, and not before", () => {
    const { health, fail, types } = setUp();
    fail(2);
    expect(health.available(KEY)).toBe(true);
    fail();
    expect(health.available(KEY)).toBe(false);
    expect(types()).toEqual(["backend.degraded"]);
  });

  it("does not count failures with a success between them, or with a long quiet", async () => {
    const { clock, health, fail } = setUp();
    fail(2);
    health.succeeded(KEY);
    fail(2);
    expect(health.available(KEY)).toBe(true);
    await clock.advance(61_000);
    fail();
    expect(health.available(KEY)).toBe(true);
  });

  it("comes at once for what ejects", () => {
    const { health } = setUp();
    health.failed(KEY, RULE, "ejects", null);
    expect(health.available(KEY)).toBe(false);
    expect(health.available("another")).toBe(true);
  });

  it("is one for one outage: calls that were under way do not lengthen it", async () => {
    const { clock, health, fail, types } = setUp();
    fail(50);
    await clock.advance(30_000);
    expect(health.available(KEY)).toBe(true);
    expect(types()).toEqual(["backend.degraded"]);
  });

  it("is shorter by up to a fifth, so that instances do not probe in step", async () => {
    const { clock, health, fail } = setUp(() => 1);
    fail(3);
    await clock.advance(23_999);
    expect(health.available(KEY)).toBe(false);
    await clock.advance(1);
    expect(health.available(KEY)).toBe(true);
  });
});

describe("half-open", () => {
  it("gives one probe at a time", async () => {
    const { clock, health, fail } = setUp();
    fail(3);
    expect(health.claim(KEY)).toBe(false);
    await clock.advance(30_000);
    expect([health.claim(KEY), health.claim(KEY), health.available(KEY)]).toEqual([true, false, false]);
  });

  it("ends with the probe's success", async () => {
    const { clock, health, fail, events } = setUp();
    fail(3);
    await clock.advance(30_000);
    health.claim(KEY);
    health.succeeded(KEY);
    expect([health.claim(KEY), health.claim(KEY)]).toEqual([true, true]);
    expect(events[1]).toMatchObject({ type: "backend.recovered", subject: KEY, data: { backend: KEY, afterMs: 30_000 } });
  });

  it("doubles with each failed probe, up to the maximum", async () => {
    const { clock, health, fail, types } = setUp();
    fail(3);
    for (const expected of [30_000, 60_000, 100_000, 100_000]) {
      await clock.advance(expected - 1);
      expect(health.available(KEY)).toBe(false);
      await clock.advance(1);
      expect(health.claim(KEY)).toBe(true);
      fail();
    }
    expect(types()).toEqual(["backend.degraded"]);
  });

  it("offers another probe when the first never reports", async () => {
    const { clock, health, fail } = setUp();
    fail(3);
    await clock.advance(30_000);
    expect(health.claim(KEY)).toBe(true);
    await clock.advance(30_000);
    expect(health.claim(KEY)).toBe(true);
  });

  it("doubles for a backend that fails again soon after it came back, and begins anew for one that stayed well", async () => {
    const { clock, health, fail } = setUp();
    fail(3);
    await clock.advance(30_000);
    health.succeeded(KEY);
    fail(3);
    await clock.advance(59_999);
    expect(health.available(KEY)).toBe(false);
    await clock.advance(1);
    health.succeeded(KEY);
    await clock.advance(60_000);
    fail(3);
    await clock.advance(30_000);
    expect(health.available(KEY)).toBe(true);
  });
});

describe("Retry-After", () => {
  it("parks at the first failure, never for less than was asked", async () => {
    const { clock, health, fail } = setUp(() => 0.5);
    fail(1, 10_000);
    expect(health.parkedUntil(KEY)).toBe(clock.monotonic() + 11_000);
    await clock.advance(10_999);
    expect(health.available(KEY)).toBe(false);
    await clock.advance(1);
    expect(health.available(KEY)).toBe(true);
    expect(health.parkedUntil(KEY)).toBeNull();
  });

  it("is not cut short by the success of another call", () => {
    const { health, fail } = setUp();
    fail(1, 10_000);
    health.succeeded(KEY);
    expect(health.available(KEY)).toBe(false);
  });

  it("takes the longest of several waits, and lets one probe through after it", async () => {
    const { clock, health, fail } = setUp();
    fail(1, 10_000);
    fail(1, 2_000);
    await clock.advance(9_999);
    expect(health.available(KEY)).toBe(false);
    await clock.advance(1);
    expect([health.claim(KEY), health.claim(KEY)]).toEqual([true, false]);
  });

  it("is at most ten minutes", async () => {
    const { clock, health } = setUp();
    health.failed(KEY, { ...RULE, maxEvictForMs: 86_400_000 }, "counts", 86_400_000);
    await clock.advance(599_999);
    expect(health.available(KEY)).toBe(false);
    await clock.advance(1);
    expect(health.available(KEY)).toBe(true);
  });

  it("is at most what the rule calls the longest", async () => {
    const { clock, health, fail } = setUp();
    fail(1, 86_400_000);
    await clock.advance(99_999);
    expect(health.available(KEY)).toBe(false);
    await clock.advance(1);
    expect(health.available(KEY)).toBe(true);
  });
});

describe("what is remembered", () => {
  it("is shown with its state", async () => {
    const { clock, health, fail } = setUp();
    health.succeeded("never-failed");
    fail();
    expect(health.snapshot()).toEqual([{ backend: KEY, state: "healthy", consecutiveFailures: 1, availableInMs: 0 }]);
    fail(2);
    expect(health.snapshot()).toMatchObject([{ state: "evicted", availableInMs: 30_000 }]);
    await clock.advance(30_000);
    expect(health.snapshot()).toMatchObject([{ state: "probing" }]);
    health.failed("two", RULE, "counts", 5_000);
    expect(health.snapshot()[1]).toMatchObject({ backend: "two", state: "parked", availableInMs: 5_000 });
  });

  it("goes with the backends that a reload drops", () => {
    const { health, fail } = setUp();
    fail(3);
    health.retain(new Set(["other"]));
    expect(health.available(KEY)).toBe(true);
    expect(health.snapshot()).toEqual([]);
  });

  it("is bounded", () => {
    const { health } = setUp();
    for (let i = 0; i < 5_000; i += 1) health.failed(`backend-${i}`, RULE, "counts", null);
    expect(health.snapshot().length).toBeLessThanOrEqual(4_096);
    expect(health.snapshot().at(-1)?.backend).toBe("backend-4999");
  });

  it("does not depend on the wall clock", async () => {
    const { clock, health, fail } = setUp();
    fail(3);
    clock.jump(3_600_000);
    expect(health.available(KEY)).toBe(false);
  });
});
