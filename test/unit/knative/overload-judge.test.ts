import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createOverloadJudge, type OverloadJudge } from "../../../adapters/knative/overload-judge.ts";
import { evenly, type ModelledCall, runLoop } from "./loop-model.ts";

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
  for (let ticks = 0; ticks < 4; ticks += 1) {
    judge.admits();
    if (judge.judge(sample) !== null) return judge;
  }
  throw new Error("four bad samples are an overload");
}

describe("the judge of an instance's load", () => {
  it("F17: begins an overload with the fourth late sample in a row and not before", () => {
    const judge = createOverloadJudge();
    for (let tick = 0; tick < 3; tick += 1) {
      judge.admits();
      expect(judge.judge(LATE)).toBeNull();
    }
    judge.admits();
    expect(judge.judge(LATE)).toBe("event_loop");
    expect(judgeBusy(judge, CALM)).toBeLessThan(100);
  });

  it("F17: where turns of the loop are long, three of them are enough: each lasts longer than a sample", () => {
    const judge = createOverloadJudge();
    const verdicts = Array.from({ length: 3 }, () => {
      judge.admits();
      return judge.judge({ lagMs: 400, memory: 0.4 });
    });
    expect(verdicts).toEqual([null, null, "event_loop"]);
  });

  it("F17: memory above 80 % is an overload too, and says so", () => {
    const judge = createOverloadJudge();
    expect([FULL, FULL, FULL, FULL].map((sample) => judge.judge(sample))).toEqual([null, null, null, "memory"]);
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

  it("F17: ends with the fourth good sample in a row with which every call was admitted", () => {
    const judge = overloaded({ lagMs: 1_000, memory: 0.4 });
    // From a half to all in six: five tenths are a hair less than a half.
    const ends = Array.from({ length: 10 }, () => judge.judge(CALM));
    expect(ends).toEqual([...Array.from({ length: 9 }, () => "event_loop"), null]);
    expect(judgeBusy(judge, CALM)).toBe(100);
    // The next begins with three bad samples again.
    expect([LATE, LATE].map((sample) => judgeBusy(judge, sample))).toEqual([100, 100]);
    expect(judge.judge(CALM)).toBeNull();
  });

  it("F17: a bad sample in that second begins it anew", () => {
    const judge = overloaded({ lagMs: 1_000, memory: 0.4 });
    for (let tick = 0; tick < 8; tick += 1) judge.judge(CALM);
    expect(judgeBusy(judge, { lagMs: 101, memory: 0.4 })).toBe(100);
    // From nine tenths to all in one or two, and then four.
    const ends = Array.from({ length: 6 }, () => judge.judge(CALM));
    expect(ends.slice(0, 4)).not.toContain(null);
    expect(ends.at(-1)).toBeNull();
  });

  it("F17: samples at the bounds are good, and bad ones count in a row only", () => {
    const judge = createOverloadJudge();
    for (let tick = 0; tick < 10; tick += 1) expect(judgeBusy(judge, { lagMs: 100, memory: 0.8 })).toBe(100);
    for (const sample of [LATE, LATE, CALM, LATE, FULL, CALM, FULL, FULL]) expect(judgeBusy(judge, sample)).toBe(100);
    expect(judge.judge(CALM)).toBeNull();
  });

  it("keeps the cause with which it began", () => {
    const judge = overloaded(FULL);
    judge.admits();
    expect(judge.judge(LATE)).toBe("memory");
    expect(judge.judge(CALM)).toBe("memory");
    const late = overloaded(LATE);
    expect(late.judge(FULL)).toBe("event_loop");
  });

  it.each([
    [{ lagMs: 101, memory: 0.4 }, 900],
    [{ lagMs: 125, memory: 0.4 }, 800],
    [{ lagMs: 160, memory: 0.4 }, 625],
    [{ lagMs: 9_000, memory: 0.4 }, 500],
    [{ lagMs: 101, memory: 0.81 }, 500],
  ])("F17: admits less by as much as the loop is late, at most by half: %j", (sample, admitted) => {
    expect(Math.abs(judgeCount(overloaded(sample), 1_000) - admitted)).toBeLessThanOrEqual(1);
  });

  it.each([
    [CALM, 600],
    [{ lagMs: 49, memory: 0.69 }, 600],
    [{ lagMs: 50, memory: 0.4 }, 520],
    [{ lagMs: 2, memory: 0.7 }, 520],
    [{ lagMs: 100, memory: 0.8 }, 520],
  ])("F17: admits a tenth more after a calm sample, a fiftieth more after one between calm and late: %j", (sample, admitted) => {
    const judge = overloaded({ lagMs: 1_000, memory: 0.4 });
    judge.admits();
    judge.judge(sample);
    expect(Math.abs(judgeCount(judge, 1_000) - admitted)).toBeLessThanOrEqual(1);
  });

  it("F17: refuses every other call where it admits a half", () => {
    const judge = overloaded({ lagMs: 1_000, memory: 0.4 });
    expect(Array.from({ length: 6 }, () => judge.admits())).toEqual([false, true, false, true, false, true]);
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

describe("the judge before a loop in model, which serves a thousand calls a second", () => {
  const LOOP = { callMs: 1, turns: 5, patienceMs: 1_000 };
  const SECONDS = 20;
  const at = (times: number, refusalMs: number, judge: OverloadJudge | null) =>
    runLoop({ ...LOOP, refusalMs, arrivals: evenly(1_000 * times, 0, SECONDS * 1_000) }, judge);
  const count = (calls: readonly ModelledCall[], end: ModelledCall["end"]) => calls.filter((call) => call.end === end).length;
  /** Of the capacity. */
  const goodput = (calls: readonly ModelledCall[]) => count(calls, "good") / (1_000 * SECONDS);

  it("F17: at twice the capacity 80 % of the peak's answers are good, its beginning included; without a judge not one in ten is", () => {
    expect(goodput(at(2, 0.06, createOverloadJudge()))).toBeGreaterThanOrEqual(0.8);
    expect(goodput(at(2, 0.06, null))).toBeLessThan(0.1);
  });

  it.each([
    [1.1, 0.15],
    [1.5, 0.08],
    [1.5, 0.15],
    [2, 0.15],
    [3, 0.08],
  ])("F17: at %f times the capacity, with refusals that cost %f of a call, at least three quarters of what these leave are good", (times, refusal) => {
    const possible = Math.min(1, (1 - times * refusal) / (1 - refusal));
    expect(goodput(at(times, refusal, createOverloadJudge()))).toBeGreaterThanOrEqual(possible * 0.75);
  });

  it("F17: a burst that is served within the second refuses nobody, at once or spread", () => {
    for (const gapMs of [0, 0.5, 0.9]) {
      const arrivals = Array.from({ length: 1_000 }, (_, index) => 10 + index * gapMs);
      const calls = runLoop({ ...LOOP, refusalMs: 0.1, patienceMs: 60_000, arrivals }, createOverloadJudge());
      expect(count(calls, "good")).toBe(1_000);
    }
  });

  it("F17: a thousand connections that each bring three milliseconds of work at nearly twice the capacity: one in ten is refused at most", () => {
    const arrivals = Array.from({ length: 1_000 }, (_, index) => 10 + index * 1.8);
    const calls = runLoop({ ...LOOP, callMs: 3, refusalMs: 0.1, patienceMs: 60_000, arrivals }, createOverloadJudge());
    expect(count(calls, "refused")).toBeLessThanOrEqual(100);
    expect(count(calls, "late")).toBe(0);
  });
});
