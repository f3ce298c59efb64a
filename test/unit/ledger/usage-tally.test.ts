import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createUsageTally, FOLDED, type UsageTally } from "../../../src/ledger/usage-tally.ts";
import { addCounts, emptySum } from "../../../src/model/usage-counts.ts";
import type { UsageCounts, UsageKey } from "../../../src/model/usage-store.ts";
import { sumOf } from "../../fakes/usage-records.ts";

const HOUR = 3_600_000;
const one: UsageCounts = { ...emptySum(), requests: 1, inputTokens: 10 };
const keyOf = (namespace: string, model: string): UsageKey => ({ namespace, serviceAccount: "sa", model, backend: "XBackend/a/b", region: "eu" });

function add(tally: UsageTally, from: number, key: UsageKey, counts: UsageCounts): void {
  addCounts(tally.sumOf(from, key), counts);
}

describe("what is added up", () => {
  it("is one row an hour and key, until it is taken", () => {
    const tally = createUsageTally();
    add(tally, 0, keyOf("a", "m"), one);
    add(tally, 0, keyOf("a", "m"), one);
    add(tally, HOUR, keyOf("a", "m"), one);
    add(tally, 0, keyOf("b", "m"), one);
    expect(tally.waiting()).toBe(3);
    expect(tally.take(10).map(({ from, namespace, requests, inputTokens }) => [from, namespace, requests, inputTokens])).toEqual([
      [0, "a", 2, 20],
      [HOUR, "a", 1, 10],
      [0, "b", 1, 10],
    ]);
    expect(tally.take(10)).toEqual([]);
    add(tally, HOUR, keyOf("a", "m"), one);
    expect(tally.take(10)).toMatchObject([{ requests: 1 }]);
  });

  it("comes out in parts", () => {
    const tally = createUsageTally();
    for (let index = 0; index < 25; index += 1) add(tally, 0, keyOf("a", `m${index}`), one);
    expect([tally.take(10).length, tally.take(10).length, tally.take(10).length, tally.take(10).length]).toEqual([10, 10, 5, 0]);
  });
});

describe("bounds", () => {
  const bounds = { keys: 6, keysOfNamespace: 3, rows: 40 };

  it("a namespace that makes up models folds its own models, and nobody else's", () => {
    const tally = createUsageTally(bounds);
    for (let index = 0; index < 50; index += 1) add(tally, 0, keyOf("noisy", `m${index}`), one);
    add(tally, 0, keyOf("calm", "m"), one);
    const rows = tally.take(100);
    expect(rows.filter(({ namespace }) => namespace === "noisy").map(({ model, requests }) => [model, requests])).toEqual([
      ["m0", 1],
      ["m1", 1],
      ["m2", 1],
      [FOLDED, 47],
    ]);
    expect(rows.find(({ namespace }) => namespace === "calm")).toMatchObject({ model: "m", serviceAccount: "sa" });
  });

  it("the bounds hold for the hour, however often it was taken", () => {
    const tally = createUsageTally(bounds);
    const seen = new Set<string>();
    for (let index = 0; index < 50; index += 1) {
      add(tally, 0, keyOf("noisy", `m${index}`), one);
      for (const { model } of tally.take(10)) seen.add(model);
    }
    expect([...seen]).toEqual(["m0", "m1", "m2", FOLDED]);
  });

  it("an hour that is over leaves nothing behind", () => {
    const tally = createUsageTally({ ...bounds, rows: 4 });
    for (let hour = 0; hour < 50; hour += 1) {
      add(tally, hour * HOUR, keyOf("a", "m"), one);
      expect(tally.take(10)).toMatchObject([{ model: "m" }]);
    }
  });

  it("keeps every count and every namespace's sum, whatever comes", () => {
    const calls = fc.array(
      fc.record({
        from: fc.integer({ min: 0, max: 3 }),
        namespace: fc.constantFrom("a", "b", "c", "d", "e"),
        model: fc.integer({ min: 0, max: 30 }),
        take: fc.boolean(),
      }),
      { maxLength: 300 },
    );
    fc.assert(
      fc.property(calls, (made) => {
        // Room for a row of each namespace in each of the four hours, and not for much more.
        const tally = createUsageTally({ keys: 6, keysOfNamespace: 3, rows: 12 });
        const rows = made.flatMap(({ from, namespace, model, take }) => {
          add(tally, from * HOUR, keyOf(namespace, `m${model}`), one);
          return take ? tally.take(2) : [];
        });
        rows.push(...tally.take(1_000));
        expect(sumOf(rows)).toEqual(sumOf(made.map(() => one)));
        for (const hour of [0, 1, 2, 3])
          expect(sumOf(rows.filter(({ from }) => from === hour * HOUR)).requests).toBe(made.filter(({ from }) => from === hour).length);
        // A namespace's row holds its own calls only.
        for (const name of ["a", "b", "c", "d", "e"])
          expect(sumOf(rows.filter(({ namespace }) => namespace === name)).requests).toBeLessThanOrEqual(
            made.filter(({ namespace }) => namespace === name).length,
          );
      }),
    );
  });

  it("nobody is beyond the bounds: a row for all who are left", () => {
    const tally = createUsageTally({ keys: 2, keysOfNamespace: 2, rows: 100 });
    for (let index = 0; index < 1_000; index += 1) add(tally, 0, keyOf(`ns-${index}`, "m"), one);
    const rows = tally.take(1_000);
    expect(rows.length).toBeLessThanOrEqual(8);
    expect(rows.at(-1)).toMatchObject({ namespace: FOLDED, serviceAccount: FOLDED, backend: FOLDED });
    expect(sumOf(rows).requests).toBe(1_000);
  });
});
