import { describe, expect, it } from "vitest";
import { fullMatch } from "../../../src/routing/full-match.ts";

const TAIL = "a".repeat(16_000);

/** Each of these takes a backtracking engine longer than the age of the universe on `TAIL + "!"`. */
const EVIL = [
  ".*a.{400}b",
  "(a+)+",
  "(a|aa)+",
  "(a|a?)+",
  "(.*a){20}",
  "([a-z]+)*",
  "(a*)*b",
  "((a|b)+)*c",
  "(x+x+)+y",
  "(.*)(.*)(.*)(.*)z",
  "^(([a-z])+.)+[A-Z]([a-z])+$",
];

describe("fullMatch", () => {
  it.each(EVIL)("T20: answers for %j on a subject of 16,000 characters", (pattern) => {
    const compiled = fullMatch(pattern);
    if (!compiled.ok) throw new Error(compiled.reason);
    expect(compiled.test(`${TAIL}!`)).toBe(false);
  });

  it("T20: bounds the size of a program, because time is size times length", () => {
    expect(fullMatch("[a-z]{900}[0-9]{900}")).toMatchObject({ ok: false, reason: expect.stringContaining("too large") });
    expect(fullMatch("a".repeat(5_000))).toMatchObject({ ok: false, reason: expect.stringContaining("longer than") });
  });
});
