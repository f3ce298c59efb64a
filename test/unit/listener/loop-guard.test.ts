import { describe, expect, it } from "vitest";
import { namesOurselves } from "../../../src/listener/loop-guard.ts";
import { withChain } from "../../../src/transport/request-headers.ts";

describe("the loop guard", () => {
  it.each<[string, string[]]>([
    ["CDN-Loop alone", ["CDN-Loop", "here"]],
    ["CDN-Loop with parameters, among others", ["cdn-loop", 'a;x="1", here ;hops=2, b']],
    ["CDN-Loop in a second line", ["cdn-loop", "a", "cdn-loop", "here"]],
    ["Via", ["Via", "1.1 here"]],
    ["Via with protocol name, comment and tabs", ["VIA", "HTTP/2.0 a,\tHTTP/1.1\there (spillway)"]],
  ])("knows itself: %s", (_name, headers) => {
    expect(namesOurselves(headers, "here")).toBe(true);
  });

  it.each<[string, string[]]>([
    ["no such header", ["accept", "here"]],
    ["another's name", ["cdn-loop", "there", "via", "1.1 there"]],
    ["a name that begins or ends like ours", ["cdn-loop", "here2, xhere", "via", "1.1 here2"]],
    ["our name as a parameter", ["cdn-loop", "a; here"]],
    ["our name as a protocol or a comment", ["via", "here a (here)"]],
    ["empty", ["cdn-loop", "", "via", ""]],
  ])("takes nobody else for itself: %s", (_name, headers) => {
    expect(namesOurselves(headers, "here")).toBe(false);
  });

  it("knows what the way out writes", () => {
    expect(namesOurselves(withChain(["accept", "*/*"], "eu-1", "1.1"), "eu-1")).toBe(true);
    expect(namesOurselves(withChain([], "eu-1", "HTTP/2"), "eu-1")).toBe(true);
  });

  it("takes linear time whatever it is sent", () => {
    const started = performance.now();
    namesOurselves(["via", " ".repeat(60_000), "cdn-loop", ";,".repeat(30_000)], "here");
    expect(performance.now() - started).toBeLessThan(500);
  });
});
