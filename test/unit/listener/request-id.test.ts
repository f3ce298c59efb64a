import { describe, expect, it } from "vitest";
import { requestId } from "../../../src/listener/request-id.ts";

const RANDOM = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe("the id of a call", () => {
  it.each(["12345678", "req_abc-DEF.1:2+3/4=", "a".repeat(128)])("is the caller's where it is harmless: %s", (id) => {
    expect(requestId(["accept", "*/*", "X-Request-ID", id])).toBe(id);
  });

  it.each(["", "short", "a".repeat(129), "has space 1", 'quote"quote', "line\nbreak1", "<script>1", "ümlaut-12"])("is a new one otherwise: %j", (id) => {
    expect(requestId(["x-request-id", id])).toMatch(RANDOM);
  });

  it("is a new one each time where the caller has none", () => {
    expect(requestId([])).toMatch(RANDOM);
    expect(requestId([])).not.toBe(requestId([]));
  });

  it("is the first of several, and never both", () => {
    expect(requestId(["x-request-id", "first-one", "x-request-id", "second-one"])).toBe("first-one");
  });
});
