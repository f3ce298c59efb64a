import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatTraceparent, parseTraceparent } from "../../../src/attribution/traceparent.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";

describe("traceparent", () => {
  it("reads what the standard gives as its example", () => {
    expect(parseTraceparent(`00-${TRACE}-${SPAN}-01`)).toEqual({ traceId: TRACE, spanId: SPAN, flags: 1 });
    expect(parseTraceparent(`00-${TRACE}-${SPAN}-00`)?.flags).toBe(0);
  });

  it("keeps only the sampled flag", () => {
    expect(parseTraceparent(`00-${TRACE}-${SPAN}-ff`)?.flags).toBe(1);
    expect(parseTraceparent(`00-${TRACE}-${SPAN}-02`)?.flags).toBe(0);
  });

  it("reads a later version with more fields, as the standard asks", () => {
    expect(parseTraceparent(`cc-${TRACE}-${SPAN}-01-what-comes`)).toEqual({ traceId: TRACE, spanId: SPAN, flags: 1 });
  });

  it.each([
    ["nothing", null],
    ["empty", ""],
    ["version ff", `ff-${TRACE}-${SPAN}-01`],
    ["version 00 with more fields", `00-${TRACE}-${SPAN}-01-x`],
    ["a later version that goes on without a dash", `01-${TRACE}-${SPAN}-01x`],
    ["upper case", `00-${TRACE.toUpperCase()}-${SPAN}-01`],
    ["all-zero trace", `00-${"0".repeat(32)}-${SPAN}-01`],
    ["all-zero span", `00-${TRACE}-${"0".repeat(16)}-01`],
    ["spaces", ` 00-${TRACE}-${SPAN}-01`],
    ["a line break", `00-${TRACE}-${SPAN}-01\n`],
    ["too short", `00-${TRACE}-${SPAN}-1`],
    ["endless", `01-${TRACE}-${SPAN}-01-${"x".repeat(10_000)}`],
  ])("refuses %s", (_what, text) => {
    expect(parseTraceparent(text)).toBeNull();
  });

  it("reads back whatever it writes, and never throws", () => {
    const hex = (length: number) =>
      fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: length, maxLength: length }).filter((text) => !/^0+$/.test(text));
    fc.assert(
      fc.property(hex(32), hex(16), fc.constantFrom(0, 1), (traceId, spanId, flags) => {
        expect(parseTraceparent(formatTraceparent({ traceId, spanId, flags }))).toEqual({ traceId, spanId, flags });
      }),
    );
    fc.assert(
      fc.property(fc.string(), (text) => {
        parseTraceparent(text);
      }),
    );
  });
});
