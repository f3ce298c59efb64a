import { describe, expect, it } from "vitest";
import { createLocalWindow } from "../../../../src/policy/limits/local-window.ts";

const PERIOD_LEFT = 4_321;

describe("an instance's own share", () => {
  it("has room to the unit, and never for more than itself", () => {
    const local = createLocalWindow({ kind: "sliding", ms: 6_000 });
    expect(local.roomInMs(10, 10, 0, PERIOD_LEFT)).toBe(0);
    expect(local.roomInMs(11, 10, 0, PERIOD_LEFT)).toBeNull();
    local.hold(4);
    expect(local.roomInMs(6, 10, 0, PERIOD_LEFT)).toBe(0);
    // What is held ends with its call: when, nobody knows, but in a window's time it may.
    expect(local.roomInMs(7, 10, 0, PERIOD_LEFT)).toBe(6_000);
    local.settle(4, 0, 0);
    expect(local.roomInMs(10, 10, 0, PERIOD_LEFT)).toBe(0);
  });

  it("of a sliding window counts what was used until its part has been over for the window's length", () => {
    const local = createLocalWindow({ kind: "sliding", ms: 6_000 });
    local.hold(3);
    local.settle(3, 3, 1_000);
    local.hold(2);
    local.settle(2, 2, 1_099);
    local.hold(5);
    local.settle(5, 5, 1_100);
    // The part from 1,000 to 1,100 counts until 7,100, the next until 7,200.
    expect(local.roomInMs(5, 10, 1_200, PERIOD_LEFT)).toBe(5_900);
    expect(local.roomInMs(6, 10, 1_200, PERIOD_LEFT)).toBe(6_000);
    expect(local.roomInMs(1, 10, 7_099, PERIOD_LEFT)).toBe(1);
    expect(local.roomInMs(1, 10, 7_099.5, PERIOD_LEFT)).toBe(1);
    expect(local.roomInMs(5, 10, 7_100, PERIOD_LEFT)).toBe(0);
    expect(local.roomInMs(6, 10, 7_100, PERIOD_LEFT)).toBe(100);
    expect(local.roomInMs(10, 10, 7_200, PERIOD_LEFT)).toBe(0);
  });

  it("counts what was really used, be it more or less than was held", () => {
    const local = createLocalWindow({ kind: "sliding", ms: 60_000 });
    local.hold(3);
    local.settle(3, 8, 0);
    expect(local.roomInMs(2, 10, 0, PERIOD_LEFT)).toBe(0);
    expect(local.roomInMs(3, 10, 0, PERIOD_LEFT)).toBeGreaterThan(0);
    local.hold(2);
    local.settle(2, 1, 0);
    expect(local.roomInMs(1, 10, 0, PERIOD_LEFT)).toBe(0);
    expect(local.roomInMs(2, 10, 0, PERIOD_LEFT)).toBeGreaterThan(0);
  });

  it("of a calendar window counts all until its period is over", () => {
    const local = createLocalWindow({ kind: "calendar", period: "day", timeZone: "UTC" });
    for (const now of [0, 50_000, 90_000_000]) {
      local.hold(5);
      local.settle(5, 3, now);
    }
    expect(local.roomInMs(1, 10, 1e12, PERIOD_LEFT)).toBe(0);
    expect(local.roomInMs(2, 10, 1e12, PERIOD_LEFT)).toBe(PERIOD_LEFT);
    expect(local.roomInMs(11, 10, 1e12, PERIOD_LEFT)).toBeNull();
  });

  it("without a window counts what is held, and says to ask again in a second", () => {
    const local = createLocalWindow(null);
    local.hold(2);
    expect(local.roomInMs(1, 2, 0, PERIOD_LEFT)).toBe(1_000);
    local.settle(2, 2, 0);
    expect(local.roomInMs(2, 2, 0, PERIOD_LEFT)).toBe(0);
  });
});
