import { describe, expect, it } from "vitest";
import type { Located } from "../../../../src/model/region.ts";
import { customPlace, locate, provenPlace } from "../../../../src/transport/locate/locate.ts";
import { outbound } from "../../../fakes/outbound.ts";
import { makeAttestation } from "../../../fakes/regions.ts";

const place = (...regions: string[]): Located => ({
  countries: ["DE"],
  regions,
  evidence: "host",
  rule: "test.host",
  checkedAt: "2026-11-20",
  reason: "documented",
});
const attested = makeAttestation({ processing: { regions: ["eu-west-3"], countries: [] } });

describe("the place of a host that nobody documents", () => {
  it("is what its label says, as its owner's word, with the countries that are known of it", () => {
    expect(customPlace("eu-central-1", [])).toMatchObject({ countries: ["DE"], regions: ["eu-central-1"], evidence: "label", rule: "label", checkedAt: null });
    expect(customPlace("made-up", [])).toMatchObject({ countries: [], regions: ["made-up"], evidence: "label" });
  });

  it("is what an administrator says before that, and nothing where nobody says it", () => {
    expect(customPlace("eu-central-1", [attested])).toMatchObject({ countries: ["FR"], evidence: "attested", rule: "attested" });
    expect(customPlace(null, [])).toMatchObject({ countries: null, rule: "unknown" });
  });
});

describe("a host whose name alone proves nothing", () => {
  const proven = (found: Located, declared: string | null, ...attestations: (typeof attested)[]) => provenPlace(found, false, { declared, attestations });

  it("is where the label says the same, or a region of the same area", () => {
    expect(proven(place("eu-central-1"), "eu-central-1")).toEqual({ ...place("eu-central-1"), evidence: "label", checkedAt: null });
    expect(proven(place("eu"), "europe-west4")).toMatchObject({ evidence: "label", regions: ["eu"] });
    expect(proven(place("made-up"), "made-up")).toMatchObject({ evidence: "label", regions: ["made-up"] });
  });

  it.each<readonly [string, Located, string | null]>([
    ["there is no label", place("eu-central-1"), null],
    ["the label says another place", place("eu-central-1"), "us-east-1"],
    ["the label says one of two places", place("eu-central-1", "us-east-1"), "eu-central-1"],
    ["the label is a wider area", place("eu-central-1"), "eu"],
    ["nobody knows the label", place("eu"), "made-up"],
    ["nobody knows the area", place("made-up"), "eu-central-1"],
    ["the place has no name", place(), "eu-central-1"],
  ])("is nowhere where %s", (_name, found, declared) => {
    expect(proven(found, declared)).toMatchObject({ countries: null, rule: "host.unproven" });
  });

  it("is where an administrator says, whatever the label, and where the documentation says once the name proves it", () => {
    expect(proven(place("eu-central-1"), "eu-central-1", attested)).toMatchObject({ countries: ["FR"], evidence: "attested", rule: "test.host.attested" });
    expect(provenPlace(place("eu"), true, { declared: "us-east-1", attestations: [attested] })).toEqual(place("eu"));
  });
});

describe("a call of an AI API to a host of one's own", () => {
  const located = (path: string, headers: readonly string[] = ["host", "own.example"]) => {
    const body = { kind: "bytes", bytes: new TextEncoder().encode('{"model":"m","tools":[{"type":"web_search"}]}') } as const;
    const origin = { scheme: "https", hostname: "own.example", port: 443 } as const;
    return locate(outbound(443, { origin, path, headers, body }), { declared: "eu-central-1", attestations: [] }).countries;
  };

  it.each(["/v1/responses", "/v1//Responses/", "/v1/%72esponses", "/v1/%252572esponses", "/v1/x;a=1\\responses", "/model/abc/invoke", "/m:generateContent"])(
    "is looked into at %s, however it is written",
    (path) => {
      expect(located(path)).toBeNull();
    },
  );

  it.each(["/v1/responses/list", "/model/abc/invoke/x", "/m:predict/x", "/v1/things"])("is none at %s", (path) => {
    expect(located(path)).toEqual(["DE"]);
  });

  it("may have a Host of its own, but not that of a provider", () => {
    expect(located("/v1/things", ["host", "other.example"])).toEqual(["DE"]);
    expect(located("/v1/things", ["host", "api.openai.com"])).toBeNull();
  });
});
