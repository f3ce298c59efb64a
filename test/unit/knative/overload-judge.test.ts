import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createOverloadJudge, type OverloadJudge } from "../../../adapters/knative/overload-judge.ts";

const CALM = { lagMs: 2, memory: 0.4 };
const LATE = { lagMs: 180, memory: 0.4 };
const FULL = { lagMs: 2, memory: 0.85 };

/** Judges after calls have asked to come in, as often as given; gives how many were admitted before. */
function judgeBusy(judge: OverloadJudge, sample: { readonly lagMs: number; readonly memory: number }, calls = 100): number {
  let admitted = 0;
  for (let call = 0; call < calls; call += 1) if (judge.admits()) admitted += 1;
  judge.judge(sample);
  return admitted;
}

function overloaded(sample = LATE): OverloadJudge {
  const judge = createOverloadJudge();
  for (let tick = 0; tick < 3; tick += 1) judgeBusy(judge, sample);
  return judge;
}

describe("the judge of an instance's load", () => {
  it("F17: begins an overload with the third late sample in a row and not before", () => {
    const judge = createOverloadJudge();
    judge.admits();
    expect(judge.judge(LATE)).toBeNull();
    judge.admits();
    expect(judge.judge(LATE)).toBeNull();
    judge.admits();
    expect(judge.judge(LATE)).toBe("event_loop");
    expect(judgeBusy(judge, CALM)).toBeLessThan(100);
  });

  it("F17: memory above 80 % is an overload too, and says so", () => {
    const judge = createOverloadJudge();
    expect([FULL, FULL, FULL].map((sample) => judge.judge(sample))).toEqual([null, null, "memory"]);
  });

  it("F17: a pause for garbage or a reload, however long, refuses nobody", () => {
    const judge = createOverloadJudge();
    const pauses = [CALM, { lagMs: 900, memory: 0.5 }, { lagMs: 140, memory: 0.5 }, CALM, { lagMs: 400, memory: 0.5 }, CALM];
    for (const sample of pauses) expect(judgeBusy(judge, sample)).toBe(100);
    expect(judge.judge(CALM)).toBeNull();
  });

  it("a loop that is late while nobody asks to come in is no overload: a platform gave the process no CPU", () => {
    const judge = createOverloadJudge();
    for (let tick = 0; tick < 20; tick += 1) expect(judge.judge({ lagMs: 60_000, memory: 0.3 })).toBeNull();
    expect(judge.admits()).toBe(true);
  });

  it("F17: takes fewer calls the longer it lasts, but never none", () => {
    const judge = overloaded();
    const admitted = Array.from({ length: 30 }, () => judgeBusy(judge, LATE, 1_000));
    for (const [index, count] of admitted.entries()) expect(count).toBeLessThanOrEqual((admitted[index - 1] ?? 1_000) + 1);
    expect(admitted.at(-1)).toBe(20);
  });

  it("F17: is over after a second of calm with every call admitted, and not at the first calm sample", () => {
    const judge = overloaded({ lagMs: 1_000, memory: 0.4 });
    let ticks = 0;
    let all = 0;
    for (; judge.judge(CALM) !== null; ticks += 1) {
      const admitted = Array.from({ length: 100 }, () => judge.admits()).filter(Boolean).length;
      all = admitted === 100 ? all + 1 : 0;
      if (ticks > 60) throw new Error("it never ends");
    }
    expect(all).toBeGreaterThanOrEqual(3);
    // From one half to all of it, and a second more: 250 ms a sample.
    expect(ticks * 250).toBeGreaterThanOrEqual(1_500);
    expect(ticks * 250).toBeLessThanOrEqual(3_500);
  });

  it("memory that stays between calm and full does not shut an instance for good", () => {
    const judge = overloaded(FULL);
    for (let tick = 0; tick < 20; tick += 1) judge.judge(FULL);
    let ticks = 0;
    while (judge.judge({ lagMs: 2, memory: 0.75 }) !== null) ticks += 1;
    expect(ticks * 250).toBeLessThanOrEqual(15_000);
  });

  it("spreads refusals evenly: of n calls it admits its share of n, whatever n is", () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ lagMs: fc.integer({ min: 0, max: 2_000 }), memory: fc.double({ min: 0, max: 1, noNaN: true }) }), { maxLength: 60 }),
        (samples) => {
          const judge = overloaded();
          for (const sample of samples) {
            const first = judgeCount(judge, 500);
            const second = judgeCount(judge, 500);
            expect(Math.abs(first - second)).toBeLessThanOrEqual(1);
            judge.judge(sample);
          }
        },
      ),
      { numRuns: 30 },
    );
  });
});

function judgeCount(judge: OverloadJudge, calls: number): number {
  let admitted = 0;
  for (let call = 0; call < calls; call += 1) if (judge.admits()) admitted += 1;
  return admitted;
}
