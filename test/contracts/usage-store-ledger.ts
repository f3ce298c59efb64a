import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Incident, MAX_ROWS, type UsageBatch, type UsageCounts, type UsageKey, type UsageRow, UsageStoreError } from "../../src/index.ts";
import { DAY_MS, signal, type UsageStoreTrial } from "./usage-store.ts";

const HOUR_MS = 3_600_000;
const NOTHING: UsageCounts = {
  requests: 0,
  errors: 0,
  limited: 0,
  inputTokens: 0,
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
  audioTokens: 0,
  costNanos: 0,
  unpriced: 0,
  estimated: 0,
};
const SOMEBODY: UsageKey = { namespace: "team-a", serviceAccount: "chat", model: "gpt-test", backend: "egress/openai", region: "eu-central-1,eu-west-1" };

export function rowOf(from: number, row: Partial<UsageRow> = {}): UsageRow {
  return { ...SOMEBODY, ...NOTHING, requests: 1, ...row, from };
}

function incidentOf(incident: Partial<Incident>): Incident {
  const { time = 0 } = incident;
  return {
    time,
    kind: "denied",
    id: `call-${time}`,
    namespace: "team-a",
    serviceAccount: "chat",
    route: "egress/r",
    model: "m",
    backend: "",
    reason: "limit_exceeded",
    detail: "One sentence.",
    ...incident,
  };
}

/** The law of usage and incidents. */
export function testLedger({ subject, store, other, fresh }: UsageStoreTrial): void {
  const hourNow = () => Math.floor(subject().now() / HOUR_MS) * HOUR_MS;
  const batchOf = (batch: Partial<UsageBatch> & { realm: string }): UsageBatch => ({ id: fresh("batch"), rows: [], incidents: [], ...batch });
  const usageOf = (realm: string, interval: "hour" | "day", from = 0, to = 2 ** 50) => other().usage({ realm, interval, from, to }, signal);
  const byText = (rows: readonly UsageRow[]) => rows.map((row) => JSON.stringify(row, Object.keys(rowOf(0)).sort())).sort();

  describe("usage", () => {
    it("adds up rows of the same hour and key, and the days of them", async () => {
      const realm = fresh("realm");
      const midnight = Math.floor(subject().now() / DAY_MS) * DAY_MS - DAY_MS;
      const counts = {
        requests: 2,
        errors: 1,
        limited: 1,
        inputTokens: 100,
        cacheReadTokens: 7,
        cacheWriteTokens: 8,
        outputTokens: 50,
        reasoningTokens: 9,
        audioTokens: 3,
        costNanos: 123_456,
        unpriced: 1,
        estimated: 1,
      };
      await store().record(batchOf({ realm, rows: [rowOf(midnight, counts), rowOf(midnight, { model: "other" }), rowOf(midnight + HOUR_MS)] }), signal);
      await other().record(batchOf({ realm, rows: [rowOf(midnight, counts), rowOf(midnight + 24 * HOUR_MS)] }), signal);
      const twice = Object.fromEntries(Object.entries(counts).map(([count, value]) => [count, 2 * value]));
      expect(byText(await usageOf(realm, "hour"))).toEqual(
        byText([rowOf(midnight, twice), rowOf(midnight, { model: "other" }), rowOf(midnight + HOUR_MS), rowOf(midnight + DAY_MS)]),
      );
      expect(byText(await usageOf(realm, "day"))).toEqual(
        byText([rowOf(midnight, { ...twice, requests: 5 }), rowOf(midnight, { model: "other" }), rowOf(midnight + DAY_MS)]),
      );
      expect(await usageOf(fresh("realm"), "hour")).toEqual([]);
    });

    it("gives what begins in the time asked for, its end not included", async () => {
      const realm = fresh("realm");
      const hour = hourNow() - 5 * HOUR_MS;
      await store().record(batchOf({ realm, rows: [0, 1, 2, 3].map((at) => rowOf(hour + at * HOUR_MS, { requests: at + 1 })) }), signal);
      const requests = async (from: number, to: number) => (await usageOf(realm, "hour", from, to)).map((row) => row.requests).sort();
      expect(await requests(hour + HOUR_MS, hour + 3 * HOUR_MS)).toEqual([2, 3]);
      expect(await requests(hour + 1, hour + HOUR_MS + 1)).toEqual([2]);
      expect(await requests(hour, hour)).toEqual([]);
    });

    it("records a batch once, however often and wherever it is sent", async () => {
      const realm = fresh("realm");
      const batch = batchOf({ realm, rows: [rowOf(hourNow(), { inputTokens: 10 })], incidents: [incidentOf({ time: hourNow() })] });
      await Promise.all(Array.from({ length: 50 }, (_, at) => (at % 2 === 0 ? store() : other()).record(batch, signal)));
      await store().record(batch, signal);
      if (!subject().realTime) {
        await subject().pass(599_000);
        await store().record(batch, signal);
      }
      expect(await usageOf(realm, "day")).toMatchObject([{ requests: 1, inputTokens: 10 }]);
      expect(await store().incidents(realm, 10, signal)).toHaveLength(1);
    });

    it("adds up fifty batches that are sent at once", async () => {
      const realm = fresh("realm");
      const hour = hourNow();
      await Promise.all(
        Array.from({ length: 50 }, (_, at) =>
          (at % 2 === 0 ? store() : other()).record(batchOf({ realm, rows: [rowOf(hour, { costNanos: at }), rowOf(hour, { model: `m${at % 5}` })] }), signal),
        ),
      );
      expect((await usageOf(realm, "hour")).map((row) => [row.model, row.requests]).sort()).toEqual([
        ["gpt-test", 50],
        ...[0, 1, 2, 3, 4].map((model) => [`m${model}`, 10]),
      ]);
      expect((await usageOf(realm, "day")).find((row) => row.model === "gpt-test")?.costNanos).toBe((49 * 50) / 2);
    });

    it("keeps hours for 8 days and days for 400", async () => {
      const realm = fresh("realm");
      const midnight = Math.floor(subject().now() / DAY_MS) * DAY_MS;
      const ago = (days: number) => rowOf(midnight - days * DAY_MS, { requests: days });
      await store().record(batchOf({ realm, rows: [ago(7), ago(9), ago(399), ago(401)] }), signal);
      expect((await usageOf(realm, "hour")).map((row) => row.requests)).toEqual([7]);
      expect((await usageOf(realm, "day")).map((row) => row.requests).sort((one, next) => one - next)).toEqual([7, 9, 399]);
      if (subject().realTime) return;
      await subject().pass(2 * DAY_MS);
      expect(await usageOf(realm, "hour")).toEqual([]);
      expect((await usageOf(realm, "day")).map((row) => row.requests).sort((one, next) => one - next)).toEqual([7, 9]);
    });

    it("counts exactly up to 2^53, and no further", async () => {
      const realm = fresh("realm");
      const odd = 4_503_599_627_370_497;
      const record = (costNanos: number) => store().record(batchOf({ realm, rows: [rowOf(hourNow(), { costNanos })] }), signal);
      const cost = async () => (await usageOf(realm, "day"))[0]?.costNanos;
      await record(odd);
      await record(1);
      expect(await cost()).toBe(odd + 1);
      await record(odd - 4);
      expect(await cost()).toBe(2 * odd - 3);
      await record(odd);
      expect(await cost()).toBe(Number.MAX_SAFE_INTEGER);
    });

    it("takes any names, and tells apart what looks alike", async () => {
      const realm = fresh("realm");
      const odd = [
        "",
        " ",
        "a",
        "A",
        "ä",
        "a\u0308",
        "a|b",
        "a,b",
        'a","b',
        "a:b",
        "}{x}",
        "line\n\u0000",
        "日本/😀",
        "\ud800",
        "__proto__",
        "é".repeat(1_024),
      ];
      const rows = odd.flatMap((name) =>
        (["namespace", "serviceAccount", "model", "backend", "region"] as const).map((field) => rowOf(hourNow(), { namespace: "n", [field]: name })),
      );
      await store().record(batchOf({ realm, rows }), signal);
      expect(byText(await usageOf(realm, "hour"))).toEqual(byText(rows));
    });

    it("takes the largest batch", async () => {
      const realm = fresh("realm");
      const rows = Array.from({ length: MAX_ROWS }, (_, at) => rowOf(hourNow() - (at % 3) * HOUR_MS, { model: `${"m".repeat(100)}-${at}`, inputTokens: at }));
      await store().record(batchOf({ realm, rows }), signal);
      expect(byText(await usageOf(realm, "hour"))).toEqual(byText(rows));
      expect((await usageOf(realm, "day")).reduce((sum, row) => sum + row.inputTokens, 0)).toBe(rows.reduce((sum, row) => sum + row.inputTokens, 0));
    });

    it("loses nothing and adds nothing, whatever is recorded", async () => {
      const row = fc.record({ at: fc.nat(30), model: fc.constantFrom("a", "b"), tokens: fc.nat(1_000) });
      await fc.assert(
        fc.asyncProperty(fc.array(fc.uniqueArray(row, { maxLength: 6, selector: ({ at, model }) => `${at} ${model}` }), { maxLength: 6 }), async (batches) => {
          const realm = fresh("law");
          const hour = hourNow();
          const sums = { hour: new Map<string, number>(), day: new Map<string, number>() };
          for (const [index, batch] of batches.entries()) {
            const rows = batch.map(({ at, model, tokens }) => rowOf(hour - at * HOUR_MS, { model, outputTokens: tokens }));
            await (index % 2 === 0 ? store() : other()).record(batchOf({ realm, rows }), signal);
            for (const { from, model, outputTokens } of rows) {
              for (const [interval, length] of [
                ["hour", HOUR_MS],
                ["day", DAY_MS],
              ] as const) {
                const key = `${Math.floor(from / length) * length} ${model}`;
                sums[interval].set(key, (sums[interval].get(key) ?? 0) + outputTokens);
              }
            }
          }
          for (const interval of ["hour", "day"] as const) {
            expect(new Map((await usageOf(realm, interval)).map((kept) => [`${kept.from} ${kept.model}`, kept.outputTokens]))).toEqual(sums[interval]);
          }
        }),
        { numRuns: Math.min(20, subject().runs ?? 20) },
      );
    });

    it("refuses what no store may take, and records nothing of it", async () => {
      const realm = fresh("realm");
      const right = rowOf(hourNow());
      const wrongRows: readonly Partial<UsageRow>[] = [
        ...[0.5, -1, Number.NaN, 2 ** 53].flatMap((count) => [{ requests: count }, { costNanos: count }, { estimated: count }, { from: count }]),
        { from: hourNow() + 1 },
        { model: "m".repeat(1_025) },
        { region: "m".repeat(1_025) },
      ];
      for (const wrong of wrongRows) {
        const batch = batchOf({ realm, rows: [right, { ...rowOf(hourNow(), { model: "wrong" }), ...wrong }] });
        await expect(store().record(batch, signal)).rejects.toBeInstanceOf(UsageStoreError);
      }
      const wrongs: readonly Partial<UsageBatch>[] = [
        { id: "" },
        { id: "i".repeat(201) },
        { realm: "" },
        { rows: [right, right] },
        { rows: Array.from({ length: MAX_ROWS + 1 }, (_, at) => ({ ...right, model: `${at}` })) },
        { incidents: Array.from({ length: 501 }, (_, time) => incidentOf({ time })) },
        { incidents: [incidentOf({ time: Number.NaN })] },
        { incidents: [incidentOf({ detail: "d".repeat(1_025) })] },
      ];
      for (const wrong of wrongs)
        await expect(store().record({ ...batchOf({ realm, rows: [right] }), ...wrong }, signal)).rejects.toBeInstanceOf(UsageStoreError);
      for (const [from, to] of [
        [1, 0],
        [0.5, 1],
        [Number.NaN, 1],
        [-1, 1],
      ] as const)
        await expect(usageOf(realm, "day", from, to)).rejects.toBeInstanceOf(UsageStoreError);
      expect(await usageOf(realm, "hour")).toEqual([]);
      expect(await usageOf(realm, "day")).toEqual([]);
    });
  });

  describe("incidents", () => {
    it("gives the newest first, whole, and no more than asked for", async () => {
      const realm = fresh("realm");
      const now = subject().now();
      const [old, middle, young] = [
        incidentOf({ time: now - 3_000, detail: "é\u0000\"'{}😀" }),
        incidentOf({ time: now - 2_000, kind: "failover", backend: "egress/a" }),
        incidentOf({ time: now - 1_000, namespace: "" }),
      ];
      expect(await store().incidents(realm, 10, signal)).toEqual([]);
      await store().record(batchOf({ realm, incidents: [middle, young] }), signal);
      await other().record(batchOf({ realm, incidents: [old] }), signal);
      expect(await store().incidents(realm, 10, signal)).toEqual([young, middle, old]);
      expect(await store().incidents(realm, 2, signal)).toEqual([young, middle]);
      expect(await store().incidents(fresh("realm"), 2, signal)).toEqual([]);
    });

    it("keeps 500", async () => {
      const realm = fresh("realm");
      const now = subject().now();
      const from = (start: number) => Array.from({ length: 300 }, (_, at) => incidentOf({ time: now - 1_000 + start + at }));
      await store().record(batchOf({ realm, incidents: from(300) }), signal);
      await store().record(batchOf({ realm, incidents: from(0) }), signal);
      const kept = await other().incidents(realm, 1_000, signal);
      expect(kept.map(({ time }) => time - now + 1_000)).toEqual(Array.from({ length: 500 }, (_, at) => 599 - at));
      for (const max of [0, -1, 0.5, Number.NaN]) await expect(store().incidents(realm, max, signal)).rejects.toBeInstanceOf(UsageStoreError);
    });
  });
}
