import { randomBytes } from "node:crypto";
import { inspect } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type AccountChange, type AccountExchange, type ExchangeAnswer, type UsageStore, UsageStoreError } from "../../src/index.ts";
import { leastTime } from "../fakes/least-time.ts";
import { testAccounts } from "./usage-store-accounts.ts";
import { testLedger } from "./usage-store-ledger.ts";

/** What a store brings along to be tried: two of it over the same place, as two instances have, and a hand on that place. */
export interface UsageStoreSubject {
  readonly store: UsageStore;
  /** Null: the place is inside the store. */
  readonly other: UsageStore | null;
  /** The same over the same place with a short time limit, for a place that is silent: on a busy machine others look silent too. Null: it has none. */
  readonly hurried: UsageStore | null;
  /** The place's clock, in milliseconds since the epoch; about right where it is real. */
  now(): number;
  /** Lets time pass for the store, in milliseconds. */
  pass(ms: number): Promise<void>;
  /** Whether that is real time. */
  readonly realTime: boolean;
  /** Accounts lie in places that know nothing of each other: one does not see that an exchange's number was used elsewhere. */
  readonly isSpread?: boolean;
  /** How often laws are tried where an operation takes long; 150 when left out. */
  readonly runs?: number;
  /** Takes the place away (`down`: nobody there; `stalled`: it takes and does not answer), or brings it back, perhaps empty; null: it cannot go. */
  readonly outage: ((state: "up" | "down" | "stalled") => Promise<void>) | null;
  close(): Promise<void>;
}

/** What the parts of the law share. */
export interface UsageStoreTrial {
  readonly subject: () => UsageStoreSubject;
  readonly store: () => UsageStore;
  /** The second client, or the same where the place is inside the store. */
  readonly other: () => UsageStore;
  /** A name that no test had before. */
  readonly fresh: (label?: string) => string;
  /** One exchange of one account, under the holder's next number. */
  readonly ask: (
    holder: string,
    change: Partial<AccountChange> & { account: string },
    options?: Partial<AccountExchange> & { at?: UsageStore },
  ) => Promise<ExchangeAnswer>;
}

export const signal = new AbortController().signal;
export const DAY_MS = 86_400_000;
/** An operation of a store that nobody reaches ends within this. Milliseconds. */
const BOUND_MS = 20_000;

/** A change that books and wants nothing, over a sliding hour and 100, but for what it is told. */
export function changeOf(change: Partial<AccountChange> & { account: string }): AccountChange {
  const keep = change.keep ?? 0;
  const need = change.need ?? keep;
  return { window: { kind: "sliding", ms: 3_600_000 }, limit: 100, used: 0, ...change, keep, need, want: change.want ?? need };
}

/** The law of every UsageStore. */
export function testUsageStore(name: string, create: () => Promise<UsageStoreSubject>): void {
  describe(`UsageStore: ${name}`, () => {
    let subject: UsageStoreSubject;
    const run = randomBytes(6).toString("hex");
    let names = 0;
    let sequence = 0;
    const fresh = (label = "name") => `${run}/${label}-${names++}`;
    const trial: UsageStoreTrial = {
      subject: () => subject,
      store: () => subject.store,
      other: () => subject.other ?? subject.store,
      fresh,
      ask: (holder, change, { at = subject.store, ...options } = {}) =>
        at.exchange({ realm: `${run}/realm`, holder, sequence: ++sequence, ttlMs: 60_000, changes: [changeOf(change)], ...options }, signal),
    };

    beforeAll(async () => {
      subject = await create();
    });
    afterAll(async () => {
      await subject.close();
    });

    testAccounts(trial);
    testLedger(trial);

    const operations = (at: UsageStore, asker: AbortSignal) => [
      at.exchange({ realm: "r", holder: "sk-secret", sequence: ++sequence, ttlMs: 1_000, changes: [changeOf({ account: "sk-secret" })] }, asker),
      at.accounts("r", 10, asker),
      at.record({ id: fresh(), realm: "r", rows: [], incidents: [] }, asker),
      at.usage({ realm: "r", interval: "hour", from: 0, to: 2 ** 50 }, asker),
      at.incidents("r", 10, asker),
    ];
    const failuresOf = async (asked: readonly Promise<unknown>[]) =>
      (await Promise.allSettled(asked)).map((end) => (end.status === "rejected" ? end.reason : "it answered"));

    it("rejects at once when the asker has left, and does nothing", async () => {
      const account = fresh();
      const change = { account, used: 5 };
      await expect(
        trial.store().exchange({ realm: `${run}/realm`, holder: "h", sequence: ++sequence, ttlMs: 1_000, changes: [changeOf(change)] }, AbortSignal.abort()),
      ).rejects.toBeInstanceOf(UsageStoreError);
      for (const failure of await failuresOf(operations(trial.store(), AbortSignal.abort()))) expect(failure).toBeInstanceOf(UsageStoreError);
      expect((await trial.ask("h", { account })).accounts[0]?.used).toBe(0);
    });

    it.for(["down", "stalled"] as const)("says so within a bound when its place is %s, quotes nothing, and recovers", async (state, context) => {
      const { outage } = subject;
      if (outage === null) return context.skip();
      await trial.ask("h", { account: fresh() });
      await outage(state);
      const started = performance.now();
      const failures = await failuresOf(operations(subject.hurried ?? subject.store, signal)).finally(() => outage("up"));
      expect(performance.now() - started).toBeLessThan(BOUND_MS);
      for (const failure of failures) {
        expect(failure).toBeInstanceOf(UsageStoreError);
        expect(inspect(failure, { depth: 9, showHidden: true })).not.toMatch(/sk-secret/i);
      }
      const account = fresh();
      const answers = (at: UsageStore, used: number) => trial.ask("h", { account, used }, { at }).catch(() => null);
      await expect.poll(() => answers(trial.store(), 1)).not.toBeNull();
      await expect.poll(() => answers(trial.other(), 0)).not.toBeNull();
      // Where the first answer was lost, it was booked twice.
      expect((await trial.ask("h", { account })).accounts[0]?.used).toBeGreaterThan(0);
    });

    it("leaves when the asker leaves while its place does not answer", async (context) => {
      const { outage } = subject;
      if (outage === null) return context.skip();
      await trial.ask("h", { account: fresh() });
      const leave = async () => {
        await outage("stalled");
        const asker = new AbortController();
        const failures = failuresOf(operations(subject.store, asker.signal));
        setTimeout(() => asker.abort(), 50);
        for (const failure of await failures.finally(() => outage("up"))) expect(failure).toBeInstanceOf(UsageStoreError);
      };
      expect(await leastTime(1_500, leave, 3)).toBeLessThan(1_500);
    });

    it("rejects after it was closed, and can be closed twice", async () => {
      const alone = await create();
      try {
        await alone.store.close();
        await alone.store.close();
        for (const failure of await failuresOf(operations(alone.store, signal))) expect(failure).toBeInstanceOf(UsageStoreError);
      } finally {
        await alone.close();
      }
    });
  });
}
