import { describe, expect, it } from "vitest";
import { attestedPlace, countriesOfAll, older } from "../../../../src/transport/locate/attested-place.ts";
import { makeAttestation } from "../../../fakes/regions.ts";

describe("the place that attestations give a backend", () => {
  const says = (regions: readonly string[], countries: readonly string[], more: Parameters<typeof makeAttestation>[0] = {}) =>
    makeAttestation({ processing: { regions, countries }, ...more });

  it("is none where none speaks of it", () => {
    expect(attestedPlace([], "processing", "rule")).toBeNull();
    expect(attestedPlace([makeAttestation({ project: { regions: ["eu"], countries: [] } })], "processing", "rule")).toBeNull();
    expect(attestedPlace([makeAttestation({ project: { regions: ["eu-central-1"], countries: [] } })], "project", "rule")?.countries).toEqual(["DE"]);
  });

  it("is what one of them says, with its date and where it was read", () => {
    expect(attestedPlace([makeAttestation(), says(["eu-central-1"], [], { id: "a/b", source: "the contract" })], "processing", "rule")).toEqual({
      regions: ["eu-central-1"],
      countries: ["DE"],
      evidence: "attested",
      rule: "rule",
      checkedAt: "2026-11-20",
      reason: "RegionAttestation a/b (the contract)",
    });
  });

  it("becomes wider where several speak of it, as old as the oldest, and as strong as the weakest", () => {
    const control = { fromControlPlane: true, checkedAt: "2026-11-19" };
    const both = attestedPlace(
      [says(["eu-central-1"], [], { ...control, id: "a/1" }), says(["eu-west-3", "eu-central-1"], [], { id: "a/2" })],
      "processing",
      "rule",
    );
    expect(both).toMatchObject({ regions: ["eu-central-1", "eu-west-3"], countries: ["DE", "FR"], evidence: "attested", checkedAt: "2026-11-19" });
    expect(both?.reason).toContain("a/1, a/2");
    expect(attestedPlace([says(["eu"], ["DE"], control), says(["eu"], ["DE"], control)], "processing", "rule")).toMatchObject({
      evidence: "control-plane",
      regions: ["eu"],
      countries: ["DE"],
    });
  });

  it("has no name where one of them gives none, and no countries where one of them knows none", () => {
    expect(attestedPlace([says([], ["DE"]), says(["eu-west-3"], [])], "processing", "rule")).toMatchObject({ regions: [], countries: ["DE", "FR"] });
    expect(attestedPlace([says(["made-up"], []), says(["eu-west-3"], [])], "processing", "rule")).toMatchObject({
      regions: ["made-up", "eu-west-3"],
      countries: [],
    });
    expect(attestedPlace([says(["made-up"], ["DE"])], "processing", "rule")).toMatchObject({ regions: ["made-up"], countries: ["DE"] });
  });
});

it("countries of several regions are known where each of them is", () => {
  expect(countriesOfAll(["eu-central-1", "eu-west-3", "eu-central-1"])).toEqual(["DE", "FR"]);
  expect(countriesOfAll(["eu-central-1", "made-up"])).toBeNull();
  expect(countriesOfAll([])).toEqual([]);
});

it("of two dates the older one counts, and what is no date is oldest", () => {
  expect([older("2026-01-01", "2025-01-01"), older("2025-01-01", "2026-01-01")]).toEqual(["2025-01-01", "2025-01-01"]);
  expect([older("never", "2026-01-01"), older("2026-01-01", "never")]).toEqual(["never", "never"]);
});
