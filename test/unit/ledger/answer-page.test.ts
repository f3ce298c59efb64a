import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createMemoryUsageStore } from "../../../adapters/usage/memory-store.ts";
import { answerPage, type LedgerSources } from "../../../src/ledger/answer-page.ts";
import { reportUsage, type UsageReport } from "../../../src/ledger/usage-report.ts";
import { DIMENSIONS, readUsageRequest } from "../../../src/ledger/usage-request.ts";
import { writeCsv } from "../../../src/lib/csv.ts";
import type { LedgerPage } from "../../../src/model/ledger-page.ts";
import type { LimitRule } from "../../../src/model/limit.ts";
import { emptySum } from "../../../src/model/usage-counts.ts";
import type { AccountState, UsageRow, UsageStore } from "../../../src/model/usage-store.ts";
import { createFakeClock } from "../../fakes/clock.ts";
import { sumOf } from "../../fakes/usage-records.ts";

const NOON = Date.UTC(2026, 10, 22, 12);
const HOUR = 3_600_000;
const REALM = "egress-system/egress";

function rowOf(changes: Partial<UsageRow> = {}): UsageRow {
  const key = { namespace: "team-a", serviceAccount: "writer", model: "gpt", backend: "XBackend/a/openai", region: "eu" };
  return { from: NOON, ...key, ...emptySum(), requests: 1, inputTokens: 10, outputTokens: 2, costNanos: 1_500_000_000, ...changes };
}

async function world(rows: readonly UsageRow[] = [], changes: Partial<LedgerSources> = {}) {
  const clock = createFakeClock(NOON + 60_000);
  const store = createMemoryUsageStore({ now: clock.now });
  if (rows.length > 0) await store.record({ id: "1", realm: REALM, rows, incidents: [] }, AbortSignal.timeout(1_000));
  let flushed = 0;
  const sources: LedgerSources = {
    clock,
    gateways: () => [REALM],
    stores: () => store,
    rules: () => [],
    readAccount: (name) => ({ limit: name.split(" ")[0] ?? "", of: name.split(" ").slice(1) }),
    flush: async () => {
      flushed += 1;
    },
    ...changes,
  };
  const ask = (page: LedgerPage, query = "", accept = "") => answerPage({ page, search: new URLSearchParams(query), accept }, sources);
  return { clock, store, ask, flushed: () => flushed };
}

const reportOf = async (answer: Promise<{ readonly body: string }>): Promise<UsageReport> => JSON.parse((await answer).body) as UsageReport;

describe("/-/usage", () => {
  it("adds up by what is asked for, the dearest first, with a total of all", async () => {
    const { ask, flushed } = await world([rowOf(), rowOf({ model: "claude", costNanos: 9 }), rowOf({ namespace: "team-b", costNanos: 4_000_000_000 })]);
    const answer = await ask("usage");
    expect(answer).toMatchObject({ status: 200, headers: { "content-type": "application/json", "cache-control": "no-store" } });
    const report = await reportOf(ask("usage"));
    expect(report).toMatchObject({
      from: "2026-11-21T12:00:00Z",
      to: "2026-11-22T12:01:00Z",
      interval: "hour",
      by: ["namespace"],
      rows: [
        { namespace: "team-b", requests: 1, costNanos: 4_000_000_000, costUsd: 4 },
        { namespace: "team-a", requests: 2, inputTokens: 20, costNanos: 1_500_000_009 },
      ],
      total: { requests: 3, inputTokens: 30, outputTokens: 6, costNanos: 5_500_000_009 },
      truncated: false,
    });
    expect(flushed()).toBe(2);
  });

  it("by hour and day, the oldest first, and only what is asked for", async () => {
    const { ask } = await world([rowOf(), rowOf({ from: NOON - HOUR }), rowOf({ from: NOON - 24 * HOUR, model: "claude" })]);
    const hours = await reportOf(ask("usage", "by=hour,model&model=gpt"));
    expect(hours.rows.map(({ hour, model }) => [hour, model])).toEqual([
      ["2026-11-22T11:00:00Z", "gpt"],
      ["2026-11-22T12:00:00Z", "gpt"],
    ]);
    const days = await reportOf(ask("usage", "by=day&since=30d"));
    expect(days.rows.map(({ day, requests }) => [day, requests])).toEqual([
      ["2026-11-21", 1],
      ["2026-11-22", 2],
    ]);
    expect(days.interval).toBe("day");
  });

  it("tells that rows were left out, and counts them in the total", async () => {
    const { ask } = await world([rowOf(), rowOf({ namespace: "team-b" }), rowOf({ namespace: "team-c" })]);
    expect(await reportOf(ask("usage", "limit=2"))).toMatchObject({ rows: [{}, {}], total: { requests: 3 }, truncated: true });
  });

  it("a price that nobody knows is null, not 0", async () => {
    const { ask } = await world([rowOf({ costNanos: 0, unpriced: 1 }), rowOf({ namespace: "team-b", costNanos: 0 })]);
    const { rows } = await reportOf(ask("usage"));
    expect(rows.map(({ namespace, costUsd }) => [namespace, costUsd])).toEqual([
      ["team-a", null],
      ["team-b", 0],
    ]);
  });

  it("is CSV for whoever asks for it, and nothing that a spreadsheet would run", async () => {
    const { ask } = await world([rowOf({ model: '=HYPERLINK("http://evil")' }), rowOf({ model: "-1+1" }), rowOf({ model: "a,b\nc" })]);
    const answer = await ask("usage", "by=model&format=csv");
    expect(answer.headers["content-type"]).toBe("text/csv; charset=utf-8; header=present");
    const [head = "", ...lines] = answer.body.split("\r\n");
    expect(head).toBe(
      "model,requests,errors,limited,inputTokens,cacheReadTokens,cacheWriteTokens,outputTokens,reasoningTokens,audioTokens,costNanos,unpriced,estimated,costUsd",
    );
    expect(lines.map((line) => line.slice(0, 20)).sort()).toEqual(["", '"\'=HYPERLINK(""http:', '"a,b\nc",1,0,0,10,0,0', "'-1+1,1,0,0,10,0,0,2"]);
    expect((await ask("usage", "", "text/html, text/csv;q=0.9")).headers["content-type"]).toContain("text/csv");
    expect((await ask("usage", "format=json", "text/csv")).headers["content-type"]).toBe("application/json");
  });

  it("names the parameter that cannot be honoured", async () => {
    const { ask } = await world();
    const answer = await ask("usage", "since=yesterday");
    expect(answer).toMatchObject({ status: 400, headers: { "content-type": "application/problem+json", "x-egress-error": "request_malformed" } });
    expect(JSON.parse(answer.body)).toMatchObject({ status: 400, parameter: "since", detail: expect.stringContaining("24h") });
    expect(JSON.parse((await ask("usage", "gateway=other/one")).body)).toMatchObject({ parameter: "gateway", detail: expect.stringContaining(REALM) });
  });

  it("a store that gives no answer is told without its words, and in time", async () => {
    const failing = (usage: UsageStore["usage"]) => world([], { stores: () => ({ ...createMemoryUsageStore({ now: () => 0 }), usage }) });
    const broken = await failing(() => Promise.reject(new Error("redis://user:password@host")));
    const answer = await broken.ask("usage");
    expect(answer).toMatchObject({ status: 503, headers: { "x-egress-error": "limits_unavailable" } });
    expect(answer.body).not.toContain("password");
    const hanging = await failing((_query, signal) => new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason))));
    const late = hanging.ask("usage");
    await hanging.clock.advance(10_000);
    expect((await late).status).toBe(503);
    expect(hanging.clock.pending()).toBe(0);
  });

  it("a flush that hangs holds nobody up for long", async () => {
    const { ask, clock } = await world([rowOf()], { flush: (signal) => new Promise((resolve) => signal.addEventListener("abort", () => resolve())) });
    const answer = ask("usage");
    await clock.advance(1_000);
    expect((await answer).status).toBe(200);
  });

  it("law: every report adds up to its total, and the total is what is stored", () => {
    const row = fc.record({
      hour: fc.integer({ min: 0, max: 30 }),
      namespace: fc.constantFrom("a", "b", "__proto__", "constructor", ""),
      model: fc.constantFrom("m", "n", "toString"),
      tokens: fc.integer({ min: 0, max: 2 ** 45 }),
    });
    fc.assert(
      fc.property(fc.array(row, { maxLength: 60 }), fc.subarray([...DIMENSIONS]), (made, by) => {
        const rows = made.map(({ hour, namespace, model, tokens }) => rowOf({ from: NOON - hour * HOUR, namespace, model, inputTokens: tokens }));
        const request = readUsageRequest(new URLSearchParams({ since: "2d", by: by.join(","), limit: "10000" }), NOON);
        const report = reportUsage(rows, request, NOON);
        const { costUsd: _, ...total } = report.total;
        expect(total).toEqual(sumOf(rows));
        expect(sumOf(report.rows)).toEqual(sumOf(rows));
        const keys = report.rows.map((one) => JSON.stringify(by.map((dimension) => one[dimension])));
        expect(new Set(keys).size).toBe(keys.length);
      }),
    );
  });
});

describe("/-/incidents", () => {
  it("are the newest first, of one kind or namespace where that is asked for", async () => {
    const { ask, store } = await world();
    const incidentOf = (index: number) => ({
      time: NOON + index,
      kind: index % 2 === 0 ? ("denied" as const) : ("failover" as const),
      id: `req-${index}`,
      namespace: index < 2 ? "team-a" : "team-b",
      serviceAccount: "s",
      route: "r",
      model: "m",
      backend: "b",
      reason: "region_locked",
      detail: "d",
    });
    await store.record({ id: "2", realm: REALM, rows: [], incidents: [0, 1, 2, 3].map(incidentOf) }, AbortSignal.timeout(1_000));
    const ids = async (query: string): Promise<readonly string[]> => {
      const { incidents } = JSON.parse((await ask("incidents", query)).body) as { incidents: { id: string }[] };
      return incidents.map(({ id }) => id);
    };
    expect(await ids("")).toEqual(["req-3", "req-2", "req-1", "req-0"]);
    expect(await ids("kind=denied&limit=1")).toEqual(["req-2"]);
    expect(await ids("namespace=team-a")).toEqual(["req-1", "req-0"]);
    expect((await ask("incidents")).body).toContain('"time":"2026-11-22T12:00:00.003Z"');
    expect((await ask("incidents", "limit=501")).status).toBe(400);
    expect((await ask("incidents", "kind=other")).status).toBe(400);
  });
});

describe("/-/limits", () => {
  const rule: LimitRule = {
    id: "egress-system/teams/tokens",
    gateway: REALM,
    unit: "tokens",
    limit: 1_000,
    currency: null,
    measure: null,
    window: { kind: "calendar", period: "day", timeZone: "UTC" },
    per: ["namespace", "model"],
    match: { namespaces: null, serviceAccounts: null, models: null },
    scope: "call",
    reserve: { kind: "input", output: 0 },
    onExceeded: "reject",
    onStoreFailure: { kind: "failClosed" },
  };
  const until = { kind: "until", from: NOON, at: NOON + HOUR } as const;
  const stateOf = (account: string, changes: Partial<AccountState> = {}): AccountState => ({
    account,
    used: 700,
    held: 200,
    limit: 1_000,
    window: until,
    ...changes,
  });

  async function standings(accounts: readonly AccountState[], rules: readonly LimitRule[] = [rule], query = "") {
    const store: UsageStore = { ...createMemoryUsageStore({ now: () => 0 }), accounts: async (_realm, max) => accounts.slice(0, max) };
    const { ask } = await world([], { stores: () => store, rules: () => rules });
    return JSON.parse((await ask("limits", query)).body) as { readonly limits: readonly Record<string, unknown>[]; readonly truncated: boolean };
  }

  it("tell for whom, what is used and held, and what is left", async () => {
    expect(await standings([stateOf("egress-system/teams/tokens team-a gpt")])).toEqual({
      limits: [
        {
          gateway: REALM,
          limit: "egress-system/teams/tokens",
          unit: "tokens",
          currency: null,
          onExceeded: "reject",
          of: { namespace: "team-a", model: "gpt" },
          used: 700,
          held: 200,
          max: 1_000,
          left: 100,
          resetsAt: NOON + HOUR,
          slidingMs: null,
        },
      ],
      untouched: [],
      truncated: false,
    });
  });

  it("tell of limits that no call has met that all is left", async () => {
    const other = { ...rule, id: "egress-system/teams/other", gateway: "another/gateway" };
    expect(await standings([], [rule, other])).toEqual({
      limits: [],
      untouched: [
        {
          gateway: REALM,
          limit: "egress-system/teams/tokens",
          unit: "tokens",
          currency: null,
          onExceeded: "reject",
          per: ["namespace", "model"],
          max: 1_000,
        },
      ],
      truncated: false,
    });
  });

  it("the amount is the rule's of now, and what is over is never less than nothing left", async () => {
    const { limits } = await standings([stateOf("egress-system/teams/tokens team-a gpt", { limit: 5_000 })], [{ ...rule, limit: 100 }]);
    expect(limits).toMatchObject([{ max: 100, left: 0 }]);
  });

  it("accounts of other policies, of windows that are over and of windows that the rule no longer has are left out", async () => {
    const gone = [
      stateOf("egress-system/gone/tokens team-a gpt"),
      stateOf("egress-system/teams/tokens a b", { window: { kind: "until", from: NOON - HOUR, at: NOON } }),
      stateOf("egress-system/teams/tokens a b", { window: { kind: "sliding", ms: 60_000 } }),
      stateOf("egress-system/teams/tokens a b", { window: { kind: "none" } }),
    ];
    expect((await standings(gone)).limits).toEqual([]);
    expect((await standings([stateOf("egress-system/teams/tokens a b")], [{ ...rule, gateway: "other/one" }])).limits).toEqual([]);
    const sliding = { ...rule, window: { kind: "sliding", ms: 60_000 } as const };
    expect((await standings(gone, [sliding])).limits).toMatchObject([{ slidingMs: 60_000, resetsAt: null }]);
    expect((await standings(gone, [{ ...rule, window: null }])).limits).toHaveLength(1);
  });

  it("says that there are more", async () => {
    const accounts = Array.from({ length: 5 }, (_, index) => stateOf(`egress-system/teams/tokens ns-${index} m`));
    expect(await standings(accounts, [rule], "limit=3")).toMatchObject({ limits: [{}, {}, {}], truncated: true });
  });
});

describe("CSV", () => {
  it("keeps numbers as they are, and leaves nothing where nothing is known", () => {
    expect(
      writeCsv([
        ["a", "b"],
        [-1.5, null],
        ['say "hi"', "+1"],
        ["\t=1", "@x"],
      ]),
    ).toBe('a,b\r\n-1.5,\r\n"say ""hi""",\'+1\r\n\'\t=1,\'@x\r\n');
  });
});
