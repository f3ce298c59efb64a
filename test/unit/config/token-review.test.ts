import { describe, expect, it } from "vitest";
import { PLATFORMS } from "../../../adapters/config/platforms.ts";
import { writeBundle } from "../../../src/compiler.ts";
import type { Platform } from "../../../src/config/compile.ts";
import { readBundle } from "../../../src/index.ts";
import { compileAll, conditionOf, GATEWAY, own } from "./compile-text.ts";

const [withClass = ""] = GATEWAY.split("---\napiVersion: spillway.dev/v1alpha1");
const cluster = { name: "cluster", type: "KubernetesServiceAccount", issuer: "https://kubernetes", audiences: ["spillway"], jwks: { inline: { keys: [] } } };
const compiled = (tokenReview: unknown, platform: Platform, more: object = {}) =>
  compileAll([withClass, own("BrokerConfig", "default", { identity: { issuers: [{ ...cluster, tokenReview, ...more }] } }, "infra")], platform);
const planOf = (tokenReview: unknown, platform: Platform = PLATFORMS.knative) => {
  const [gateway] = compiled(tokenReview, platform).snapshot?.gateways ?? [];
  return gateway?.rejected ?? gateway?.identity.issuers[0]?.tokenReview;
};

describe("BrokerConfig identity.issuers[].tokenReview", () => {
  it("is off unless it is written, and counts for a minute unless less is written", () => {
    expect(planOf(undefined)).toBeNull();
    expect(planOf({ mode: "Disabled" })).toBeNull();
    expect(planOf({})).toEqual({ cacheForMs: 60_000 });
    expect(planOf({ mode: "Enabled", cacheFor: "10s" })).toEqual({ cacheForMs: 10_000 });
  });

  it.each(["61s", "500ms", "0s", "1h"])("refuses the Gateway where an answer is to count for %s", (cacheFor) => {
    expect(planOf({ cacheFor })).toContain("identity.issuers cluster: tokenReview.cacheFor must be between 1s and 60s");
  });

  it("is for tokens of clusters only", () => {
    const { faults } = compiled({}, PLATFORMS.knative, { type: "OIDC", namespace: "ci" });
    expect(faults).toMatchObject([
      { severity: "error", pointer: "/spec/identity/issuers/0/tokenReview", message: expect.stringContaining("no cluster knows other tokens") },
    ]);
  });

  it.each<[string, Platform, string]>([
    ["Workers", PLATFORMS.workers, "cannot be used on workers"],
    ["Lambda", PLATFORMS.lambda, "cannot be used on lambda"],
    ["Node outside of a cluster", { ...PLATFORMS.knative, reviewsTokens: false }, "automountServiceAccountToken: true"],
  ])("refuses the Gateway on %s, which has nobody to ask", (_name, platform, words) => {
    expect(planOf({}, platform)).toContain(words);
    const all = compiled({}, platform);
    expect(conditionOf(all, "BrokerConfig", "default", "Accepted")).toBe("False/UnsupportedOnPlatform");
    expect(conditionOf(all, "Gateway", "egress", "Accepted", null)).toBe("False/InvalidParameters");
    // Written and switched off, it asks for nothing.
    expect(planOf({ mode: "Disabled" }, platform)).toBeNull();
  });

  it("survives a bundle", () => {
    const read = readBundle(writeBundle(compiled({ cacheFor: "5s" }, PLATFORMS.knative), PLATFORMS.knative), PLATFORMS.knative);
    expect(read.snapshot?.gateways[0]?.identity.issuers[0]?.tokenReview).toEqual({ cacheForMs: 5_000 });
  });
});
