import { describe, expect, it } from "vitest";
import { MAX_KEYS } from "../../../adapters/usage/check-batch.ts";
import { createMemoryLedger } from "../../../adapters/usage/memory-ledger.ts";
import { createMemoryUsageStore } from "../../../adapters/usage/memory-store.ts";
import { MAX_ROWS, type UsageRow, UsageStoreError } from "../../../src/index.ts";
import { changeOf, DAY_MS } from "../../contracts/usage-store.ts";
import { rowOf } from "../../contracts/usage-store-ledger.ts";
import { createFakeClock } from "../../fakes/clock.ts";

const signal = new AbortController().signal;
const HOUR_MS = 3_600_000;

describe("the bounds of usage in memory", () => {
  it("forgets accounts that no longer count before it refuses a new one, and never one that counts", async () => {
    const clock = createFakeClock();
    const store = createMemoryUsageStore({ now: clock.now, maxAccounts: 3 });
    let sequence = 0;
    const use = (account: string, realm = "r") =>
      store.exchange(
        { realm, holder: "h", sequence: ++sequence, ttlMs: 1_000, changes: [changeOf({ account, used: 1, window: { kind: "sliding", ms: 60_000 } })] },
        signal,
      );
    await use("a");
    await use("b", "other realm");
    await clock.advance(300_000);
    await use("c");
    await expect(use("d")).rejects.toBeInstanceOf(UsageStoreError);
    // One that is there needs no new place.
    expect((await use("c")).accounts[0]?.used).toBe(2);
    // Remembered for ten minutes, so that a lost answer can be given again.
    await clock.advance(299_000);
    await expect(use("d")).rejects.toBeInstanceOf(UsageStoreError);
    await clock.advance(2_000);
    await use("d");
    await use("e");
    await expect(use("f")).rejects.toBeInstanceOf(UsageStoreError);
    expect((await store.accounts("r", 10, signal)).map(({ account }) => account)).toEqual(["e", "d"]);
    expect(await store.accounts("other realm", 10, signal)).toEqual([]);
  });

  it("books nothing where there is no room for all accounts of an exchange", async () => {
    const clock = createFakeClock();
    const store = createMemoryUsageStore({ now: clock.now, maxAccounts: 2 });
    const exchange = (sequence: number, accounts: readonly string[]) =>
      store.exchange({ realm: "r", holder: "h", sequence, ttlMs: 1_000, changes: accounts.map((account) => changeOf({ account, used: 1 })) }, signal);
    await exchange(1, ["a"]);
    await expect(exchange(2, ["a", "b", "c"])).rejects.toBeInstanceOf(UsageStoreError);
    expect((await exchange(2, ["a", "b"])).accounts).toMatchObject([{ used: 2 }, { used: 1 }]);
  });

  it("refuses a batch that does not fit, takes it once there is room, and then once only", () => {
    const ledger = createMemoryLedger(10);
    const now = Date.UTC(2026, 10, 22, 12);
    const batch = (id: string, from: number, models: number) => ({
      id,
      realm: "r",
      rows: Array.from({ length: models }, (_, at) => rowOf(from, { model: `${id}-${at}` })),
      incidents: [],
    });
    const rows = (interval: "hour" | "day", at: number) => ledger.usage({ realm: "r", interval, from: 0, to: 2 ** 50 }, at).length;
    ledger.record(batch("a", now, 4), now);
    expect(() => ledger.record(batch("b", now, 2), now)).toThrow(UsageStoreError);
    expect([rows("hour", now), rows("day", now)]).toEqual([4, 4]);
    const later = now + 9 * DAY_MS;
    ledger.record(batch("b", later, 3), later);
    ledger.record(batch("b", later, 3), later);
    expect([rows("hour", later), rows("day", later)]).toEqual([3, 7]);
  });

  it("counts for its namespace alone what comes when an hour is full of names", () => {
    const ledger = createMemoryLedger(1e9);
    const now = Date.UTC(2026, 10, 22, 12);
    const record = (id: string, rows: readonly UsageRow[]) => ledger.record({ id, realm: "r", rows, incidents: [] }, now);
    record("first", [rowOf(now, { model: "known" })]);
    for (let at = 1; at < MAX_KEYS; at += MAX_ROWS) {
      record(
        `fill ${at}`,
        Array.from({ length: Math.min(MAX_ROWS, MAX_KEYS - at) }, (_, index) => rowOf(now, { namespace: "filled", model: `${at + index}` })),
      );
    }
    record("last", [
      rowOf(now, { model: "known" }),
      rowOf(now, { model: "beyond" }),
      rowOf(now, { model: "further" }),
      rowOf(now + HOUR_MS, { model: "beyond" }),
    ]);
    const ofTeam = ledger.usage({ realm: "r", interval: "hour", from: 0, to: 2 ** 50 }, now).filter(({ namespace }) => namespace === "team-a");
    expect(ofTeam.map(({ from, model, serviceAccount, requests }) => [from - now, model, serviceAccount, requests])).toEqual([
      [0, "known", "chat", 2],
      [0, "", "", 2],
      [HOUR_MS, "beyond", "chat", 1],
    ]);
  });

  it("keeps its own copy of nothing that can be changed under it", async () => {
    const store = createMemoryUsageStore({ now: () => Date.UTC(2026, 10, 22, 12) });
    const row = { ...rowOf(Date.UTC(2026, 10, 22, 11)) };
    await store.record({ id: "one", realm: "r", rows: [row], incidents: [] }, signal);
    Object.assign(row, { requests: 99 });
    expect(await store.usage({ realm: "r", interval: "hour", from: 0, to: 2 ** 50 }, signal)).toMatchObject([{ requests: 1 }]);
  });
});
