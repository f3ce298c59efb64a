import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileExpression } from "../../../src/routing/compile-expression.ts";
import { expressionTest } from "../../../src/routing/expression-program.ts";
import { fullMatch } from "../../../src/routing/full-match.ts";

/** As a bundle holds it: through JSON. */
const testOf = (pattern: string) => expressionTest(JSON.parse(JSON.stringify(compileExpression(pattern))));

function both(pattern: string, subject: string): readonly [boolean, boolean] {
  const library = fullMatch(pattern);
  if (!library.ok) throw new Error(library.reason);
  return [testOf(pattern)(subject), library.test(subject)];
}

/** Patterns that RE2 takes, and subjects that come near to them. */
const atom = fc.constantFrom(
  "a",
  "b",
  "K",
  "ß",
  "é",
  "日",
  "😀",
  ".",
  "[a-c]",
  "[^a]",
  "[[:alpha:]]",
  "\\d",
  "\\w",
  "\\W",
  "\\s",
  "\\pL",
  "\\n",
  "\\b",
  "\\B",
  "^",
  "$",
  "\\A",
  "\\z",
  "(?i:k)",
  "(?i:s)",
  "(?s:.)",
  "(?m:^)",
  "(?m:$)",
  "",
);
const pattern = fc.letrec<{ expression: string }>((tie) => ({
  expression: fc.oneof(
    { maxDepth: 4, depthIdentifier: "expression" },
    atom,
    fc.tuple(tie("expression"), tie("expression")).map(([one, other]) => one + other),
    fc.tuple(tie("expression"), tie("expression")).map(([one, other]) => `(?:${one}|${other})`),
    fc.tuple(tie("expression"), fc.constantFrom("*", "+", "?", "*?", "{2}", "{1,3}")).map(([one, times]) => `(${one})${times}`),
    tie("expression").map((one) => `(?i:${one})`),
  ),
})).expression;
const subject = fc
  .array(fc.constantFrom("a", "b", "c", "k", "K", "\u212a", "s", "S", "ſ", "ß", "ẞ", "é", "É", "日", "😀", "\ud83d", "1", "_", " ", "\n", "/"))
  .map((parts) => parts.join(""));

describe("a program of a regular expression", () => {
  it("says what the library says of every pattern and subject", () => {
    fc.assert(
      fc.property(pattern, subject, (written, tried) => {
        const [program, library] = both(written, tried);
        expect(program, `${written} on ${JSON.stringify(tried)}`).toBe(library);
      }),
      { numRuns: 400 },
    );
  });

  it.each([
    ["/v[0-9]+/chat", "/v1/chat", true],
    ["/v[0-9]+/chat", "/v1/chat/", false],
    ["/v[0-9]+/chat", "x/v1/chat", false],
    ["a|ab", "ab", true],
    ["", "", true],
    ["", "a", false],
    ["(?i)gpt-4o", "GPT-4O", true],
    ["(?i)k", "\u212a", true],
    ["\\bchat\\b", "chat", true],
    ["(?m)a$\\n^b", "a\nb", true],
    ["[^/]+", "日本😀", true],
  ])("%s on %j is %s", (written, tried, expected) => {
    expect(both(written, tried)).toEqual([expected, expected]);
  });

  it("matches something and something not, in the property above", () => {
    const found = new Set<boolean>();
    fc.assert(
      fc.property(pattern, subject, (written, tried) => void found.add(both(written, tried)[0])),
      { numRuns: 50 },
    );
    expect(found.size).toBe(2);
  });

  it.each([".*a.{400}b", "(a+)+", "(a|aa)+", "(.*a){20}", "(a*)*b", "(.*)(.*)(.*)(.*)z"])("answers for %j on a subject of 16,000 characters", (written) => {
    expect(testOf(written)(`${"a".repeat(16_000)}!`)).toBe(false);
  });

  it("may be asked again and again", () => {
    const test = testOf("a+b");
    expect([test("aab"), test("b"), test("aab"), test(""), test("ab")]).toEqual([true, false, true, false, true]);
  });
});
