import { describe, expect, it } from "vitest";
import type { EvidenceKind, Located, RegionConstraint, RegionLock } from "../../../src/model/region.ts";
import { allowsPlace, unknownPlace, weigh } from "../../../src/model/weigh.ts";
import { makeConstraint } from "../../fakes/regions.ts";

const DAY = 86_400_000;
const NOW = Date.UTC(2026, 10, 23);
const frankfurt: Located = {
  countries: ["DE"],
  regions: ["eu-central-1"],
  evidence: "attested",
  rule: "test.rule",
  checkedAt: "2026-11-20",
  reason: "because",
};
const lockOf = (...parts: Partial<RegionConstraint>[]): RegionLock => ({
  constraints: parts.map((part, index) => makeConstraint(`a/${index}`, { countries: new Set(["DE"]), ...part })),
});
const decided = (located: Located, lock: RegionLock | null, now: number | null = NOW) => weigh(located, lock, now).decision;

describe("what a lock says of a place", () => {
  it("no lock, and one that constrains nothing, leave it open and say so", () => {
    expect(weigh(frankfurt, null, NOW)).toEqual({ ...frankfurt, decision: "unlocked", policies: [] });
    expect(weigh(frankfurt, { constraints: [] }, NOW)).toEqual({ ...frankfurt, decision: "unlocked", policies: [] });
  });

  it("allows what every constraint allows, in the name of all of them", () => {
    expect(weigh(frankfurt, lockOf({}, { regions: new Set(["eu-central-1"]), countries: new Set() }), NOW)).toEqual({
      ...frankfurt,
      decision: "allow",
      policies: ["a/0", "a/1"],
    });
  });

  it("denies what one of them does not allow, in the name of that one, and says where it would have been", () => {
    const denied = weigh(frankfurt, lockOf({}, { countries: new Set(["FR"]) }), NOW);
    expect(denied).toMatchObject({ decision: "deny", policies: ["a/1"], countries: ["DE"] });
    expect(denied.reason).toBe("eu-central-1 is not allowed by RegionPolicy a/1 (test.rule)");
    const two = { ...frankfurt, regions: [], countries: ["DE", "US"] };
    expect(weigh(two, lockOf({}), NOW).reason).toMatch(/^DE, US is not allowed/);
    expect(weigh({ ...frankfurt, regions: ["a", "b"], countries: ["FR"] }, lockOf({}), NOW).reason).toMatch(/^a, b is not allowed/);
  });

  it("denies what is not known, with the reason of whoever looked", () => {
    const unknown = unknownPlace("test.unknown", "nobody says");
    expect(unknown).toEqual({ countries: null, regions: [], evidence: "none", rule: "test.unknown", checkedAt: null, reason: "nobody says" });
    expect(weigh(unknown, lockOf({}), NOW)).toMatchObject({ decision: "deny", reason: "nobody says" });
    // Neither half alone is knowledge.
    expect(weigh({ ...frankfurt, countries: null }, lockOf({ regions: new Set(["eu-central-1"]) }), NOW)).toMatchObject({
      decision: "deny",
      reason: "because",
    });
    expect(weigh({ ...frankfurt, evidence: "none" }, lockOf({}), NOW)).toMatchObject({ decision: "deny", reason: "because" });
  });

  it("asks for evidence that is as strong as the policy wants", () => {
    const order = ["label", "attested", "control-plane", "body", "host"] as const satisfies readonly EvidenceKind[];
    const table = order.map((minimumEvidence) => order.map((evidence) => decided({ ...frankfurt, evidence }, lockOf({ minimumEvidence })) === "allow"));
    expect(table).toEqual(order.map((_minimum, wanted) => order.map((_kind, given) => given >= wanted)));
    expect(weigh({ ...frankfurt, evidence: "label" }, lockOf({ minimumEvidence: "host" }), NOW).reason).toContain('rests on the evidence "label"');
  });

  it("lets facts grow old only as far as the policy lets them", () => {
    const old = lockOf({ maxAgeMs: 3 * DAY });
    expect(decided(frankfurt, old)).toBe("allow");
    expect(decided(frankfurt, old, NOW + 1)).toBe("deny");
    expect(weigh(frankfurt, old, NOW + 1).reason).toContain("longer ago than evidence.maxAge of RegionPolicy a/0");
    expect(decided({ ...frankfurt, checkedAt: null }, old)).toBe("deny");
    expect(weigh({ ...frankfurt, checkedAt: null }, old, null).reason).toContain("nobody wrote down when eu-central-1 was checked");
    expect(decided({ ...frankfurt, checkedAt: "some day" }, old)).toBe("deny");
    expect(decided({ ...frankfurt, checkedAt: null }, lockOf({}))).toBe("allow");
  });

  it("believes a date of today in every zone, and none of the day after tomorrow", () => {
    const ages = lockOf({ maxAgeMs: DAY });
    expect(decided({ ...frankfurt, checkedAt: new Date(NOW + DAY).toISOString() }, ages)).toBe("allow");
    expect(decided({ ...frankfurt, checkedAt: new Date(NOW + DAY + 1).toISOString() }, ages)).toBe("deny");
  });

  it("without a clock leaves the age to the last door", () => {
    expect(decided({ ...frankfurt, checkedAt: "2001-01-01" }, lockOf({ maxAgeMs: 1 }), null)).toBe("allow");
  });
});

describe("a place", () => {
  const constraint = makeConstraint("a/b", { regions: new Set(["eu", "us"]), countries: new Set(["DE", "FR"]) });

  it.each<readonly [string, readonly string[], readonly string[], boolean]>([
    ["all of its regions are named", ["eu", "us"], ["CN"], true],
    ["all of its countries are named", ["ap"], ["DE", "FR"], true],
    ["one of its regions is not", ["eu", "ap"], ["CN"], false],
    ["one of its countries is not", ["ap"], ["DE", "US"], false],
    ["nothing is known of it", [], [], false],
    ["it has no regions, and its country is not named", [], ["US"], false],
    ["it has no countries, and its region is not named", ["ap"], [], false],
  ])("where %s", (_name, regions, countries, allowed) => {
    expect(allowsPlace(constraint, regions, countries)).toBe(allowed);
  });
});
