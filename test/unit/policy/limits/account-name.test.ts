import { expect, it } from "vitest";
import { accountName, readAccountName } from "../../../../src/policy/limits/account-name.ts";

it("is a list of the limit, the window and the values, and is read as it was written", () => {
  const parts = { limit: "a/p/l", window: "sliding:60000", of: ["team-a", 'm"1', ""] };
  expect(accountName(parts)).toBe('["a/p/l","sliding:60000","team-a","m\\"1",""]');
  expect(readAccountName(accountName(parts))).toEqual(parts);
  expect(readAccountName(accountName({ ...parts, of: [] }))).toEqual({ ...parts, of: [] });
});

it("cuts values of more than 200 units, and tells them apart", () => {
  const name = (value: string) => accountName({ limit: "l", window: "none", of: [value] });
  expect(name("x".repeat(200))).toBe(JSON.stringify(["l", "none", "x".repeat(200)]));
  expect(readAccountName(name("x".repeat(201)))?.of[0]).toMatch(/^x{64}…sha-256:[0-9a-f]{64}$/);
  expect(name(`${"x".repeat(250)}a`)).not.toBe(name(`${"x".repeat(250)}b`));
});

it("is never longer than a store takes, and long lists are told apart too", () => {
  const name = (of: readonly string[], limit = "l") => accountName({ limit, window: "none", of });
  const many = ["a", "b", "c", "d", "e", "f"].map((letter) => letter.repeat(200));
  expect(readAccountName(name(many))?.of).toEqual([expect.stringMatching(/^sha-256:[0-9a-f]{64}$/)]);
  expect(name(many)).not.toBe(name(many.toReversed()));
  // 1,024 units as they are, 1,025 by their digest.
  const rest = 1_024 - name([...many.slice(0, 4), ""]).length;
  expect(name([...many.slice(0, 4), "y".repeat(rest)])).toHaveLength(1_024);
  expect(name([...many.slice(0, 4), "y".repeat(rest + 1)]).length).toBeLessThan(200);
});

it("says of what nobody here wrote that nobody did", () => {
  for (const name of [
    "",
    "{",
    "{}",
    "null",
    '"text"',
    "7",
    "[]",
    '["l"]',
    '["l",7]',
    '[7,"none"]',
    '["l","none",7]',
    '["l","none",null,"a"]',
    '{"0":"l","1":"none","length":2}',
  ]) {
    expect(readAccountName(name), name).toBeNull();
  }
});
