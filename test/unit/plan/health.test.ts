import { describe, expect, it } from "vitest";
import type { EgressEvent } from "../../../src/model/event.ts";
import { createHealth, EVERYTHING, type FailureSigns } from "../../../src/plan/health.ts";
import { createFakeClock } from "../../fakes/clock.ts";

const RULE = { consecutiveFailures: 3, evictForMs: 30_000, maxEvictForMs: 100_000 };
const KEY = "XBackend/team-a/one";

const OPEN = { status: 503 } as const;
/** What a failure with `Retry-After` says. */
const waits = (retryAfterMs: number | null, of: string | null = EVERYTHING): FailureSigns => ({ retryAfterMs, waits: of, status: 429, slow: false });
const SILENT: FailureSigns = { retryAfterMs: null, waits: EVERYTHING, status: 503, slow: true };

function setUp(random: () => number = () => 0) {
  const clock = createFakeClock();
  const events: EgressEvent[] = [];
  const health = createHealth(clock, random, (event) => events.push(event));
  const fail = (times = 1, retryAfterMs: number | null = null) => {
    for (let i = 0; i < times; i += 1) health.failed(KEY, RULE, "counts", waits(retryAfterMs));
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
    health.failed(KEY, RULE, "ejects");
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

  it("F14: is shorter by up to a fifth, so that instances do not probe in step", async () => {
    const { clock, health, fail } = setUp(() => 1);
    fail(3);
    await clock.advance(23_999);
    expect(health.available(KEY)).toBe(false);
    await clock.advance(1);
    expect(health.available(KEY)).toBe(true);
  });
});

describe("half-open", () => {
  it("F14: gives one probe at a time", async () => {
    const { clock, health, fail } = setUp();
    fail(3);
    expect(health.claim(KEY, null)).toMatchObject(OPEN);
    await clock.advance(30_000);
    expect([health.claim(KEY, null), health.claim(KEY, null), health.available(KEY)]).toMatchObject(["probe", OPEN, false]);
  });

  it("ends with the probe's success", async () => {
    const { clock, health, fail, events } = setUp();
    fail(3);
    await clock.advance(30_000);
    health.claim(KEY, null);
    health.succeeded(KEY);
    expect([health.claim(KEY, null), health.claim(KEY, null)]).toEqual(["free", "free"]);
    expect(events[1]).toMatchObject({ type: "backend.recovered", subject: KEY, data: { backend: KEY, afterMs: 30_000 } });
  });

  it("F14: doubles with each failed probe, up to the maximum", async () => {
    const { clock, health, fail, types } = setUp();
    fail(3);
    for (const expected of [30_000, 60_000, 100_000, 100_000]) {
      await clock.advance(expected - 1);
      expect(health.available(KEY)).toBe(false);
      await clock.advance(1);
      expect(health.claim(KEY, null)).toBe("probe");
      fail();
    }
    expect(types()).toEqual(["backend.degraded"]);
  });

  it("F14: offers another probe when the first never reports", async () => {
    const { clock, health, fail } = setUp();
    fail(3);
    await clock.advance(30_000);
    expect(health.claim(KEY, null)).toBe("probe");
    await clock.advance(30_000);
    expect(health.claim(KEY, null)).toBe("probe");
  });

  it("F14: gives a probe that told nothing to the next call at once", async () => {
    const { clock, health, fail } = setUp();
    fail(3);
    await clock.advance(30_000);
    expect(health.claim(KEY, null)).toBe("probe");
    health.release(KEY, "probe");
    expect([health.claim(KEY, null), health.claim(KEY, null)]).toMatchObject(["probe", OPEN]);
    // One that reported has nothing to give back.
    fail();
    health.release(KEY, "probe");
    expect(health.available(KEY)).toBe(false);
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
    expect(health.claim(KEY, "anything")).toEqual({ status: 429, retryAfterMs: 11_000 });
    await clock.advance(10_999);
    expect(health.available(KEY)).toBe(false);
    await clock.advance(1);
    expect(health.available(KEY)).toBe(true);
    expect(health.claim(KEY, "anything")).toBe("probe");
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
    expect([health.claim(KEY, null), health.claim(KEY, null)]).toMatchObject(["probe", OPEN]);
  });

  it("is at most ten minutes", async () => {
    const { clock, health } = setUp();
    health.failed(KEY, { ...RULE, maxEvictForMs: 86_400_000 }, "counts", waits(86_400_000));
    await clock.advance(599_999);
    expect(health.available(KEY)).toBe(false);
    await clock.advance(1);
    expect(health.available(KEY)).toBe(true);
  });

  it("is at most twice what the rule calls the longest", async () => {
    const { clock, health, fail } = setUp();
    fail(1, 86_400_000);
    await clock.advance(199_999);
    expect(health.available(KEY)).toBe(false);
    await clock.advance(1);
    expect(health.available(KEY)).toBe(true);
  });
});

describe("where nobody else is left", () => {
  const anybody = "anything";

  it("a backend that fails at once is called all the same: it costs nobody time", () => {
    const { health, fail } = setUp();
    fail(3);
    expect([health.claim(KEY, anybody), health.claim(KEY, anybody)]).toEqual(["free", "free"]);
  });

  it("F13: for a backend that hangs one call waits, and the others are told at once when to come back", async () => {
    const { clock, health } = setUp();
    for (let i = 0; i < 3; i += 1) health.failed(KEY, RULE, "counts", SILENT);
    expect(health.claim(KEY, anybody)).toBe("alone");
    expect(health.claim(KEY, anybody)).toEqual({ status: 504, retryAfterMs: 5_000 });
    health.failed(KEY, RULE, "counts", SILENT);
    expect(health.claim(KEY, anybody)).toEqual({ status: 504, retryAfterMs: 5_000 });
    health.release(KEY, "alone");
    expect(health.claim(KEY, anybody)).toBe("alone");
    // Should it never report.
    await clock.advance(29_999);
    expect(health.claim(KEY, anybody)).toMatchObject({ status: 504 });
    health.succeeded(KEY);
    expect([health.claim(KEY, anybody), health.claim(KEY, anybody)]).toEqual(["free", "free"]);
  });

  it("F1: a wait is kept by calls for the model that it is about, and by no others", async () => {
    const { clock, health } = setUp();
    health.failed(KEY, RULE, "counts", waits(20_000, "large"));
    expect(health.claim(KEY, "large")).toEqual({ status: 429, retryAfterMs: 20_000 });
    expect([health.claim(KEY, "small"), health.claim(KEY, anybody)]).toEqual(["free", "free"]);
    // The small model's answer says nothing of the large one's limit.
    health.succeeded(KEY);
    await clock.advance(19_000);
    expect(health.claim(KEY, "large")).toEqual({ status: 429, retryAfterMs: 1_000 });
    await clock.advance(1_000);
    expect(health.claim(KEY, "large")).toBe("probe");
  });

  it("F1: a wait of one caller's own is kept by nobody else", () => {
    const { health } = setUp();
    health.failed(KEY, RULE, "counts", waits(20_000, null));
    expect(health.available(KEY)).toBe(false);
    expect(health.claim(KEY, "large")).toBe("free");
  });

  it("waits of more models than can be told apart count for all", () => {
    const { health } = setUp();
    for (let i = 0; i < 65; i += 1) health.failed(KEY, RULE, "counts", waits(20_000, `model-${i}`));
    expect(health.claim(KEY, "another")).toEqual({ status: 429, retryAfterMs: 20_000 });
  });
});

describe("what is remembered", () => {
  it("is shown with its state", async () => {
    const { clock, health, fail } = setUp();
    health.succeeded("never-failed");
    fail();
    expect(health.snapshot()).toEqual([{ backend: KEY, namespace: null, state: "healthy", consecutiveFailures: 1, availableInMs: 0 }]);
    fail(2);
    expect(health.snapshot()).toMatchObject([{ state: "evicted", availableInMs: 30_000 }]);
    await clock.advance(30_000);
    expect(health.snapshot()).toMatchObject([{ state: "probing" }]);
    health.failed("two", RULE, "counts", waits(5_000));
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
    for (let i = 0; i < 5_000; i += 1) health.failed(`backend-${i}`, RULE, "counts");
    expect(health.snapshot().length).toBeLessThanOrEqual(4_096);
    expect(health.snapshot().at(-1)?.backend).toBe("backend-4999");
  });

  it("F31: does not depend on the wall clock", async () => {
    const { clock, health, fail } = setUp();
    fail(3);
    clock.jump(3_600_000);
    expect(health.available(KEY)).toBe(false);
  });
});
