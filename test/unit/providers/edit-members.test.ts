import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { editMembers } from "../../../src/providers/anthropic-clouds/edit-members.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const edit = (text: string): string | null => {
  const edited = editMembers(bytes(text), { set: { version: "v" }, drop: ["model", "stream"] });
  return edited === null ? null : new TextDecoder().decode(edited);
};

describe("members at the top of a JSON object", () => {
  it.each([
    ["{}", '{"version":"v"}'],
    ['{"model":"m"}', '{"version":"v"}'],
    ['{"model":"m","a":1}', '{"version":"v","a":1}'],
    ['{"a":1,"model":"m"}', '{"version":"v","a":1}'],
    ['{"a":1,"model":"m","stream":true}', '{"version":"v","a":1}'],
    ['{"model":"m","stream":true,"a":1}', '{"version":"v","a":1}'],
    ['{"version":"old","a":12345678901234567890.10}', '{"version":"v","a":12345678901234567890.10}'],
    ['{"mod\\u0065l":"m","a":1}', '{"version":"v","a":1}'],
  ])("%s", (given, expected) => expect(edit(given)).toBe(expected));

  it("a member twice, or no object, is nothing", () => {
    for (const given of ['{"model":"a","model":"b"}', "[]", "", '{"a":']) expect(edit(given)).toBeNull();
  });

  it("reads as the object with those members, however it is spaced", () => {
    const names = fc.constantFrom("model", "stream", "version", "a", "b c", 'q"', "é");
    fc.assert(
      fc.property(fc.dictionary(names, fc.jsonValue(), { maxKeys: 6 }), fc.constantFrom(0, 1, "\t"), (object, space) => {
        const { model: _, stream: __, ...rest } = object;
        // Through JSON, which has no -0.
        expect(JSON.parse(edit(JSON.stringify(object, null, space)) ?? "")).toEqual(JSON.parse(JSON.stringify({ ...rest, version: "v" })));
      }),
    );
  });
});
