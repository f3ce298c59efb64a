import { describe, expect, it } from "vitest";
import { toBytes } from "../../../src/lib/utf8.ts";
import { findUsage } from "../../../src/stream/find-usage.ts";

describe("findUsage", () => {
  it("reads the last usage that is a whole object", () => {
    expect(findUsage(toBytes('half of an answer","usage":{"a":1},"x":{"usage" : {"a":2}},"usage":null}'))).toEqual({ a: 2 });
    expect(findUsage(toBytes('"usage":{"a":1},"usage":{"a":'))).toEqual({ a: 1 });
  });

  it("does not take text for usage", () => {
    expect(findUsage(toBytes(JSON.stringify({ content: '"usage":{"prompt_tokens":1}' })))).toBeNull();
    expect(findUsage(toBytes('"usage":7,"usage":[{}]'))).toBeNull();
  });

  it("walks nested halves a few times only, not once for each", () => {
    expect(findUsage(toBytes('"usage":{'.repeat(100_000)))).toBeNull();
  });
});
