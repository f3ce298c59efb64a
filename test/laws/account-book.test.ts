import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AccountDocument, bookExchange, forgottenAt, MAX_HOLDERS, stateOf } from "../../adapters/usage/account-book.ts";
import { type AccountChange, type AccountWindow, type ExchangeAnswer, UsageStoreError } from "../../src/index.ts";

const START = Date.UTC(2026, 10, 22, 12);

/** All that ever happened to one account, looked through anew for each question. */
interface Oracle {
  readonly bookings: { readonly at: number; readonly period: number; readonly amount: number }[];
  readonly held: Map<string, { readonly amount: number; readonly until: number }>;
}

/** Until when a booking counts. */
function endOf(window: AccountWindow, { at, period }: { at: number; period: number }): number {
  if (window.kind === "none") return at;
  if (window.kind === "until") return period;
  const part = Math.ceil(window.ms / 60);
  return (Math.floor(at / part) + 1) * part + window.ms;
}

function standing({ bookings, held }: Oracle, window: AccountWindow, holder: string, now: number): { readonly used: number; readonly others: number } {
  return {
    used: bookings.filter((booking) => endOf(window, booking) > now).reduce((sum, { amount }) => sum + amount, 0),
    others: [...held].filter(([name, { until }]) => name !== holder && until > now).reduce((sum, [, { amount }]) => sum + amount, 0),
  };
}

const amount = fc.nat(15);
const step = fc.record({
  passMs: fc.oneof({ weight: 3, arbitrary: fc.nat(40) }, { weight: 1, arbitrary: fc.nat(3_000) }),
  holder: fc.constantFrom("one", "two", "three"),
  used: amount,
  keep: amount,
  more: amount,
  most: amount,
  ttlMs: fc.constantFrom(1, 100, 5_000),
});
const windows: fc.Arbitrary<(now: number) => AccountWindow> = fc.oneof(
  fc.constantFrom(1, 59, 60, 61, 600, 1_000, 1_234).map((ms) => () => ({ kind: "sliding", ms }) as const),
  fc.constantFrom(100, 1_000).map((ms) => (now: number) => ({ kind: "until", from: Math.floor(now / ms) * ms, at: Math.floor(now / ms) * ms + ms }) as const),
  fc.constant(() => ({ kind: "none" }) as const),
);

describe("the account book", () => {
  it("answers as one who has written down every booking", () => {
    fc.assert(
      fc.property(windows, fc.option(fc.nat(60), { freq: 8 }), fc.array(step, { maxLength: 60 }), (windowAt, limit, steps) => {
        const oracle: Oracle = { bookings: [], held: new Map() };
        let document: AccountDocument | null = null;
        let now = START;
        for (const [sequence, { passMs, holder, used, keep, more, most, ttlMs }] of steps.entries()) {
          now += passMs;
          const window = windowAt(now);
          const change: AccountChange = { account: "a", window, limit, used, keep, need: keep + more, want: keep + more + most };
          const { answer, documents }: { answer: ExchangeAnswer; documents: readonly AccountDocument[] | null } = bookExchange(
            [document],
            { realm: "r", holder, sequence, ttlMs, changes: [change] },
            now,
          );
          document = documents?.[0] ?? null;
          oracle.bookings.push({ at: now, period: window.kind === "until" ? window.at : 0, amount: used });
          const stood = standing(oracle, window, holder, now);
          const room = limit === null ? Number.POSITIVE_INFINITY : limit - stood.used - stood.others;
          const fits = change.need <= room || change.need === change.keep;
          const held = fits ? Math.max(change.need, Math.min(change.want, room)) : change.keep;
          expect(answer).toMatchObject({ granted: fits, now, accounts: [{ held, used: stood.used, heldByOthers: stood.others }] });
          oracle.held.set(holder, { amount: held, until: now + ttlMs });
          const roomInMs = answer.accounts[0]?.roomInMs ?? null;
          if (fits) expect(roomInMs).toBe(0);
          else if (limit !== null && change.need > limit) expect(roomInMs).toBeNull();
          else {
            // At that moment it fits, and one millisecond before it does not.
            const roomAt = (at: number) => {
              const later = standing(oracle, window, holder, at);
              return (limit ?? 0) - later.used - later.others;
            };
            expect(roomInMs).not.toBeNull();
            expect(roomAt(now + (roomInMs ?? 0))).toBeGreaterThanOrEqual(change.need);
            expect(roomAt(now + (roomInMs ?? 0) - 1)).toBeLessThan(change.need);
          }
          expect(JSON.parse(JSON.stringify(document))).toEqual(document);
          expect(document?.bookings.length).toBeLessThanOrEqual(61);
          if (document !== null) {
            const state = stateOf("a", document, now);
            expect(state?.used ?? 0).toBe(stood.used);
            expect(state?.held ?? 0).toBe(stood.others + held);
            expect(stateOf("a", document, forgottenAt(document))).toBeNull();
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  it("lets no span of a sliding window hold more than the limit, where nothing is used but what was held", () => {
    const call = fc.record({
      passMs: fc.oneof(fc.nat(5), fc.nat(700)),
      holder: fc.constantFrom("one", "two"),
      need: fc.integer({ min: 1, max: 10 }),
      usedOf: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.constantFrom(60, 100, 1_000), fc.integer({ min: 5, max: 20 }), fc.array(call, { maxLength: 80 }), (ms, limit, calls) => {
        let document: AccountDocument | null = null;
        let now = START;
        let sequence = 0;
        const uses: { readonly at: number; readonly amount: number }[] = [];
        const send = (holder: string, used: number, need: number): boolean => {
          const change: AccountChange = { account: "a", window: { kind: "sliding", ms }, limit, used, keep: 0, need, want: need };
          const { documents, answer }: { documents: readonly AccountDocument[] | null; answer: ExchangeAnswer } = bookExchange(
            [document],
            { realm: "r", holder, sequence, ttlMs: 60_000, changes: [change] },
            now,
          );
          sequence += 1;
          document = documents?.[0] ?? null;
          return answer.granted;
        };
        for (const { passMs, holder, need, usedOf } of calls) {
          now += passMs;
          if (!send(holder, 0, need)) continue;
          const used = Math.round(need * usedOf);
          now += 3;
          uses.push({ at: now, amount: used });
          send(holder, used, 0);
        }
        for (const { at: from } of uses) {
          const inSpan = uses.filter(({ at }) => at >= from && at < from + ms).reduce((sum, { amount: used }) => sum + used, 0);
          expect(inSpan).toBeLessThanOrEqual(limit);
        }
      }),
      { numRuns: 300 },
    );
  });

  const changed = ({ keep = 0, need = keep, want = need, ...change }: Partial<AccountChange>): AccountChange => ({
    account: "a",
    window: { kind: "sliding", ms: 60_000 },
    limit: 100,
    used: 0,
    ...change,
    keep,
    need,
    want,
  });
  const booked = (document: AccountDocument | null, change: Partial<AccountChange>, now: number, holder = "one", sequence = now) =>
    bookExchange([document], { realm: "r", holder, sequence, ttlMs: 60_000, changes: [changed(change)] }, now);

  it("recovers from a clock that was ahead: what was booked then counts from now", () => {
    const year = 365 * 86_400_000;
    const ahead = booked(null, { used: 40, keep: 10 }, START + year);
    const put = booked(ahead.documents?.[0] ?? null, { used: 1 }, START, "two", 1);
    expect(put.answer.accounts[0]).toMatchObject({ used: 41, heldByOthers: 10 });
    const document = put.documents?.[0] ?? null;
    expect(booked(document, {}, START + 61_000, "two", 2).answer.accounts[0]).toMatchObject({ used: 0, heldByOthers: 10 });
    expect(booked(document, {}, START + 3_600_000, "two", 2).answer.accounts[0]).toMatchObject({ used: 0, heldByOthers: 0 });
  });

  it("keeps a bound on holders: the idle are forgotten, and one too many of the others is refused", () => {
    let document: AccountDocument | null = null;
    for (let at = 0; at < MAX_HOLDERS; at += 1)
      document = booked(document, { keep: at === 500 ? 0 : 1, limit: null }, START, `holder-${at}`, 1).documents?.[0] ?? null;
    const more = booked(document, { keep: 1, limit: null }, START, "one more", 1);
    expect(more.answer.accounts[0]).toMatchObject({ held: 1, heldByOthers: MAX_HOLDERS - 1 });
    const full = more.documents?.[0] ?? null;
    expect(full?.holders).toHaveLength(MAX_HOLDERS);
    expect(() => booked(full, { keep: 1, limit: null }, START, "too many", 1)).toThrow(UsageStoreError);
    // A minute later they hold nothing any more.
    expect(booked(full, { keep: 1, limit: null }, START + 60_000, "too many", 1).answer.accounts[0]).toMatchObject({ held: 1, heldByOthers: 0 });
  });

  it("knows an exchange for ten minutes, and then forgets who sent it", () => {
    const first = booked(null, { used: 5, need: 1 }, START, "one", 1);
    const document = first.documents?.[0] ?? null;
    expect(booked(document, { used: 5, need: 1 }, START + 599_999, "one", 1)).toEqual({ documents: null, answer: first.answer });
    const kept = (now: number) => booked(document, {}, now, "two", 1).documents?.[0]?.holders.map(({ name }) => name);
    expect(kept(START + 599_999)).toEqual(["one", "two"]);
    expect(kept(START + 600_000)).toEqual(["two"]);
  });
});
