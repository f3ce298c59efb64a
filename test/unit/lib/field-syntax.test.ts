import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isFieldValue, isToken } from "../../../src/lib/field-syntax.ts";

/** The grammar as it is written in RFC 9110, sections 5.6.2 and 5.5. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

describe("field syntax", () => {
  it("law: judges every text as the grammar does", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(isToken(text)).toBe(TOKEN.test(text));
        expect(isFieldValue(text)).toBe(VALUE.test(text));
      }),
    );
  });

  it("judges every single character as the grammar does", () => {
    for (let code = 0; code < 0x400; code += 1) {
      const text = `a${String.fromCharCode(code)}b`;
      expect(isToken(text), `U+${code.toString(16)}`).toBe(TOKEN.test(text));
      expect(isFieldValue(text), `U+${code.toString(16)}`).toBe(VALUE.test(text));
    }
    expect(isToken("")).toBe(false);
    expect(isFieldValue("")).toBe(true);
  });
});
