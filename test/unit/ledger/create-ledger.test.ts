import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createLedger, type UsageLedger } from "../../../src/ledger/create-ledger.ts";
import { addCall } from "../../../src/ledger/usage-of.ts";
import type { CallRecord } from "../../../src/model/call-record.ts";
import { UNKNOWN_USAGE, type Usage } from "../../../src/model/operation.ts";
import { emptySum } from "../../../src/model/usage-counts.ts";
import type { UsageCounts } from "../../../src/model/usage-store.ts";
import { createFakeClock, type FakeClock } from "../../fakes/clock.ts";
import { createUsageRecords, sumOf, type UsageRecords } from "../../fakes/usage-records.ts";
import { attemptOf, denied, evidence, failedOver, recordOf } from "../attribution/fixtures.ts";

const REALM = "egress-system/egress";

interface World {
  readonly clock: FakeClock;
  readonly store: UsageRecords;
  readonly ledger: UsageLedger;
  readonly losses: (readonly [string, number])[];
}

function world(changes: Partial<Parameters<typeof createLedger>[0]> = {}): World {
  const clock = createFakeClock();
  const store = createUsageRecords();
  const losses: (readonly [string, number])[] = [];
  const ledger = createLedger({ clock, stores: () => store, onLoss: (gateway, calls) => losses.push([gateway, calls]), ...changes });
  return { clock, store, ledger, losses };
}

function charged(tokens: number, changes: Partial<CallRecord> = {}): CallRecord {
  const usage: Usage = { ...UNKNOWN_USAGE, inputTokens: tokens, outputTokens: 1, audioInputTokens: 2, audioOutputTokens: 1 };
  const cost = { nanos: tokens * 7, currency: "USD", source: "policy", estimated: false };
  return recordOf({ charged: { usage, estimated: false }, cost, ...changes });
}

/** What one call adds. */
function usageCountsOf(record: CallRecord): UsageCounts {
  const sum = emptySum();
  addCall(sum, record);
  return sum;
}

const soon = () => AbortSignal.timeout(5_000);

describe("whose usage a call is", () => {
  it("the caller's, at the destination that delivered", async () => {
    const { ledger, store } = world();
    ledger.settled(
      charged(100, { attempts: [attemptOf({ backend: "XBackend/a/first", model: "other", failoverReason: "overloaded" }), attemptOf({ model: "gpt-5-eu" })] }),
    );
    await ledger.flush(soon());
    expect(store.rows()).toEqual([
      {
        from: Date.UTC(2026, 10, 22, 12),
        namespace: "team-a",
        serviceAccount: "writer",
        model: "gpt-5-eu",
        backend: "XBackend/team-a/openai-eu",
        region: "eu-central-1",
        requests: 1,
        errors: 0,
        limited: 0,
        inputTokens: 100,
        cacheReadTokens: 0,
        cacheWriteTokens: 0,
        outputTokens: 1,
        reasoningTokens: 0,
        audioTokens: 3,
        costNanos: 700,
        unpriced: 0,
        estimated: 0,
      },
    ]);
  });

  it("nobody's and nowhere's, where that is not known", async () => {
    const { ledger, store } = world();
    ledger.settled(denied({ caller: null, requestedModel: null }));
    ledger.settled(recordOf({ gateway: "" }));
    await ledger.flush(soon());
    expect(store.rows()).toMatchObject([{ namespace: "", serviceAccount: "", model: "", backend: "", region: "", requests: 1, errors: 1 }]);
  });

  it("countries where no region has a name", async () => {
    const { ledger, store } = world();
    ledger.settled(charged(1, { attempts: [attemptOf({ region: { ...evidence, regions: [], countries: ["DE", "FR"] } })] }));
    await ledger.flush(soon());
    expect(store.rows()[0]?.region).toBe("DE,FR");
  });

  it("a model that a caller made up is a short name without control characters", async () => {
    const { ledger, store } = world();
    ledger.settled(denied({ requestedModel: `a\nb\u0000c\ud800${"x".repeat(100_000)}` }));
    await ledger.flush(soon());
    expect(store.rows()[0]?.model).toBe(`a?b?c?${"x".repeat(194)}`);
  });
});

describe("what is counted", () => {
  const counts = (record: CallRecord) => usageCountsOf(record);

  it("an error is a refusal or a failure, and neither a caller that left nor a good answer", () => {
    expect(counts(recordOf()).errors).toBe(0);
    expect(counts(recordOf({ outcome: "caller_gone" })).errors).toBe(0);
    for (const outcome of ["refused", "upstream_error", "truncated", "broker_error"] as const) expect(counts(recordOf({ outcome })).errors).toBe(1);
  });

  it("a call that a limit refused", () => {
    expect(counts(denied({ refusal: "limit_exceeded" }))).toMatchObject({ requests: 1, errors: 1, limited: 1 });
    expect(counts(denied({ refusal: "limits_unavailable" }))).toMatchObject({ errors: 1, limited: 0 });
  });

  it("a price that is not known, or not in dollars, is not 0: the call counts as unpriced", () => {
    expect(counts(charged(5, { cost: null }))).toMatchObject({ costNanos: 0, unpriced: 1 });
    expect(counts(charged(5, { cost: { nanos: 9, currency: "EUR", source: "policy", estimated: false } }))).toMatchObject({ costNanos: 0, unpriced: 1 });
    expect(counts(charged(5))).toMatchObject({ costNanos: 35, unpriced: 0 });
    // Nothing was used: there is nothing to price.
    expect(counts(recordOf({ charged: null }))).toMatchObject({ costNanos: 0, unpriced: 0, inputTokens: 0 });
  });

  it("estimates are told apart, and nonsense is nothing", () => {
    const usage: Usage = { ...UNKNOWN_USAGE, inputTokens: Number.NaN, outputTokens: -5, cacheReadTokens: Number.POSITIVE_INFINITY, cacheWriteTokens: 1.5 };
    expect(counts(recordOf({ charged: { usage, estimated: true } }))).toMatchObject({
      inputTokens: 0,
      outputTokens: 0,
      cacheReadTokens: 0,
      cacheWriteTokens: 2,
      estimated: 1,
    });
  });

  it("what a lock keeps from the store never goes there", async () => {
    const { ledger, store } = world();
    ledger.settled(denied({ withheld: ["usage"] }));
    await ledger.flush(soon());
    expect(store.batches).toEqual([]);
    // A collector that is outside says nothing of the store.
    ledger.settled(denied({ withheld: ["telemetry", "events"] }));
    await ledger.flush(soon());
    expect(store.batches).toHaveLength(1);
  });
});

describe("incidents", () => {
  it("tell of failovers and denials with their reasons", async () => {
    const { ledger, store, clock } = world();
    ledger.settled(failedOver());
    ledger.settled(denied());
    ledger.settled(recordOf());
    await ledger.flush(soon());
    expect(store.incidentsKept).toEqual([
      {
        time: clock.now(),
        kind: "failover",
        id: "req-1",
        namespace: "team-a",
        serviceAccount: "writer",
        route: "team-a/openai",
        model: "gpt-5-eu",
        backend: "XBackend/team-a/openai-us",
        reason: "overloaded",
        detail: "Status 503; the call went on to XBackend/team-a/openai-eu.",
      },
      expect.objectContaining({ kind: "denied", reason: "region_locked", backend: "", detail: "No destination of this call lies inside the allowed regions." }),
    ]);
  });

  it("of one kind do not push out the others, and say how many were left out", async () => {
    const { ledger, store, clock } = world();
    for (let index = 0; index < 1_000; index += 1) ledger.settled(denied());
    ledger.settled(denied({ route: "team-b/other" }));
    await ledger.flush(soon());
    expect(store.incidentsKept.map(({ route }) => route)).toEqual([...new Array<string>(5).fill("team-a/openai"), "team-b/other"]);
    expect(store.total().requests).toBe(1_001);
    await clock.advance(10_000);
    ledger.settled(denied());
    await ledger.flush(soon());
    expect(store.incidentsKept.at(-1)?.detail).toContain("995 more like it");
  });

  it("are bounded, whatever their kinds", async () => {
    const { ledger, store } = world();
    for (let index = 0; index < 5_000; index += 1) ledger.settled(denied({ route: `team-a/route-${index}` }));
    await ledger.flush(soon());
    expect(store.incidentsKept.length).toBeLessThanOrEqual(100);
    expect(store.total().requests).toBe(5_000);
  });
});

describe("sending", () => {
  it("happens within a second of the call, and at no time while nothing happens", async () => {
    const { ledger, store, clock } = world();
    expect(clock.pending()).toBe(0);
    ledger.settled(charged(1));
    ledger.settled(charged(2));
    await clock.advance(999);
    expect(store.batches).toEqual([]);
    await clock.advance(1);
    expect(store.batches).toHaveLength(1);
    expect(store.total().inputTokens).toBe(3);
    expect(clock.pending()).toBe(0);
  });

  it("a batch that failed is sent again as it was, under its id, and what is new waits for it", async () => {
    const { ledger, store, clock } = world();
    store.fate = () => "lost";
    ledger.settled(charged(1));
    await clock.advance(1_000);
    ledger.settled(charged(2));
    await clock.advance(5_000);
    expect(store.batches.length).toBeGreaterThan(1);
    expect(new Set(store.batches.map((batch) => JSON.stringify(batch))).size).toBe(1);
    store.fate = () => "taken";
    await clock.advance(15_000);
    expect(store.total()).toMatchObject({ requests: 2, inputTokens: 3 });
    expect(clock.pending()).toBe(0);
  });

  it("a long outage costs one batch, which is told once and counted", async () => {
    const { ledger, store, clock, losses } = world();
    store.fate = () => "refused";
    ledger.settled(charged(1));
    ledger.settled(charged(1));
    for (let minute = 0; minute < 180; minute += 1) {
      await clock.advance(60_000);
      ledger.settled(charged(10));
    }
    store.fate = () => "taken";
    await clock.advance(60_000);
    const kept = store.total().requests;
    expect(kept + ledger.dropped()).toBe(182);
    expect(losses).toEqual([[REALM, 2]]);
    expect(kept).toBe(180);
    // Each call of the outage stands in its own hour.
    expect(store.rows().map(({ requests }) => requests)).toEqual([59, 60, 60, 1]);
    expect(clock.pending()).toBe(0);
  });

  it("flush waits for what is on its way, and sends the rest", async () => {
    const { ledger, store, clock } = world();
    let release = (): void => {};
    const opened = new Promise<void>((resolve) => {
      release = resolve;
    });
    const record = store.record.bind(store);
    const held: UsageRecords = {
      ...store,
      record: async (batch, signal) => {
        const isFirst = store.batches.length === 0;
        if (isFirst) await opened;
        await record(batch, signal);
      },
    };
    const slow = createLedger({ clock, stores: async () => held });
    slow.settled(charged(1));
    await clock.advance(1_000);
    slow.settled(charged(2));
    const flushed = slow.flush(soon());
    release();
    await flushed;
    expect(store.total().inputTokens).toBe(3);
    expect(ledger.dropped()).toBe(0);
  });

  it("flush ends with its signal, whatever the store does", async () => {
    const { clock, store } = world();
    const ledger = createLedger({ clock, stores: () => ({ ...store, record: () => new Promise<void>(() => {}) }), intervalMs: null });
    ledger.settled(charged(1));
    await ledger.flush(AbortSignal.timeout(20));
    const unopened = createLedger({ clock, stores: () => Promise.reject(new Error("no store")) });
    unopened.settled(charged(1));
    await unopened.flush(soon());
    expect(unopened.dropped()).toBe(0);
  });

  it("in a Worker no flush waits for another, and a batch that one took along is sent by the next", async () => {
    const { clock, store } = world();
    let hang = true;
    const held: UsageRecords = { ...store, record: (batch, signal) => (hang ? new Promise<void>(() => {}) : store.record(batch, signal)) };
    const ledger = createLedger({ clock, stores: () => held, intervalMs: null });
    ledger.settled(charged(1));
    expect(clock.pending()).toBe(0);
    void ledger.flush(new AbortController().signal);
    await clock.advance(1);
    hang = false;
    ledger.settled(charged(2));
    await ledger.flush(soon());
    expect(store.total().inputTokens).toBe(2);
    // The request that began the first is gone, and with it every sign of life.
    await clock.advance(61_000);
    await ledger.flush(soon());
    expect(store.total().inputTokens).toBe(3);
  });

  it("each Gateway has a store of its own", async () => {
    const { clock } = world();
    const stores = new Map([
      ["a/one", createUsageRecords()],
      ["a/two", createUsageRecords()],
    ]);
    const ledger = createLedger({ clock, stores: (gateway) => stores.get(gateway) ?? Promise.reject(new Error(gateway)) });
    ledger.settled(charged(1, { gateway: "a/one" }));
    ledger.settled(charged(2, { gateway: "a/two" }));
    await ledger.flush(soon());
    expect([...stores.values()].map((store) => [store.batches[0]?.realm, store.total().inputTokens])).toEqual([
      ["a/one", 1],
      ["a/two", 2],
    ]);
  });

  it("1,000 namespaces go in batches that a store takes", async () => {
    const { ledger, store } = world();
    const names = Array.from({ length: 1_000 }, (_, index) => `team-${index}`);
    for (const namespace of names)
      for (const model of ["a", "b", "c"])
        ledger.settled(
          charged(1, { caller: { namespace, serviceAccount: "s", workload: null, proof: { kind: "jwt", issuer: "i" } }, attempts: [attemptOf({ model })] }),
        );
    await ledger.flush(soon());
    expect(store.batches.map(({ rows }) => rows.length)).toEqual([1_000, 1_000, 1_000]);
    expect(new Set(store.rows().map(({ namespace }) => namespace))).toEqual(new Set(names));
  });
});

describe("the law: what is in the store is what was settled", () => {
  it("to the token and the billionth, whatever the store does, and however it ends", async () => {
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({ kind: fc.constant("call" as const), who: fc.integer({ min: 0, max: 3 }), tokens: fc.integer({ min: 0, max: 2 ** 40 }) }),
      },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant("wait" as const), ms: fc.integer({ min: 0, max: 40_000 }) }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant("fate" as const), fate: fc.constantFrom("taken" as const, "refused" as const, "lost" as const) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("flush" as const) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("crash" as const), who: fc.integer({ min: 0, max: 3 }) }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.boolean(), async (steps, isWorker) => {
        const clock = createFakeClock();
        const store = createUsageRecords();
        /** An instance, which may be killed. */
        const begin = () => {
          let isAlive = true;
          const kill = () => {
            isAlive = false;
          };
          const own: UsageRecords = { ...store, record: (batch, signal) => (isAlive ? store.record(batch, signal) : Promise.reject(new Error("dead"))) };
          return { ledger: createLedger({ clock, stores: () => own, intervalMs: isWorker ? null : 1_000 }), kill };
        };
        const instances = [begin(), begin(), begin(), begin()];
        let settled: { readonly who: number; readonly record: CallRecord; readonly at: number }[] = [];
        const lost: (typeof settled)[number][] = [];
        let goodSince: number | null = clock.monotonic();
        for (const one of steps) {
          switch (one.kind) {
            case "call": {
              const record = charged(one.tokens, { requestedModel: `m${one.tokens % 3}` });
              instances[one.who]?.ledger.settled(record);
              settled.push({ who: one.who, record, at: clock.monotonic() });
              break;
            }
            case "wait":
              await clock.advance(one.ms);
              break;
            case "fate":
              store.fate = () => one.fate;
              goodSince = one.fate === "taken" ? (goodSince ?? clock.monotonic()) : null;
              break;
            case "flush":
              await Promise.all(instances.map(({ ledger }) => ledger.flush(soon())));
              break;
            case "crash": {
              instances[one.who]?.kill();
              instances[one.who] = begin();
              // With a store that answers no more is lost than the last second: all that is older has come there.
              const isSteady = goodSince !== null && !isWorker && clock.monotonic() - goodSince > 30_000;
              const old = settled.filter(({ at }) => clock.monotonic() - at > 1_000);
              if (isSteady) expect(store.total().inputTokens).toBeGreaterThanOrEqual(sumOf(old.map(({ record }) => usageCountsOf(record))).inputTokens);
              lost.push(...settled.filter(({ who }) => who === one.who));
              settled = settled.filter(({ who }) => who !== one.who);
              break;
            }
          }
        }
        store.fate = () => "taken";
        for (const { ledger } of instances) await ledger.flush(soon());
        expect(instances.map(({ ledger }) => ledger.dropped())).toEqual([0, 0, 0, 0]);
        const told = sumOf(settled.map(({ record }) => usageCountsOf(record)));
        const most = sumOf([...settled, ...lost].map(({ record }) => usageCountsOf(record)));
        const found = store.total();
        if (lost.length === 0) expect(found).toEqual(told);
        for (const name of ["requests", "inputTokens", "outputTokens", "costNanos"] as const) {
          expect(found[name]).toBeGreaterThanOrEqual(told[name]);
          expect(found[name]).toBeLessThanOrEqual(most[name]);
        }
      }),
      { numRuns: 150 },
    );
  });
});
