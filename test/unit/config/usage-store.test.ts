import { describe, expect, it } from "vitest";
import { PLATFORMS } from "../../../adapters/config/platforms.ts";
import { writeBundle } from "../../../src/compiler.ts";
import type { Platform } from "../../../src/config/compile.ts";
import { readBundle } from "../../../src/index.ts";
import { compileAll, conditionOf, GATEWAY, own } from "./compile-text.ts";

const [withClass = ""] = GATEWAY.split("---\napiVersion: spillway.dev/v1alpha1");
const source = own("SecretSource", "valkey", { env: { name: "VALKEY_URL" } }, "infra");
const urlRef = { group: "spillway.dev", kind: "SecretSource", name: "valkey" };
const compiled = (store: object | undefined, platform: Platform, ...more: readonly string[]) => {
  const config = own("BrokerConfig", "default", { identity: { anonymous: "Allow" }, ...(store === undefined ? {} : { limits: { store } }) }, "infra");
  return compileAll([withClass, config, source, ...more], platform);
};
const storeOf = (store: object | undefined, platform: Platform) => {
  const [gateway] = compiled(store, platform).snapshot?.gateways ?? [];
  return gateway?.rejected ?? gateway?.usageStore;
};

describe("BrokerConfig limits.store", () => {
  const { knative, lambda, workers } = PLATFORMS;

  it("names the store of the Gateway, and left out none", () => {
    expect(storeOf(undefined, knative)).toBeNull();
    expect(storeOf({ memory: {} }, knative)).toEqual({ kind: "memory" });
    expect(storeOf({ redis: { urlRef } }, lambda)).toMatchObject({ kind: "redis", url: { id: "SecretSource/infra/valkey" } });
    expect(storeOf({ dynamodb: { table: "usage" } }, lambda)).toEqual({ kind: "dynamodb", table: "usage", region: null });
    expect(storeOf({ dynamodb: { table: "usage", region: "eu-central-1" } }, knative)).toEqual({ kind: "dynamodb", table: "usage", region: "eu-central-1" });
    expect(storeOf({ durableObject: { binding: "USAGE", jurisdiction: "eu" } }, workers)).toEqual({
      kind: "durableObject",
      binding: "USAGE",
      jurisdiction: "eu",
    });
    expect(storeOf({ durableObject: { binding: "USAGE" } }, workers)).toEqual({ kind: "durableObject", binding: "USAGE", jurisdiction: null });
  });

  it("refuses the Gateway where the platform cannot reach the store, and says what it can", () => {
    for (const [store, platform, usable] of [
      [{ durableObject: { binding: "USAGE" } }, knative, "memory or redis or dynamodb"],
      [{ durableObject: { binding: "USAGE" } }, lambda, "memory or redis or dynamodb"],
      [{ redis: { urlRef } }, workers, "memory or durableObject"],
      [{ dynamodb: { table: "usage" } }, workers, "memory or durableObject"],
    ] as const) {
      expect(storeOf(store, platform)).toContain(`cannot be used on ${platform.name}: write ${usable}`);
      const all = compiled(store, platform);
      expect(conditionOf(all, "BrokerConfig", "default", "Accepted")).toBe("False/UnsupportedOnPlatform");
      expect(conditionOf(all, "Gateway", "egress", "Accepted", null)).toBe("False/InvalidParameters");
    }
  });

  it("refuses the Gateway when the address of the store cannot be read", () => {
    const lost = compiled({ redis: { urlRef: { ...urlRef, name: "lost" } } }, knative);
    expect(lost.snapshot?.gateways[0]?.rejected).toContain("limits.store: SecretSource infra/lost is not among the manifests");
    expect(conditionOf(lost, "BrokerConfig", "default", "ResolvedRefs")).toBe("False/SecretNotFound");
  });

  it("warns of a memory that instances do not share", () => {
    const warnings = (platform: Platform) => compiled({ memory: {} }, platform).faults.filter((fault) => fault.pointer === "/spec/limits/store/memory");
    expect(warnings(knative)).toEqual([]);
    expect(warnings(lambda)).toMatchObject([{ severity: "warning", advice: "use dynamodb or redis" }]);
    expect(warnings(workers)).toMatchObject([{ severity: "warning", advice: "use durableObject" }]);
  });

  it.each([
    [{}, /must name exactly one store/],
    [{ memory: {}, dynamodb: { table: "usage" } }, /must name exactly one store/],
    [{ redis: { url: "redis://h" } }, /unknown field url/],
    [{ dynamodb: { table: "a/b" } }, /must be the name of a table/],
    [{ dynamodb: { table: "usage", region: "Frankfurt" } }, /must be a region of AWS/],
    [{ durableObject: { binding: "a-b" } }, /must be the name of a binding/],
    [{ durableObject: { binding: "A", jurisdiction: "moon" } }, /must be eu, fedramp/],
  ])("%j is a fault", (store, message) => {
    const errors = compiled(store, workers).faults.filter((fault) => fault.severity === "error");
    expect(errors.map((fault) => fault.message).join("\n")).toMatch(message);
    expect(errors.every((fault) => fault.pointer.startsWith("/spec/limits/store"))).toBe(true);
  });

  it("is in a bundle as a place, and never as an address", () => {
    const store = { redis: { urlRef } };
    const read = readBundle(writeBundle(compiled(store, knative), knative), knative);
    expect(read.snapshot?.gateways[0]?.usageStore).toEqual(compiled(store, knative).snapshot?.gateways[0]?.usageStore);
    const secret = JSON.stringify({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "valkey", namespace: "infra" },
      stringData: { value: "redis://canary" },
    });
    expect(() => writeBundle(compiled({ redis: { urlRef: { name: "valkey" } } }, knative, secret), knative)).toThrow(/value of a Secret/);
  });
});
