import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AccountDocument, bookExchange } from "../../adapters/usage/account-book.ts";
import { type AccountChange, type AccountExchange, type AccountWindow, MAX_CHANGES, UsageStoreError } from "../../src/index.ts";
import { changeOf, DAY_MS, signal, type UsageStoreTrial } from "./usage-store.ts";

/** The law of accounts, holders and windows. */
export function testAccounts({ subject, store, other, fresh, ask }: UsageStoreTrial): void {
  describe("accounts", () => {
    it("holds what is wanted, and tells others of it", async () => {
      const account = fresh();
      const first = await ask("one", { account, need: 10, want: 30 });
      expect(first).toEqual({ granted: true, now: first.now, accounts: [{ held: 30, used: 0, heldByOthers: 0, roomInMs: 0 }] });
      expect(Math.abs(first.now - subject().now())).toBeLessThan(60_000);
      expect((await ask("two", { account, need: 5 }, { at: other() })).accounts).toEqual([{ held: 5, used: 0, heldByOthers: 30, roomInMs: 0 }]);
      // The last word of a holder counts, not the sum of its words.
      expect((await ask("one", { account, used: 4, need: 6 })).accounts).toEqual([{ held: 6, used: 4, heldByOthers: 5, roomInMs: 0 }]);
    });

    it("gives between the need and the want what is left", async () => {
      const account = fresh();
      await ask("one", { account, need: 80 });
      expect((await ask("two", { account, need: 5, want: 50 })).accounts[0]?.held).toBe(20);
      expect((await ask("three", { account, need: 1 })).granted).toBe(false);
      expect((await ask("one", { account, used: 80 })).accounts[0]).toMatchObject({ held: 0, used: 80, heldByOthers: 20 });
      expect((await ask("three", { account, need: 1 })).granted).toBe(false);
      await ask("two", { account, used: 1 });
      expect((await ask("three", { account, need: 19 })).granted).toBe(true);
    });

    it("refuses a need that does not fit, and says when it may", async () => {
      const account = fresh();
      const ttlMs = 50_000;
      const one = await ask("one", { account, need: 60 }, { ttlMs });
      const two = await ask("two", { account, need: 41, want: 50 });
      expect(two.granted).toBe(false);
      expect(two.accounts).toEqual([{ held: 0, used: 0, heldByOthers: 60, roomInMs: one.now + ttlMs - two.now }]);
      expect((await ask("two", { account, need: 101 })).accounts[0]?.roomInMs).toBeNull();
      expect((await ask("two", { account, need: 40 })).granted).toBe(true);
      await ask("three", { account, used: 100 });
      const part = 60_000;
      const late = await ask("three", { account, need: 1 });
      // The part in which it was used has to end, and then an hour has to pass; those that hold end before.
      expect(late.accounts[0]?.roomInMs).toBeGreaterThan(3_600_000 - part);
      expect(late.accounts[0]?.roomInMs).toBeLessThanOrEqual(3_600_000 + part);
    });

    it("books what was used whatever becomes of the exchange, be it beyond what was held and beyond the limit", async () => {
      const account = fresh();
      await ask("one", { account, need: 10 });
      expect((await ask("one", { account, used: 250, need: 1 })).granted).toBe(false);
      expect((await ask("two", { account, need: 1 }, { at: other() })).accounts[0]).toMatchObject({ used: 250, held: 0, heldByOthers: 0 });
    });

    it("holds what calls under way were promised, be it beyond the limit", async () => {
      const account = fresh();
      await ask("one", { account, used: 90 });
      expect(await ask("one", { account, keep: 30 })).toMatchObject({ granted: true, accounts: [{ held: 30, used: 90, roomInMs: 0 }] });
      expect(await ask("two", { account, keep: 7, need: 8 })).toMatchObject({ granted: false, accounts: [{ held: 7, heldByOthers: 30 }] });
      expect((await ask("three", { account })).accounts[0]?.heldByOthers).toBe(37);
    });

    it("grants all accounts or none, and books what was used in all", async () => {
      const [roomy, full] = [fresh("roomy"), fresh("full")];
      await ask("one", { account: full, need: 95 });
      const changes = [changeOf({ account: roomy, used: 3, keep: 2, need: 10, want: 20 }), changeOf({ account: full, used: 1, keep: 1, need: 10 })];
      const both = await ask("two", { account: roomy }, { changes });
      expect(both).toMatchObject({
        granted: false,
        accounts: [
          { held: 2, used: 3, roomInMs: 0 },
          { held: 1, used: 1, heldByOthers: 95 },
        ],
      });
      expect(both.accounts[1]?.roomInMs).toBeGreaterThan(0);
      await ask("one", { account: full });
      expect(await ask("two", { account: roomy }, { changes })).toMatchObject({
        granted: true,
        accounts: [
          { held: 20, used: 6 },
          { held: 10, used: 2 },
        ],
      });
    });

    it("grants everything where there is no limit, and counts it", async () => {
      const account = fresh();
      const most = Number.MAX_SAFE_INTEGER;
      expect(await ask("one", { account, limit: null, used: 5_000, need: 7, want: 1e12 })).toMatchObject({
        granted: true,
        accounts: [{ held: 1e12, used: 5_000, roomInMs: 0 }],
      });
      expect((await ask("two", { account, limit: null, want: most })).accounts[0]).toMatchObject({ held: most, heldByOthers: 1e12 });
      expect((await ask("three", { account, need: 1 })).accounts[0]).toMatchObject({ held: 0, used: 5_000 });
    });

    it("counts exactly up to 2^53, and no further", async () => {
      const account = fresh();
      const most = Number.MAX_SAFE_INTEGER;
      const odd = 4_503_599_627_370_497;
      expect((await ask("one", { account, limit: most, used: odd, need: 1 })).accounts[0]).toMatchObject({ used: odd });
      expect((await ask("two", { account, limit: most, want: most })).accounts[0]).toMatchObject({ held: most - odd - 1, heldByOthers: 1 });
      expect((await ask("two", { account, limit: most, used: most - odd - 2 })).accounts[0]).toMatchObject({ used: most - 2, heldByOthers: 1 });
      expect((await ask("two", { account, limit: most, used: 1, need: 1 })).granted).toBe(false);
      expect((await ask("two", { account, limit: most, used: most })).accounts[0]?.used).toBe(most);
    });

    it("takes a changed limit and a changed window at once, and keeps what was used", async () => {
      const account = fresh();
      const now = subject().now();
      await ask("one", { account, used: 40, need: 10 });
      expect(await ask("two", { account, limit: 50, need: 1 })).toMatchObject({ granted: false, accounts: [{ used: 40, heldByOthers: 10 }] });
      expect(await ask("two", { account, limit: 60, window: { kind: "sliding", ms: 7_200_000 }, need: 10 })).toMatchObject({
        granted: true,
        accounts: [{ used: 40 }],
      });
      const day = { kind: "until", from: now - DAY_MS / 2, at: now + DAY_MS / 2 } as const;
      expect((await ask("two", { account, window: day, used: 1 })).accounts[0]?.used).toBe(41);
      const month = { kind: "until", from: now - 20 * DAY_MS, at: now + 10 * DAY_MS } as const;
      expect((await ask("two", { account, window: month, used: 1 })).accounts[0]?.used).toBe(42);
      const back = await ask("two", { account, window: day, used: 1, need: 100 });
      expect(back).toMatchObject({ granted: false, accounts: [{ used: 43, roomInMs: day.at - back.now }] });
      expect((await ask("two", { account, used: 1 })).accounts[0]?.used).toBe(44);
    });
  });

  describe("windows", () => {
    it("lets a part of a sliding window count until its last moment is over", async () => {
      const account = fresh();
      const window = { kind: "sliding", ms: 600 } as const;
      const until = (booked: number) => Math.floor(booked / 10) * 10 + 10 + 600;
      const first = await ask("one", { account, window, used: 60 });
      const second = await ask("two", { account, window, need: 41 });
      if (second.now < until(first.now)) expect(second).toMatchObject({ granted: false, accounts: [{ used: 60, roomInMs: until(first.now) - second.now }] });
      if (!subject().realTime) {
        await subject().pass(until(first.now) - second.now - 1);
        expect(await ask("two", { account, window, need: 41 })).toMatchObject({ granted: false, accounts: [{ used: 60, roomInMs: 1 }] });
      }
      await subject().pass(subject().realTime ? 620 : 1);
      expect(await ask("two", { account, window, need: 100 })).toMatchObject({ granted: true, accounts: [{ used: 0, held: 100 }] });
    });

    it("lets a period count until it is over, and the next begin with nothing", async () => {
      const account = fresh();
      const now = subject().now();
      const [from, at] = [now - 5_000, now + 1_000];
      const period = { kind: "until", from, at } as const;
      const next = { kind: "until", from: at, at: at + 60_000 } as const;
      const first = await ask("one", { account, window: period, used: 100 });
      if (first.now < at) expect(first.accounts[0]?.used).toBe(100);
      // The clock of this instance is ahead of the store's.
      const early = await ask("two", { account, window: next, used: 3, need: 1 });
      if (early.now < at) expect(early).toMatchObject({ granted: false, accounts: [{ used: 103, roomInMs: at - early.now }] });
      await subject().pass(1_100);
      expect(await ask("two", { account, window: next, used: 1, need: 1 })).toMatchObject({ granted: true, accounts: [{ used: 4 }] });
      // The clock of this one is behind: what it used was used in the period before.
      expect(await ask("one", { account, window: period, used: 5, need: 95 })).toMatchObject({ granted: true, accounts: [{ used: 4, held: 95 }] });
    });

    it("counts without a window only what is held", async () => {
      const account = fresh();
      const window = { kind: "none" } as const;
      expect(await ask("one", { account, window, used: 500, need: 60 })).toMatchObject({ granted: true, accounts: [{ used: 0, held: 60 }] });
      expect(await ask("two", { account, window, need: 41 })).toMatchObject({ granted: false });
      await ask("one", { account, window, used: 60 });
      expect(await ask("two", { account, window, need: 100 })).toMatchObject({ granted: true, accounts: [{ used: 0, heldByOthers: 0 }] });
    });

    it("gives back what an instance held that was not heard of for its time", async () => {
      const account = fresh();
      const gone = await ask("gone", { account, need: 60 }, { ttlMs: 500 });
      const next = await ask("next", { account, need: 41 });
      if (next.now < gone.now + 500) expect(next).toMatchObject({ granted: false, accounts: [{ heldByOthers: 60, roomInMs: gone.now + 500 - next.now }] });
      await subject().pass(510);
      expect(await ask("next", { account, need: 100 })).toMatchObject({ granted: true, accounts: [{ heldByOthers: 0 }] });
      // It was only slow: what its calls were promised is held again, beyond the limit.
      expect(await ask("gone", { account, used: 10, keep: 50 })).toMatchObject({ granted: true, accounts: [{ held: 50, used: 10, heldByOthers: 100 }] });
    });
  });

  describe("exchanges sent again", () => {
    it("answers the same number as it did, and changes nothing", async () => {
      const [one, two] = [fresh("one"), fresh("two")];
      const exchange: AccountExchange = {
        realm: fresh("realm"),
        holder: "one",
        sequence: 7,
        ttlMs: 60_000,
        changes: [changeOf({ account: one, used: 5, need: 10, want: 20 }), changeOf({ account: two, used: 1, need: 99 })],
      };
      const first = await store().exchange(exchange, signal);
      expect(first).toMatchObject({
        granted: true,
        accounts: [
          { held: 20, used: 5 },
          { held: 99, used: 1 },
        ],
      });
      await ask("somebody", { account: one, used: 30 }, { realm: exchange.realm, at: other() });
      expect(await other().exchange(exchange, signal)).toEqual(first);
      const refused = { ...exchange, sequence: 8, changes: [changeOf({ account: one, used: 2, keep: 1, need: 90 })] };
      const answer = await store().exchange(refused, signal);
      expect(answer).toMatchObject({ granted: false, accounts: [{ held: 1, used: 37 }] });
      for (let time = 0; time < 3; time += 1) expect(await store().exchange(refused, signal)).toEqual(answer);
      const [state] = (await store().accounts(exchange.realm, 10, signal)).filter(({ account }) => account === one);
      expect(state).toMatchObject({ used: 37, held: 1 });
    });

    it("books once what is sent fifty times at once", async () => {
      const realm = fresh("realm");
      const exchange = { realm, holder: "one", sequence: 1, ttlMs: 60_000, changes: [changeOf({ account: "a", used: 5, need: 5 })] };
      const answers = await Promise.all(Array.from({ length: 50 }, (_, at) => (at % 2 === 0 ? store() : other()).exchange(exchange, signal)));
      expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
      expect(await store().accounts(realm, 10, signal)).toMatchObject([{ used: 5, held: 5 }]);
    });

    it("refuses an exchange that was overtaken, and a number that was used for other accounts", async () => {
      const [account, another, realm] = [fresh(), fresh(), fresh("realm")];
      const exchange = (sequence: number, changes: readonly AccountChange[], holder = "one") =>
        store().exchange({ realm, holder, sequence, ttlMs: 60_000, changes }, signal);
      await exchange(5, [changeOf({ account, used: 1 })]);
      await expect(exchange(4, [changeOf({ account, used: 10 })])).rejects.toBeInstanceOf(UsageStoreError);
      if (subject().isSpread !== true) {
        await expect(exchange(5, [changeOf({ account }), changeOf({ account: another, used: 10 })])).rejects.toBeInstanceOf(UsageStoreError);
      }
      // Of another account, or of another holder, it may be.
      expect((await exchange(4, [changeOf({ account: another, used: 2 })])).accounts[0]?.used).toBe(2);
      expect((await exchange(4, [changeOf({ account, used: 2 })], "two")).accounts[0]?.used).toBe(3);
    });
  });

  describe("at once", () => {
    it.for([
      { limit: 20, need: 1, fit: 20 },
      { limit: 100, need: 3, fit: 33 },
    ])("grants exactly what fits when fifty ask: $need each of $limit", async ({ limit, need, fit }) => {
      const [account, realm, neighbour] = [fresh(), fresh("realm"), fresh("realm")];
      const storm = (of: string) =>
        Array.from({ length: 50 }, (_, at) => ask(`holder-${at}`, { account, limit, need }, { realm: of, at: at % 2 === 0 ? store() : other() }));
      const [here, there] = await Promise.all([Promise.all(storm(realm)), Promise.all(storm(neighbour))]);
      expect(here.filter(({ granted }) => granted)).toHaveLength(fit);
      expect(there.filter(({ granted }) => granted)).toHaveLength(fit);
      expect(await store().accounts(realm, 10, signal)).toMatchObject([{ account, used: 0, held: fit * need }]);
    });

    it("books every use of fifty, over accounts that some share", async () => {
      const realm = fresh("realm");
      const account = (at: number) => `shared-${at % 3}`;
      await Promise.all(
        Array.from({ length: 50 }, (_, at) =>
          ask(
            `holder-${at}`,
            { account: "x" },
            { realm, at: at % 2 === 0 ? store() : other(), changes: [changeOf({ account: "all", used: 1 }), changeOf({ account: account(at), used: 1 })] },
          ),
        ),
      );
      const used = Object.fromEntries((await store().accounts(realm, 10, signal)).map((state) => [state.account, state.used]));
      expect(used).toEqual({ all: 50, "shared-0": 17, "shared-1": 17, "shared-2": 16 });
    });
  });

  describe("the list of accounts", () => {
    it("has those that count, changed last first, and no more than asked for", async () => {
      const realm = fresh("realm");
      const now = subject().now();
      const window = { kind: "until", from: now - 1_000, at: now + DAY_MS } as const;
      expect(await store().accounts(realm, 10, signal)).toEqual([]);
      await ask("one", { account: "a", used: 1, need: 2 }, { realm });
      await subject().pass(5);
      await ask("one", { account: "b", used: 3, window, limit: null }, { realm });
      await subject().pass(5);
      await ask("one", { account: "idle" }, { realm });
      await ask("two", { account: "a", need: 4 }, { realm, at: other() });
      await ask("one", { account: "elsewhere", used: 1 }, { realm: fresh("realm") });
      expect(await other().accounts(realm, 10, signal)).toEqual([
        { account: "a", used: 1, held: 6, limit: 100, window: { kind: "sliding", ms: 3_600_000 } },
        { account: "b", used: 3, held: 0, limit: null, window },
      ]);
      expect(await store().accounts(realm, 1, signal)).toMatchObject([{ account: "a" }]);
    });

    it("has many", async () => {
      const realm = fresh("realm");
      for (let at = 0; at < 10; at += 1) {
        const changes = Array.from({ length: MAX_CHANGES }, (_, index) => changeOf({ account: `${at}-${index}`, used: at + 1 }));
        await ask("one", { account: "x" }, { realm, changes });
        await subject().pass(2);
      }
      const listed = await store().accounts(realm, 1_000, signal);
      expect(new Set(listed.map(({ account }) => account)).size).toBe(10 * MAX_CHANGES);
      expect((await store().accounts(realm, 250, signal)).map(({ used }) => used)).toEqual(listed.slice(0, 250).map(({ used }) => used));
      expect(listed.map(({ used }) => used)).toEqual(listed.map(({ used }) => used).toSorted((one, next) => next - one));
    });
  });

  describe("names and numbers", () => {
    const odd = [
      "}{a}{b",
      "a:b::c",
      "line\r\n\tend\u0000",
      "schlüssel/日本/😀",
      "\ud800 alone",
      "*?[a-z]$(x)`;'\"\\",
      "__proto__",
      "constructor",
      " ",
      "%7B%",
      "é".repeat(1_024),
    ];

    it.each(odd.map((name) => [name.slice(0, 20), name]))("takes any name of an account: %j", async (_, account) => {
      const realm = fresh("realm");
      await ask("one", { account, used: 3, need: 2 }, { realm });
      await ask("one", { account: account.slice(0, 1_023) + (account.endsWith("x") ? "y" : "x") }, { realm });
      expect(await ask("two", { account }, { realm, at: other() })).toMatchObject({ accounts: [{ used: 3, heldByOthers: 2 }] });
      expect(await store().accounts(realm, 10, signal)).toMatchObject([{ account, used: 3, held: 2 }]);
    });

    it("takes any realm and any holder, and tells apart what looks alike", async () => {
      const names = [...odd.map((name) => name.slice(0, 150)), "a", "A", "a ", " a", "ä", "a\u0308", "{a}", "a}", "{a", "a,b", "a:b", "a/b"].filter(
        (name) => name !== "",
      );
      const realm = fresh("realm");
      for (const [at, name] of names.entries()) {
        await ask("h", { account: "same", used: at + 1 }, { realm: name });
        await ask(name, { account: "holders", keep: 1 }, { realm });
      }
      for (const [at, name] of names.entries()) expect(await other().accounts(name, 10, signal)).toMatchObject([{ account: "same", used: at + 1 }]);
      expect(await store().accounts(realm, 10, signal)).toMatchObject([{ account: "holders", held: names.length }]);
      for (const name of names) await ask(name, { account: "holders" }, { realm });
      expect(await store().accounts(realm, 10, signal)).toEqual([]);
      expect((await ask("last", { account: "holders" }, { realm })).accounts[0]?.heldByOthers).toBe(0);
    });

    it("refuses what no store may take, and books nothing of it", async () => {
      const [realm, account] = [fresh("realm"), fresh()];
      const wrongChanges: readonly Partial<AccountChange>[] = [
        ...[0.5, -1, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY].flatMap((amount) => [
          { used: amount },
          { limit: amount },
          { keep: amount, need: amount, want: amount },
          { want: amount },
        ]),
        { need: 2, want: 1 },
        { keep: 2, need: 1, want: 3 },
        { account: "" },
        { account: "x".repeat(1_025) },
        ...[0, -1, 0.5, Number.NaN, 2 ** 53].map((ms) => ({ window: { kind: "sliding", ms } as const })),
        { window: { kind: "until", from: 5, at: 5 } },
        { window: { kind: "until", from: 0, at: 0.5 } },
      ];
      const right = changeOf({ account, used: 1 });
      for (const wrong of wrongChanges) {
        await expect(ask("h", { account }, { realm, changes: [right, { ...changeOf({ account: "wrong" }), ...wrong }] })).rejects.toBeInstanceOf(
          UsageStoreError,
        );
      }
      const many = Array.from({ length: MAX_CHANGES + 1 }, (_, at) => changeOf({ account: `${at}`, used: 1 }));
      const wrongs: readonly Partial<AccountExchange>[] = [
        { realm: "" },
        { realm: "r".repeat(401) },
        { holder: "" },
        { holder: "h".repeat(201) },
        ...[-1, 0.5, Number.NaN, 2 ** 53].map((sequence) => ({ sequence })),
        ...[0, -1, 0.5, Number.NaN, 3_600_001].map((ttlMs) => ({ ttlMs })),
        { changes: [] },
        { changes: [right, right] },
        { changes: many },
      ];
      for (const wrong of wrongs) await expect(ask("h", { account }, { realm, changes: [right], ...wrong })).rejects.toBeInstanceOf(UsageStoreError);
      for (const max of [0, -1, 0.5, Number.NaN]) await expect(store().accounts(realm, max, signal)).rejects.toBeInstanceOf(UsageStoreError);
      expect(await store().accounts(realm, 10, signal)).toEqual([]);
    });
  });

  it("does as the account book does, whatever is asked", async () => {
    const amount = fc.nat(12);
    const window: fc.Arbitrary<(now: number) => AccountWindow> = fc.oneof(
      fc.constantFrom(60, 90, 600, 60_000).map((ms) => () => ({ kind: "sliding", ms }) as const),
      fc
        .constantFrom(40, 1_000)
        .map((ms) => (now: number) => ({ kind: "until", from: Math.floor(now / ms) * ms, at: Math.floor(now / ms) * ms + ms }) as const),
      fc.constant(() => ({ kind: "none" }) as const),
    );
    const change = fc.record({
      account: fc.constantFrom("a", "b", "c"),
      window,
      limit: fc.option(fc.nat(40), { freq: 8 }),
      used: fc.oneof(fc.constant(0), amount),
      keep: amount,
      more: amount,
      most: amount,
    });
    const step = fc.record({
      changes: fc.uniqueArray(change, { minLength: 1, maxLength: 3, selector: ({ account }) => account }),
      holder: fc.constantFrom("one", "two", "three"),
      ttlMs: fc.constantFrom(1, 30, 60_000),
      again: fc.boolean(),
      passMs: fc.constantFrom(0, 0, 0, 7, 61),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const realm = fresh("law");
        const book = new Map<string, AccountDocument>();
        for (const [sequence, { changes: wanted, holder, ttlMs, again, passMs }] of steps.entries()) {
          if (passMs > 0 && !(subject().realTime && passMs > 10)) await subject().pass(passMs);
          const changes = wanted.map(({ account, window: windowAt, limit, used, keep, more, most }) => ({
            account,
            window: windowAt(subject().now()),
            limit,
            used,
            keep,
            need: keep + more,
            want: keep + more + most,
          }));
          const exchange = { realm, holder, sequence, ttlMs, changes };
          const answer = await (sequence % 2 === 0 ? store() : other()).exchange(exchange, signal);
          const { documents, answer: expected } = bookExchange(
            changes.map(({ account }) => book.get(account) ?? null),
            exchange,
            answer.now,
          );
          expect(answer).toEqual(expected);
          for (const [at, document] of (documents ?? []).entries()) book.set(changes[at]?.account ?? "", document);
          if (again) expect(await store().exchange(exchange, signal)).toEqual(answer);
        }
      }),
      { numRuns: Math.min(subject().realTime ? 40 : 150, subject().runs ?? 150) },
    );
  });
}
