import { describe, expect, it } from "vitest";
import { backendOf, compileGood, conditionOf, own, xBackend } from "./compile-text.ts";

const KEY = "XBackend/team-a/one";
const target = { group: "gateway.networking.x-k8s.io", kind: "XBackend", namespace: "team-a", name: "one" };
const attest = (name: string, spec: object, namespace = "infra") =>
  own("RegionAttestation", name, { targetRefs: [target], checkedAt: "2026-11-20", source: "a contract", ...spec }, namespace);
const one = xBackend("one", { externalHostname: { hostname: "inference.example.com" } });

describe("a RegionAttestation", () => {
  it("gives its backend a place, with its date, its source and its kind", () => {
    const compiled = compileGood([one, attest("place", { processing: { regions: ["eu-central-1"] } })]);
    expect(backendOf(compiled, KEY).region.reach).toEqual([
      {
        countries: ["DE"],
        regions: ["eu-central-1"],
        evidence: "attested",
        rule: "attested",
        checkedAt: "2026-11-20",
        reason: "RegionAttestation infra/place (a contract)",
      },
    ]);
    expect(conditionOf(compiled, "RegionAttestation", "place", "Accepted")).toBe("True/Accepted");
    const read = compileGood([one, attest("place", { from: "ControlPlane", processing: { countries: ["FR"] } })]);
    expect(backendOf(read, KEY).region.reach).toMatchObject([{ countries: ["FR"], regions: [], evidence: "control-plane" }]);
  });

  it("widens a place with another one, and the older date counts", () => {
    const compiled = compileGood([
      one,
      attest("first", { processing: { regions: ["eu-central-1"] } }),
      attest("second", { processing: { regions: ["us-east-1"] }, checkedAt: "2026-01-01" }),
    ]);
    expect(backendOf(compiled, KEY).region.reach).toMatchObject([{ countries: ["DE", "US"], regions: ["eu-central-1", "us-east-1"], checkedAt: "2026-01-01" }]);
    // What one of them leaves open the other cannot close.
    const open = compileGood([
      one,
      attest("first", { processing: { regions: ["my-own-cellar"] } }),
      attest("second", { processing: { regions: ["eu-central-1"] } }),
    ]);
    expect(backendOf(open, KEY).region.reach).toMatchObject([{ countries: [] }]);
    const unnamed = compileGood([one, attest("first", { processing: { countries: ["US"] } }), attest("second", { processing: { regions: ["eu-central-1"] } })]);
    expect(backendOf(unnamed, KEY).region.reach).toMatchObject([{ countries: ["US", "DE"], regions: [] }]);
  });

  it("counts for nothing outside the namespace of a Gateway, and says so", () => {
    const compiled = compileGood([one, attest("mine", { processing: { regions: ["eu-central-1"] } }, "team-a")]);
    expect(backendOf(compiled, KEY).region).toMatchObject({ attestations: [], reach: [] });
    expect(conditionOf(compiled, "RegionAttestation", "mine", "Accepted")).toBe("False/RefNotPermitted");
    expect(compiled.faults.map((fault) => fault.message).join()).toContain("nothing of this counts");
  });

  it("warns of a backend that is not there and of a region that nobody knows", () => {
    const elsewhere = { ...target, name: "lost" };
    const compiled = compileGood([one, attest("typing", { targetRefs: [target, elsewhere], processing: { regions: ["eu-centrall-1"] } })]);
    const messages = compiled.faults.map((fault) => `${fault.message} ${fault.advice ?? ""}`).join("\n");
    expect(messages).toContain("XBackend team-a/lost is not among the manifests");
    expect(messages).toContain("did you mean eu-central-1?");
  });

  it("cannot make a roaming host a place, nor take the place of a deployment's own facts", () => {
    const roaming = xBackend("one", { externalHostname: { hostname: "api.mistral.ai" } });
    expect(backendOf(compileGood([roaming, attest("a", { processing: { regions: ["eu"] } })]), KEY).region.reach).toEqual([]);
    const azure = xBackend("one", { externalHostname: { hostname: "contoso.openai.azure.com" } });
    expect(backendOf(compileGood([azure, attest("a", { processing: { regions: ["westeurope"] } })]), KEY).region.reach).toEqual([]);
    const deployments = [
      { name: "a", sku: "Standard", location: "westeurope" },
      { name: "b", sku: "GlobalStandard", location: "westeurope" },
    ];
    expect(backendOf(compileGood([azure, attest("a", { deployments })]), KEY).region.reach).toMatchObject([{ countries: ["NL"], rule: "azure.deployment" }]);
  });
});
