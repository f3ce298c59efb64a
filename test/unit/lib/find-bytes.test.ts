import fc from "fast-check";
import { expect, it } from "vitest";
import { bytePattern, findBytes } from "../../../src/lib/find-bytes.ts";
import { toBytes } from "../../../src/lib/utf8.ts";

it("law: finds what indexOf finds", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "b", '"'), maxLength: 60 });
  const pattern = fc.string({ unit: fc.constantFrom("a", "b", '"'), minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(text, pattern, fc.nat(20), (haystack, needle, from) => {
      expect(findBytes(toBytes(haystack), bytePattern(needle), from)).toBe(from > haystack.length ? -1 : haystack.indexOf(needle, from));
    }),
    { numRuns: 1000 },
  );
});
