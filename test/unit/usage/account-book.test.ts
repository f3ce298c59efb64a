import { describe, expect, it } from "vitest";
import { type AccountDocument, bookExchange, forgottenAt, MAX_HOLDERS, MAX_TTL_MS, REMEMBERED_MS, stateOf } from "../../../adapters/usage/account-book.ts";
import { type AccountChange, UsageStoreError } from "../../../src/index.ts";
import { changeOf, DAY_MS } from "../../contracts/usage-store.ts";

const NOON = Date.UTC(2026, 10, 22, 12);
const HOUR_MS = 3_600_000;
const TTL_MS = 60_000;

interface Asked {
  readonly holder?: string;
  readonly sequence?: number;
  readonly now?: number;
  readonly ttlMs?: number;
  readonly mayGrant?: boolean;
}

function ask(
  documents: readonly (AccountDocument | null)[],
  changes: readonly Partial<AccountChange>[],
  { holder = "one", sequence = 1, now = NOON, ttlMs = TTL_MS, mayGrant }: Asked = {},
) {
  const exchange = { realm: "r", holder, sequence, ttlMs, changes: changes.map((change, at) => changeOf({ account: `account-${at}`, ...change })) };
  return bookExchange(documents, exchange, now, ...(mayGrant === undefined ? [] : [mayGrant]));
}

function documentOf(changes: readonly (Partial<AccountChange> & Asked)[]): AccountDocument {
  let document: AccountDocument | null = null;
  for (const { holder, sequence, now, ttlMs, ...change } of changes) {
    const asked = { ...(holder && { holder }), ...(sequence && { sequence }), ...(now && { now }), ...(ttlMs && { ttlMs }) };
    document = ask([document], [change], asked).documents?.[0] ?? null;
  }
  if (document === null) throw new Error("nothing was booked");
  return document;
}

describe("an exchange of several accounts", () => {
  it("is written down for each, with its holder's time, number and answer", () => {
    const { documents, answer } = ask(
      [null, null],
      [
        { used: 5, need: 10, want: 20 },
        { limit: null, window: { kind: "none" }, keep: 3 },
      ],
      {
        sequence: 7,
        ttlMs: 1_234,
      },
    );
    const own = { name: "one", until: NOON + 1_234, sequence: 7, answeredAt: NOON, granted: true, heldByOthers: 0, roomInMs: 0 };
    expect(answer).toEqual({
      granted: true,
      now: NOON,
      accounts: [
        { held: 20, used: 5, heldByOthers: 0, roomInMs: 0 },
        { held: 3, used: 0, heldByOthers: 0, roomInMs: 0 },
      ],
    });
    expect(documents).toEqual([
      {
        limit: 100,
        window: { kind: "sliding", ms: HOUR_MS },
        changedAt: NOON,
        bookings: [[NOON, NOON + 60_000, 5]],
        holders: [{ ...own, held: 20, used: 5 }],
      },
      { limit: null, window: { kind: "none" }, changedAt: NOON, bookings: [], holders: [{ ...own, held: 3, used: 0 }] },
    ]);
  });

  it("grants none where one has no room, here or elsewhere, and keeps what was promised", () => {
    const changes = [
      { keep: 2, need: 10, want: 20 },
      { keep: 1, need: 101 },
    ];
    expect(ask([null, null], changes).answer).toMatchObject({
      granted: false,
      accounts: [
        { held: 2, roomInMs: 0 },
        { held: 1, roomInMs: null },
      ],
    });
    const roomy = [{ keep: 2, need: 10, want: 20 }];
    expect(ask([null], roomy, { mayGrant: false }).answer).toMatchObject({ granted: false, accounts: [{ held: 2, roomInMs: 0 }] });
    expect(ask([null], roomy, { mayGrant: false }).documents?.[0]?.holders).toMatchObject([{ held: 2, granted: false }]);
    expect(ask([null], roomy, { mayGrant: true }).answer).toMatchObject({ granted: true, accounts: [{ held: 20 }] });
  });

  it("is known again only as it was: by its number, for all of its accounts", () => {
    const changes = [
      { used: 5, need: 1 },
      { used: 6, need: 200 },
    ];
    const first = ask([null, null], changes, { sequence: 4 });
    const documents = first.documents ?? [];
    expect(first.answer.granted).toBe(false);
    expect(ask(documents, changes, { sequence: 4, now: NOON + 5 })).toEqual({ documents: null, answer: first.answer });
    expect(() => ask([documents[0] ?? null, null], changes, { sequence: 4 })).toThrow(UsageStoreError);
    // One of its accounts has had a later one: it was overtaken, whatever the other says.
    expect(() => ask([documents[0] ?? null, null], changes, { sequence: 3 })).toThrow(UsageStoreError);
    expect(() => ask([null, documents[1] ?? null], changes, { sequence: 3 })).toThrow(UsageStoreError);
    // Numbers are each holder's own.
    expect(ask(documents, changes, { sequence: 4, holder: "two" }).answer.accounts).toMatchObject([{ used: 10 }, { used: 12 }]);
    expect(ask(documents, changes, { sequence: 5 }).answer.accounts).toMatchObject([{ used: 10 }, { used: 12 }]);
  });
});

describe("when there may be room", () => {
  const shared = documentOf([
    { holder: "long", keep: 30, ttlMs: 50_000 },
    { holder: "short", keep: 20, ttlMs: 10_000 },
    { holder: "longest", keep: 40, ttlMs: 70_000 },
  ]);
  const roomInMs = (document: AccountDocument | null, change: Partial<AccountChange>, asked: Asked = {}) =>
    ask([document], [change], { holder: "asker", ...asked }).answer.accounts[0]?.roomInMs;

  it("is now for what fits, to the unit, and for what is kept in any case", () => {
    expect(roomInMs(shared, { need: 10 })).toBe(0);
    expect(roomInMs(shared, { need: 500, keep: 500 })).toBe(0);
    expect(roomInMs(null, { need: 100 })).toBe(0);
    expect(roomInMs(null, { need: 101, limit: null })).toBe(0);
  });

  it("is when so many have ended that it fits, whoever came first", () => {
    expect(roomInMs(shared, { need: 11 })).toBe(10_000);
    expect(roomInMs(shared, { need: 30 })).toBe(10_000);
    expect(roomInMs(shared, { need: 31 })).toBe(50_000);
    expect(roomInMs(shared, { need: 61 })).toBe(70_000);
    expect(roomInMs(shared, { need: 100 })).toBe(70_000);
    expect(roomInMs(shared, { need: 31 }, { now: NOON + 4_000 })).toBe(46_000);
  });

  it("is never for more than the limit, also beside what is kept", () => {
    expect(roomInMs(shared, { need: 101 })).toBeNull();
    expect(roomInMs(shared, { keep: 5, need: 101 })).toBeNull();
    expect(roomInMs(shared, { keep: 5, need: 100 })).toBe(70_000);
  });

  it("counts what was used until its part of the window is over, and what is used now", () => {
    const used = documentOf([{ holder: "user", used: 60, window: { kind: "sliding", ms: 6_000 } }]);
    const window = { kind: "sliding", ms: 6_000 } as const;
    expect(roomInMs(used, { need: 41, window })).toBe(6_100);
    expect(roomInMs(used, { need: 40, window })).toBe(0);
    expect(roomInMs(used, { need: 40, used: 1, window })).toBe(6_100);
  });

  it("is once all has ended where the sums were cut off", () => {
    const most = Number.MAX_SAFE_INTEGER;
    const window = { kind: "none" } as const;
    const full = documentOf([
      { holder: "two", keep: most, limit: most, window, ttlMs: 20_000 },
      { holder: "three", keep: most, limit: most, window, ttlMs: 5_000 },
    ]);
    // Of two times 2^53 one is known of: after either has ended there is room, as far as it is known.
    expect(roomInMs(full, { need: 1, limit: most, window })).toBe(5_000);
    const used = documentOf([{ holder: "two", used: most, keep: most, limit: most, ttlMs: 20_000 }]);
    expect(roomInMs(used, { need: most, limit: most })).toBe(HOUR_MS + 60_000);
    expect(roomInMs(used, { need: 1, used: most, limit: 10 })).toBe(HOUR_MS + 60_000);
    // Beyond 2^53 only every other number is one: what is released falls one short of the three.
    expect(roomInMs(used, { need: 3, limit: 3 })).toBe(HOUR_MS + 60_000);
  });
});

describe("those who hold", () => {
  it("hold until their time is up, and not at that moment", () => {
    const document = documentOf([{ holder: "gone", keep: 60, ttlMs: 500 }]);
    const others = (now: number) => ask([document], [{}], { holder: "two", now }).answer.accounts[0]?.heldByOthers;
    expect([others(NOON + 499), others(NOON + 500)]).toEqual([60, 0]);
    expect(ask([document], [{ need: 100 }], { holder: "two", now: NOON + 499 }).answer).toMatchObject({ granted: false, accounts: [{ roomInMs: 1 }] });
    expect(ask([document], [{ need: 100 }], { holder: "two", now: NOON + 500 }).answer).toMatchObject({ granted: true });
  });

  it("stand in the order of their exchanges, and each once", () => {
    const document = documentOf([
      { holder: "a", keep: 1 },
      { holder: "b", keep: 1 },
      { holder: "a", keep: 3, sequence: 2 },
    ]);
    expect(document.holders.map(({ name, held }) => [name, held])).toEqual([
      ["b", 1],
      ["a", 3],
    ]);
  });

  it("hold for an hour more at most where their end was written by a clock that was ahead", () => {
    const ahead = documentOf([{ holder: "ahead", keep: 5, now: NOON + DAY_MS }]);
    const put = ask([ahead], [{}], { holder: "two" }).documents?.[0];
    expect(put?.holders[0]).toMatchObject({ name: "ahead", held: 5, until: NOON + MAX_TTL_MS });
    const right = documentOf([{ holder: "right", keep: 5, ttlMs: 1_000 }]);
    expect(ask([right], [{}], { holder: "two" }).documents?.[0]?.holders[0]).toMatchObject({ until: NOON + 1_000 });
  });

  it("are remembered for as long as they hold, be it for longer than their answer", () => {
    const document = documentOf([{ holder: "long", keep: 5, ttlMs: HOUR_MS }]);
    const names = (now: number) => ask([document], [{}], { holder: "two", now }).documents?.[0]?.holders.map(({ name }) => name);
    expect(names(NOON + HOUR_MS - 1)).toEqual(["long", "two"]);
    expect(names(NOON + HOUR_MS)).toEqual(["two"]);
  });

  it("make room for one more where they hold nothing: the one that was heard of longest ago goes", () => {
    const holders = Array.from({ length: MAX_HOLDERS }, (_, at) => ({
      name: `holder-${at}`,
      held: at === 700 ? 0 : 1,
      until: at === 300 ? NOON : NOON + TTL_MS,
      sequence: 1,
      answeredAt: NOON - 1_000,
      granted: true,
      used: 0,
      heldByOthers: 0,
      roomInMs: 0,
    }));
    const full: AccountDocument = { limit: null, window: { kind: "none" }, changedAt: NOON, bookings: [], holders };
    const window = { kind: "none" } as const;
    const names = (document: AccountDocument | null | undefined) => document?.holders.map(({ name }) => name) ?? [];
    const first = ask([full], [{ keep: 1, limit: null, window }], { holder: "one more" }).documents?.[0] ?? null;
    expect(names(first)).toEqual([...holders.map(({ name }) => name).filter((name) => name !== "holder-300"), "one more"]);
    const second = ask([first], [{ keep: 1, limit: null, window }], { holder: "and another" }).documents?.[0] ?? null;
    expect(names(second)).not.toContain("holder-700");
    expect(names(second)).toHaveLength(MAX_HOLDERS);
    expect(() => ask([second], [{ keep: 1, limit: null, window }], { holder: "too many" })).toThrow(UsageStoreError);
    // Those that are there go on, and need no place.
    expect(names(ask([second], [{ keep: 1, limit: null, window }], { holder: "holder-5", sequence: 2 }).documents?.[0])).toHaveLength(MAX_HOLDERS);
    // With one less there is a place for one more, and nobody goes.
    const roomy = { ...full, holders: holders.slice(1) };
    expect(names(ask([roomy], [{ window }], { holder: "last" }).documents?.[0])).toEqual([...names(roomy), "last"]);
  });
});

describe("how an account stands", () => {
  it("is what was used and what all hold, while either counts", () => {
    const document = documentOf([
      { holder: "a", used: 3, keep: 2, ttlMs: 1_000 },
      { holder: "b", keep: 4, ttlMs: 2_000, limit: 50 },
    ]);
    const state = { account: "a", limit: 50, window: { kind: "sliding", ms: HOUR_MS } };
    expect(stateOf("a", document, NOON)).toEqual({ ...state, used: 3, held: 6 });
    expect(stateOf("a", document, NOON + 1_000)).toEqual({ ...state, used: 3, held: 4 });
    expect(stateOf("a", document, NOON + 2_000)).toEqual({ ...state, used: 3, held: 0 });
    expect(stateOf("a", document, NOON + HOUR_MS + 59_999)).toEqual({ ...state, used: 3, held: 0 });
    expect(stateOf("a", document, NOON + HOUR_MS + 60_000)).toBeNull();
    expect(stateOf("a", documentOf([{ keep: 1 }]), NOON)).toMatchObject({ used: 0, held: 1 });
    expect(stateOf("a", documentOf([{}]), NOON)).toBeNull();
  });
});

describe("when a document may be removed", () => {
  it("is when nothing of it counts and nobody's answer is remembered", () => {
    expect(forgottenAt(documentOf([{ used: 1 }]))).toBe(NOON + HOUR_MS + 60_000);
    expect(forgottenAt(documentOf([{ used: 1, window: { kind: "sliding", ms: 60 } }]))).toBe(NOON + REMEMBERED_MS);
    expect(forgottenAt(documentOf([{ keep: 1, window: { kind: "none" }, ttlMs: 1_200_000 }]))).toBe(NOON + 1_200_000);
    expect(forgottenAt({ ...documentOf([{}]), holders: [] })).toBe(0);
  });

  it("is a day after the end of a period, so that it can still be looked at", () => {
    const window = { kind: "until", from: NOON - 1, at: NOON + HOUR_MS } as const;
    expect(forgottenAt(documentOf([{ used: 1, window }]))).toBe(NOON + HOUR_MS + DAY_MS);
    expect(forgottenAt(documentOf([{ keep: 1, window }]))).toBe(NOON + REMEMBERED_MS);
  });
});
