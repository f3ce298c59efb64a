import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { watchPace } from "../../../adapters/knative/pace-watch.ts";

describe("the pace of a body", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /** Seconds after which the caller is given up, or null within ten minutes. */
  function givenUpAfter(eachSecond: (pace: ReturnType<typeof watchPace>, second: number) => void): number | null {
    let slow = false;
    const pace = watchPace(() => {
      slow = true;
    });
    for (let second = 1; second <= 600; second += 1) {
      eachSecond(pace, second);
      vi.advanceTimersByTime(1_000);
      if (slow) return second;
    }
    pace.stop();
    return null;
  }

  it("a byte a second is given up within 28 seconds", () => {
    expect(givenUpAfter((pace) => pace.heard(1))).toBeLessThanOrEqual(28);
  });

  it("silence is given up within 28 seconds, from the start and after a fast beginning", () => {
    expect(givenUpAfter(() => {})).toBeLessThanOrEqual(28);
    expect(givenUpAfter((pace, second) => second === 1 && pace.heard(100_000_000))).toBeLessThanOrEqual(29);
  });

  it("a slow line that goes on is let be", () => {
    expect(givenUpAfter((pace) => pace.heard(1_100))).toBe(null);
  });

  it("time in which we did not want to read does not count", () => {
    expect(
      givenUpAfter((pace, second) => {
        if (second === 1) pace.heard(70_000);
        if (second === 2) pace.wanting(false);
        if (second === 500) pace.wanting(true);
      }),
    ).toBeGreaterThan(520);
  });
});
