import { expect, it } from "vitest";
import type { LimitRule } from "../../../../src/model/limit.ts";
import { type AccountIdentity, belongs, createAccountTable } from "../../../../src/policy/limits/account-table.ts";
import { claim, makeLimit } from "../../../fakes/limit-world.ts";

interface Account {
  readonly identity: AccountIdentity;
  rule: LimitRule;
  gone: boolean;
}

function createTable(maxAccounts = 100, spare: (accounts: Iterable<Account>) => Account | null = () => null) {
  const opened: string[] = [];
  const table = createAccountTable<Account>({
    maxAccounts,
    open: (identity, rule) => {
      opened.push(identity.name);
      return { identity, rule, gone: false };
    },
    spare,
  });
  return { table, opened };
}

const NOON = Date.UTC(2026, 10, 22, 12);
const MODELS = makeLimit({ per: ["model"] });
const DAY_MS = 86_400_000;

it("knows an account by its limit, window and values", () => {
  const { table, opened } = createTable();
  const one = table.find(claim(MODELS, 1, "m-1"), NOON);
  expect(one?.identity).toEqual({ name: '["team/policy/limit","sliding:60000","m-1"]', window: { kind: "sliding", ms: 60_000 }, period: null });
  expect(table.find(claim(MODELS, 7, "m-1"), NOON + DAY_MS)).toBe(one);
  expect(table.find(claim(MODELS, 1, "m-2"), NOON)).not.toBe(one);
  expect(table.find(claim({ ...MODELS, id: "other" }, 1, "m-1"), NOON)).not.toBe(one);
  expect(table.find(claim({ ...MODELS, window: { kind: "sliding", ms: 60_001 } }, 1, "m-1"), NOON)).not.toBe(one);
  const calls = table.find(claim({ ...MODELS, window: null }, 1, "m-1"), NOON);
  expect(calls?.identity).toEqual({ name: '["team/policy/limit","none","m-1"]', window: { kind: "none" }, period: null });
  expect(table.size).toBe(5);
  expect(opened).toHaveLength(5);
  expect([...table.all()]).toContain(one);
});

it("a changed amount is known to the account it is for", () => {
  const { table } = createTable();
  const one = table.find(claim(MODELS, 1, "m"), NOON);
  expect(one?.rule).toBe(MODELS);
  const raised = { ...MODELS, limit: 5_000 };
  expect(table.find(claim(raised, 1, "m"), NOON)).toBe(one);
  expect(one?.rule).toBe(raised);
});

it("no two lists of values share an account", () => {
  for (const lists of [
    [
      ["a", "b"],
      ["ab", ""],
      ["", "ab"],
      ["1:a", "b"],
      ["a", "1:b"],
      ["b", "a"],
      ["", ""],
      ["a1:b", ""],
    ],
    [[""], ["a"], ["1:a"]],
    [[]],
  ]) {
    const { table } = createTable();
    const found = lists.map((of) => table.find(claim(MODELS, 1, ...of), NOON));
    expect(new Set(found).size).toBe(lists.length);
    for (const [at, of] of lists.entries()) expect(table.find(claim(MODELS, 1, ...of), NOON)).toBe(found[at]);
  }
});

it("a day has an account of its own, whose zone is not told apart where its day is the same", () => {
  const { table } = createTable();
  const day = makeLimit({ window: { kind: "calendar", period: "day", timeZone: "Etc/UTC" } });
  const start = NOON - DAY_MS / 2;
  const today = table.find(claim(day), NOON);
  expect(today?.identity).toEqual({
    name: `["team/policy/limit","day:${start}"]`,
    window: { kind: "until", from: start, at: start + DAY_MS },
    period: { start, end: start + DAY_MS },
  });
  expect(table.find(claim(day), start)).toBe(today);
  expect(table.find(claim(day), start + DAY_MS - 1)).toBe(today);
  const next = table.find(claim(day), start + DAY_MS);
  expect(next?.identity.period?.start).toBe(start + DAY_MS);
  expect(table.find(claim(day), start - 1)?.identity.period?.start).toBe(start - DAY_MS);
  expect(table.find(claim({ ...day, window: { kind: "calendar", period: "day", timeZone: "Africa/Abidjan" } }), NOON)).toBe(today);
  expect(belongs(null, 5)).toBe(true);
  expect([9, 10, 19, 20].map((time) => belongs({ start: 10, end: 20 }, time))).toEqual([false, true, true, false]);
});

it("opens anew what was removed", () => {
  const { table } = createTable();
  const one = table.find(claim(MODELS, 1, "m"), NOON);
  if (one === null) throw new Error("there is room");
  table.remove(one);
  expect(one.gone).toBe(true);
  expect(table.size).toBe(0);
  const again = table.find(claim(MODELS, 1, "m"), NOON);
  expect(again).not.toBe(one);
  expect(again?.gone).toBe(false);
});

it("is bounded: it takes one more only in the place of one that can be spared", () => {
  let spared: string | null = null;
  const { table } = createTable(2, (accounts) => [...accounts].find(({ identity }) => identity.name.includes(`"${spared}"`)) ?? null);
  const first = table.find(claim(MODELS, 1, "first"), NOON);
  const second = table.find(claim(MODELS, 1, "second"), NOON);
  expect(table.find(claim(MODELS, 1, "third"), NOON)).toBeNull();
  expect(table.find(claim(MODELS, 1, "second"), NOON)).toBe(second);
  spared = "first";
  expect(table.find(claim(MODELS, 1, "third"), NOON)).not.toBeNull();
  expect(first?.gone).toBe(true);
  expect(second?.gone).toBe(false);
  expect(table.size).toBe(2);
});

it("finds an account among more than it remembers the values of", () => {
  const { table, opened } = createTable(10_000);
  const find = () => Array.from({ length: 1_500 }, (_, at) => table.find(claim(MODELS, 1, `m-${at}`), NOON));
  const first = find();
  const again = find();
  expect(again.every((account, at) => account === first[at])).toBe(true);
  expect(opened).toHaveLength(1_500);
});
