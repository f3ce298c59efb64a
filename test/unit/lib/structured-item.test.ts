import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type BareItem, formatItem, parseItem } from "../../../src/lib/structured-item.ts";
import { leastTime } from "../../fakes/least-time.ts";

const plain = (text: string) => {
  const parsed = parseItem(text);
  return parsed === null ? null : [parsed.item.value, Object.fromEntries([...parsed.parameters].map(([key, item]) => [key, item.value]))];
};

describe("an Item of RFC 9651", () => {
  it.each<[string, unknown, Record<string, unknown>]>([
    ["?1", true, {}],
    [" ?0 ", false, {}],
    ["eu-central-1", "eu-central-1", {}],
    ["*a/b:c", "*a/b:c", {}],
    ['"a \\"b\\" \\\\"', 'a "b" \\', {}],
    ["-12", -12, {}],
    ['?1;hop=1; retry=parent;regions="eu-central-1 DE";broker', true, { hop: 1, retry: "parent", regions: "eu-central-1 DE", broker: true }],
    ["a;*k=?0", "a", { "*k": false }],
  ])("%s", (text, item, parameters) => {
    expect(plain(text)).toEqual([item, parameters]);
  });

  it.each([
    "",
    "?2",
    "?",
    "1.5",
    "1234567890123456",
    "1.",
    '"open',
    '"a\\x"',
    '"ü"',
    '"tab\t"',
    "a b",
    "a, b",
    "a;",
    "a;;b",
    "a;B=1",
    "a;b=",
    "a; b =1",
    "a ;b",
    "a;b=1;b=1",
    ":YQ==:",
    "@1",
    "(a b)",
    "\ta",
    "?1;hop=1,?1;hop=2",
  ])("refuses %j", (text) => {
    expect(parseItem(text)).toBeNull();
  });

  it("reads what it writes", () => {
    const bare: fc.Arbitrary<BareItem> = fc.oneof(
      fc.boolean().map((value) => ({ kind: "boolean" as const, value })),
      fc.integer().map((value) => ({ kind: "integer" as const, value })),
      fc.stringMatching(/^[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]*$/).map((value) => ({ kind: "token" as const, value })),
      fc.stringMatching(/^[\x20-\x7e]*$/).map((value) => ({ kind: "string" as const, value })),
    );
    fc.assert(
      fc.property(bare, fc.uniqueArray(fc.tuple(fc.stringMatching(/^[a-z*][a-z0-9_\-.*]*$/), bare), { selector: ([key]) => key }), (item, parameters) => {
        expect(parseItem(formatItem(item, parameters))).toEqual({ item, parameters: new Map(parameters) });
      }),
    );
  });

  it("takes linear time whatever it is sent", async () => {
    const parsed = async () => {
      for (const text of [`"${"\\".repeat(60_000)}`, ";a".repeat(30_000), `a${"; ".repeat(30_000)}`, `a;${" ".repeat(60_000)}`]) parseItem(text);
    };
    expect(await leastTime(500, parsed)).toBeLessThan(500);
  });
});
