import { describe, expect, it } from "vitest";
import type { ParentProfile } from "../../../src/model/backend.ts";
import { egressChain, withChain } from "../../../src/transport/chain-headers.ts";
import { makeConstraint } from "../../fakes/regions.ts";

const PARENT: ParentProfile = { identity: null, maxHops: 1, region: "Require" };
const inbound = (hop: number, maxHops: number) => ({ child: "child", hop, maxHops, constraint: null });

describe("Via and CDN-Loop", () => {
  it("this broker adds itself, behind those who came before", () => {
    expect(withChain(["Via", "1.1 other", "a", "1"], "eu-1", "1.1")).toEqual(["Via", "1.1 other", "a", "1", "via", "1.1 eu-1", "cdn-loop", "eu-1"]);
    expect(withChain([], "eu-1", "HTTP/1.0")).toEqual(["via", "1.0 eu-1", "cdn-loop", "eu-1"]);
  });

  it("leaves the list that it is given as it was, for the next attempt begins with it", () => {
    for (const list of [
      ["a", "1"],
      ["cdn-loop", "other"],
    ]) {
      const before = [...list];
      withChain(list, "eu-1", "1.1");
      expect(list).toEqual(before);
    }
  });

  it("several CDN-Loop lines become one, and a repeat is named once", () => {
    expect(withChain(["CDN-Loop", "a, b;x=1", "b", "1", "cdn-loop", "A,, c"], "eu-1", "1.1")).toEqual([
      "b",
      "1",
      "via",
      "1.1 eu-1",
      "cdn-loop",
      "a, b;x=1, c, eu-1",
    ]);
  });
});

describe("Egress-Chain", () => {
  it("counts from the call's own way", () => {
    expect(egressChain(PARENT, null, null)).toBe("?1;hop=1;max=1;retry=parent");
    expect(egressChain({ ...PARENT, maxHops: 3 }, inbound(2, 9), null)).toBe("?1;hop=3;max=5;retry=parent");
  });

  it("nobody on the way can raise what an earlier one allows", () => {
    expect(egressChain({ ...PARENT, maxHops: 9 }, inbound(1, 2), null)).toBe("?1;hop=2;max=2;retry=parent");
    expect(egressChain({ ...PARENT, maxHops: 16 }, inbound(9, 16), null)).toBe("?1;hop=10;max=16;retry=parent");
  });

  it("names what all constraints of the lock allow, as countries where they do", () => {
    const lock = {
      constraints: [
        makeConstraint("a/one", { countries: new Set(["DE", "FR", "US"]), regions: new Set(["ap-south-1"]) }),
        makeConstraint("a/two", { countries: new Set(["DE", "IN"]), regions: new Set(["eu-west-3", "eu-central-1"]) }),
      ],
    };
    // France by `two`'s region alone; India by `one`'s region; Frankfurt lies in DE anyway.
    expect(egressChain(PARENT, null, lock)).toBe('?1;hop=1;max=1;retry=parent;regions="DE ap-south-1 eu-west-3"');
  });

  it("says when the lock binds the brokers too", () => {
    const one = makeConstraint("a/one", { countries: new Set(["DE"]) });
    const lock = { constraints: [{ ...one, binds: { ...one.binds, broker: true } }] };
    expect(egressChain(PARENT, null, lock)).toBe('?1;hop=1;max=1;retry=parent;regions="DE";broker');
  });

  it("says so where one of several constraints binds them, and not where none does", () => {
    const one = makeConstraint("a/one", { countries: new Set(["DE"]) });
    const binding = { ...one, binds: { ...one.binds, broker: true } };
    expect(egressChain(PARENT, null, { constraints: [one, binding] })).toContain(";broker");
    expect(egressChain(PARENT, null, { constraints: [one, one] })).not.toContain("broker");
  });

  it("names no region that could be read as something else", () => {
    const regions = new Set(["x", "eu-west-9", "Eu-1", "-eu", "eu-", 'e"u', "eü", "a b", "a".repeat(64)]);
    expect(egressChain(PARENT, null, { constraints: [makeConstraint("a/one", { regions })] })).toBe('?1;hop=1;max=1;retry=parent;regions="eu-west-9 x"');
  });

  it("fills the kilobyte to its last character", () => {
    const named = (last: number) => {
      const lengths = [...Array(14).fill(63), 42, 42, last];
      const regions = lengths.map((length: number, index) => `${String.fromCharCode(97 + index)}`.repeat(length));
      const written = egressChain(PARENT, null, { constraints: [makeConstraint("a/one", { regions: new Set(regions) })] });
      return [written.split('"')[1]?.length, written.includes("q")];
    };
    expect(named(42)).toEqual([1_024, true]);
    expect(named(43)).toEqual([981, false]);
  });

  it("stays within a kilobyte: a longer lock becomes narrower, never wider", () => {
    const regions = new Set(Array.from({ length: 200 }, (_, index) => `made-up-region-${index}`));
    const written = egressChain(PARENT, null, { constraints: [makeConstraint("a/one", { regions })] });
    const [, list = ""] = /regions="([^"]*)"/.exec(written) ?? [];
    expect(list.length).toBeLessThanOrEqual(1_024);
    expect(list.length).toBeGreaterThan(1_000);
    expect(list.split(" ").every((name) => regions.has(name))).toBe(true);
  });
});
