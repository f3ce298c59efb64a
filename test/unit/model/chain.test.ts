import { describe, expect, it } from "vitest";
import { sharedPlaces, tightened, weighPromise } from "../../../src/model/chain.ts";
import type { RegionConstraint } from "../../../src/model/region.ts";
import { makeConstraint } from "../../fakes/regions.ts";

const countries = (policy: string, ...codes: string[]) => makeConstraint(policy, { countries: new Set(codes) });
const shared = (...constraints: RegionConstraint[]) => sharedPlaces({ constraints });

describe("the lock of a call that a broker handed on", () => {
  const own = { constraints: [countries("a/own", "DE")] };
  const constraint = countries("chain", "FR");
  const chain = { child: "eu", hop: 1, maxHops: 2, constraint };

  it("is the rule's own, and the broker's beside it", () => {
    expect(tightened(own, chain)).toEqual({ constraints: [own.constraints[0], constraint] });
    expect(tightened(null, chain)).toEqual({ constraints: [constraint] });
    expect(tightened(own, null)).toBe(own);
    expect(tightened(own, { ...chain, constraint: null })).toBe(own);
    expect(tightened(null, null)).toBeNull();
  });
});

describe("what all constraints of a lock allow", () => {
  it("is the countries that each of them names, in order", () => {
    expect(shared(countries("a", "FR", "US", "DE"), countries("b", "DE", "FR", "IN"))).toEqual({ countries: ["DE", "FR"], regions: [] });
    expect(shared(countries("a", "DE"), countries("b", "FR"))).toEqual({ countries: [], regions: [] });
    expect(shared()).toEqual({ countries: [], regions: [] });
  });

  it("is the regions that each of them allows by name or by country, in order", () => {
    const regions = (policy: string, ...names: string[]) => makeConstraint(policy, { regions: new Set(names) });
    expect(shared(regions("a", "us-east-1", "eu-central-1"), regions("b", "eu-central-1", "us-east-1"))).toEqual({
      countries: [],
      regions: ["eu-central-1", "us-east-1"],
    });
    expect(shared(regions("a", "eu-central-1", "us-east-1"), countries("b", "DE"))).toEqual({ countries: [], regions: ["eu-central-1"] });
    expect(shared(regions("a", "made-up"), regions("b", "made-up"))).toEqual({ countries: [], regions: ["made-up"] });
    expect(shared(regions("a", "made-up"), countries("b", "DE"))).toEqual({ countries: [], regions: [] });
  });

  it("leaves out a region that lies in its countries anyway, and keeps one that reaches beyond them", () => {
    const both = makeConstraint("a", { countries: new Set(["DE"]), regions: new Set(["eu-central-1", "us-east-1", "eu"]) });
    expect(shared(both)).toEqual({ countries: ["DE"], regions: ["eu", "us-east-1"] });
  });
});

describe("what a lock says of a promise", () => {
  it("allows it, as the word of whoever owns the backend, for the places that all constraints allow", () => {
    const promise = weighPromise({ constraints: [countries("a", "DE", "FR"), countries("b", "DE")] });
    expect(promise).toMatchObject({
      countries: ["DE"],
      regions: [],
      evidence: "label",
      rule: "parent.promise",
      checkedAt: null,
      decision: "allow",
      policies: ["a", "b"],
    });
    expect(promise.reason).toContain("its answer must say where");
    const byRegion = makeConstraint("a", { regions: new Set(["made-up"]) });
    expect(weighPromise({ constraints: [byRegion] })).toMatchObject({ regions: ["made-up"], decision: "allow" });
  });

  it.each([
    ["evidence that is stronger", { minimumEvidence: "attested" }],
    ["evidence that is dated", { maxAgeMs: 1 }],
    ["both", { minimumEvidence: "host", maxAgeMs: 1 }],
  ] as const)("denies it where one policy asks for %s, in the name of that policy", (_name, parts) => {
    const strict = { ...countries("b", "DE"), ...parts };
    const denied = weighPromise({ constraints: [countries("a", "DE"), strict] });
    expect(denied).toMatchObject({ decision: "deny", policies: ["b"] });
    expect(denied.reason).toContain("RegionPolicy b asks for evidence");
  });

  it("denies it where the policies have no place in common, and knows no country then", () => {
    const denied = weighPromise({ constraints: [countries("a", "DE"), countries("b", "FR")] });
    expect(denied).toMatchObject({ decision: "deny", policies: ["a", "b"], countries: null, regions: [] });
    expect(denied.reason).toContain("no place in common");
  });
});
