import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MAX_DEPTH, scanTopLevel } from "../../../src/lib/json-scan.ts";

const KEYS = new Set(["model", "stream", "a"]);
const encoder = new TextEncoder();
const scan = (text: string) => scanTopLevel(encoder.encode(text), KEYS);
const readValue = (text: string, key: string): unknown => {
  const bytes = encoder.encode(text);
  const found = scanTopLevel(bytes, KEYS);
  if (found.kind !== "ok") return found.kind;
  const span = found.values.get(key);
  return span === undefined ? "absent" : JSON.parse(new TextDecoder().decode(bytes.subarray(span.start, span.end)));
};

describe("scanTopLevel", () => {
  it.each([
    ['{"model":"m"}', "m"],
    [' \n{ "x" : {"model":"inner"} , "model" : "m" } \r\n', "m"],
    ['{"x":["model","model",{"model":1}],"model":{"deep":[1,2]}}', { deep: [1, 2] }],
    ['{"model":"with \\"quotes\\" and \\u00e9 and \\\\"}', 'with "quotes" and é and \\'],
    ['{"model":-1.5e+10}', -1.5e10],
    ['{"model":null,"x":"}"}', null],
    ['{"x":1}', "absent"],
    ["{}", "absent"],
    ['{"models":"m","mode":"m","Model":"m"}', "absent"],
  ])("finds the value in %s", (text, expected) => {
    expect(readValue(text, "model")).toEqual(expected);
  });

  it.each([
    "",
    " ",
    "null",
    "[]",
    '"model"',
    "{",
    '{"model"',
    '{"model":',
    '{"model":"m"',
    '{"model":"m",}',
    '{"model":"m"}x',
    '{"model":"m"}{}',
    '{,"model":1}',
    '{"a":01}',
    '{"a":1.}',
    '{"a":.5}',
    '{"a":+1}',
    '{"a":1e}',
    '{"a":-}',
    '{"a":NaN}',
    '{"a":tru}',
    '{"a":nullx}',
    '{"a":"\\x"}',
    '{"a":"\\u12g4"}',
    '{"a":"tab\there"}',
    '{"a":"line\nbreak"}',
    '{"a":"nul\u0000"}',
    '{"a":[1,]}',
    '{"a":[,1]}',
    '{"a":{"b"}}',
    '{"a":{"b":1,}}',
    '{"a":[1}}',
    '{"a":{"b":1]}',
    "{'model':1}",
    "{model:1}",
    '{"a":1 "b":2}',
    '{"a":1}/* c */',
    '\ufeff{"model":"m"}',
    '{"a"\u00a0:1}',
  ])("refuses %j", (text) => {
    expect(scan(text).kind).toBe("malformed");
  });

  it("names a wanted key that stands there twice, wherever it stands", () => {
    expect(scan('{"model":"a","x":{"model":"b"},"model":"c"}')).toEqual({ kind: "duplicate", name: "model" });
    expect(scan('{"x":1,"x":2,"model":"c"}').kind).toBe("ok");
  });

  it("is unsure of keys with escapes or beyond ASCII: another parser may read them as a wanted one", () => {
    expect(scan('{"mod\\u0065l":"a","model":"b"}').kind).toBe("unsure");
    expect(scan('{"é":1,"model":"b"}').kind).toBe("unsure");
    expect(scan('{"x":{"\\u0061":1},"model":"b"}').kind).toBe("ok");
    expect(scanTopLevel(Uint8Array.of(...encoder.encode('{"mo'), 0xff, ...encoder.encode('del":1}')), KEYS).kind).toBe("unsure");
  });

  it("reads depth without recursion and stops at its bound", () => {
    expect(scan(`{"x":${"[".repeat(MAX_DEPTH - 1)}${"]".repeat(MAX_DEPTH - 1)},"model":"m"}`).kind).toBe("ok");
    expect(scan(`{"x":${"[".repeat(MAX_DEPTH)}${"]".repeat(MAX_DEPTH)}}`).kind).toBe("malformed");
    expect(scan(`{"x":${"[".repeat(100_000)}`).kind).toBe("malformed");
    expect(scan(`{"x":${'{"y":'.repeat(100_000)}`).kind).toBe("malformed");
    expect(scan(`{"model":${"[".repeat(100_000)}${"]".repeat(100_000)}}`).kind).toBe("malformed");
  });

  it("refuses UTF-16", () => {
    expect(scanTopLevel(new Uint8Array(Buffer.from('{"model":"m"}', "utf16le")), KEYS).kind).toBe("malformed");
  });

  const agrees = (bytes: Uint8Array): boolean => {
    const found = scanTopLevel(bytes, KEYS);
    const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
    let parsed: unknown;
    try {
      parsed = JSON.parse(text);
    } catch {
      return found.kind !== "ok";
    }
    if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) return found.kind !== "ok";
    if (found.kind !== "ok") return true;
    for (const key of KEYS) {
      const span = found.values.get(key);
      if ((span !== undefined) !== Object.hasOwn(parsed, key)) return false;
      if (span === undefined) continue;
      const mine: unknown = JSON.parse(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(span.start, span.end)));
      if (JSON.stringify(mine) !== JSON.stringify(Reflect.get(parsed, key))) return false;
    }
    return true;
  };

  const member = fc.tuple(fc.constantFrom("model", "stream", "a", "b", "", "mode", "model "), fc.jsonValue({ maxDepth: 4 }));
  const body = fc.tuple(fc.array(member, { maxLength: 6 }), fc.constantFrom("", " ", "\n\t"), fc.boolean()).map(([members, space, pretty]) => {
    const texts = members.map(([key, value]) => `${space}${JSON.stringify(key)}${space}:${space}${JSON.stringify(value, null, pretty ? 1 : 0)}${space}`);
    return `${space}{${texts.join(",")}}${space}`;
  });

  it("law: accepts every object without repeated wanted keys, and agrees with JSON.parse on it", () => {
    fc.assert(
      fc.property(body, (text) => {
        const found = scan(text);
        expect(["ok", "duplicate"]).toContain(found.kind);
        return agrees(encoder.encode(text));
      }),
      { numRuns: 600 },
    );
  });

  it("law: whatever is done to the bytes, `ok` is only said of what JSON.parse reads the same", () => {
    const mutation = fc.record({
      at: fc.nat(10_000),
      remove: fc.nat(3),
      insert: fc.oneof(
        fc.uint8Array({ maxLength: 2 }),
        fc.constantFrom(...['"', "\\", "{", "}", "[", "]", ",", ":", "0", "e", '"a":1,', "\\u0061"].map((text) => encoder.encode(text))),
      ),
    });
    fc.assert(
      fc.property(body, fc.array(mutation, { minLength: 1, maxLength: 3 }), (text, mutations) => {
        let bytes = encoder.encode(text);
        for (const { at, remove, insert } of mutations) {
          const from = at % (bytes.length + 1);
          bytes = Uint8Array.of(...bytes.subarray(0, from), ...insert, ...bytes.subarray(Math.min(bytes.length, from + remove)));
        }
        return agrees(bytes);
      }),
      { numRuns: 2500 },
    );
  });
});
