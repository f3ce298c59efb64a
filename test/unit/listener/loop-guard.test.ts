import { describe, expect, it } from "vitest";
import { loopFault } from "../../../src/listener/loop-guard.ts";
import { withChain } from "../../../src/transport/chain-headers.ts";
import { leastTime } from "../../fakes/least-time.ts";

describe("the loop guard", () => {
  it.each<[string, string[]]>([
    ["CDN-Loop alone", ["CDN-Loop", "here"]],
    ["CDN-Loop with parameters, among others", ["cdn-loop", 'a;x="1", here ;hops=2, b']],
    ["CDN-Loop in a second line", ["cdn-loop", "a", "cdn-loop", "here"]],
    ["in another case: a cdn-id may be a host name", ["cdn-loop", "a, HERE"]],
    ["Via", ["Via", "1.1 here"]],
    ["Via in another case", ["via", "1.1 Here"]],
    ["Via with protocol name, comment and tabs", ["VIA", "HTTP/2.0 a,\tHTTP/1.1\there (spillway)"]],
  ])("knows itself: %s", (_name, headers) => {
    expect(loopFault(headers, "here")).toBe("ourselves");
  });

  it("and is not led astray by the case of its own name", () => {
    expect(loopFault(["cdn-loop", "eu-1"], "EU-1")).toBe("ourselves");
  });

  it.each<[string, string[]]>([
    ["no such header", ["accept", "here"]],
    ["another's name", ["cdn-loop", "there", "via", "1.1 there"]],
    ["a name that begins or ends like ours", ["cdn-loop", "here2, xhere", "via", "1.1 here2"]],
    ["our name as a parameter", ["cdn-loop", "a; here"]],
    ["our name as a protocol or a comment", ["via", "here a (here)"]],
    ["empty", ["cdn-loop", "", "via", ""]],
  ])("takes nobody else for itself: %s", (_name, headers) => {
    expect(loopFault(headers, "here")).toBeNull();
  });

  it.each(["cdn-loop", "via"])("refuses more than 32 entries of %s, in one header or in many", (name) => {
    const entry = (index: number) => (name === "via" ? `1.1 hop-${index}` : `hop-${index}`);
    const entries = Array.from({ length: 33 }, (_, index) => entry(index));
    expect(loopFault([name, entries.join(", ")], "here")).toBe("too_many");
    expect(
      loopFault(
        entries.flatMap((one) => [name, one]),
        "here",
      ),
    ).toBe("too_many");
    expect(loopFault([name, entries.slice(1).join(",")], "here")).toBeNull();
  });

  it("knows what the way out writes", () => {
    expect(loopFault(withChain(["accept", "*/*"], "eu-1", "1.1"), "eu-1")).toBe("ourselves");
    expect(loopFault(withChain([], "eu-1", "HTTP/2"), "eu-1")).toBe("ourselves");
  });

  it("takes linear time whatever it is sent", async () => {
    const judged = async () => loopFault(["via", " ".repeat(60_000), "cdn-loop", ";,".repeat(30_000)], "here");
    expect(await leastTime(500, judged)).toBeLessThan(500);
  });
});
