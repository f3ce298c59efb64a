import { describe, expect, it } from "vitest";
import { nodeUsageOutlet, workerUsageOutlet } from "../../../adapters/usage/usage-outlet.ts";
import type { UsageStorePlan } from "../../../src/model/limit.ts";
import { locateOutlet } from "../../../src/model/outlet.ts";

const HERE = { region: "eu-west-1", country: null };
const REDIS: UsageStorePlan = {
  kind: "redis",
  url: {
    id: "SecretSource/a/redis",
    location: { provider: "env", variable: "REDIS_URL" },
    key: null,
    refresh: { afterMs: 1, staleMs: 1 },
  } as unknown as Extract<UsageStorePlan, { kind: "redis" }>["url"],
};
const table = (region: string | null): UsageStorePlan => ({ kind: "dynamodb", table: "usage", region });

describe("where the usage store is", () => {
  it.each<[string, Record<string, string>, UsageStorePlan | null, unknown]>([
    ["the broker's own memory", {}, { kind: "memory" }, null],
    ["no plan, and no state", {}, null, null],
    ["no plan, and state in memory", { SPILLWAY_STATE: "memory:" }, null, null],
    ["a table", {}, table("eu-central-1"), ["limits.store", "eu-central-1", "host"]],
    ["a table in China", {}, table("cn-north-1"), ["limits.store", "cn-north-1", "host"]],
    ["a table where the environment is", { AWS_REGION: "eu-north-1" }, table(null), ["limits.store", "eu-north-1", "host"]],
    ["a table in no region", {}, table(null), ["limits.store", null, "none"]],
    ["a table in what is no region", {}, table("Europe/Paris"), ["limits.store", null, "none"]],
    ["a table behind another endpoint", { AWS_ENDPOINT_URL_DYNAMODB: "https://elsewhere.example" }, table("eu-central-1"), ["limits.store", null, "none"]],
    ["a Redis, whose address is a secret", {}, REDIS, ["limits.store", null, "none"]],
    ["a Redis for which somebody vouches", { SPILLWAY_USAGE_REGION: "DE" }, REDIS, ["limits.store", "DE", "attested"]],
    ["state in a Redis beside", { SPILLWAY_STATE: "redis://:secret@redis.cache.svc" }, null, ["SPILLWAY_STATE", "eu-west-1", "beside"]],
    ["state in a Redis elsewhere", { SPILLWAY_STATE: "rediss://redis.example" }, null, ["SPILLWAY_STATE", null, "none"]],
    ["state in a table, which keeps no usage", { SPILLWAY_STATE: "dynamodb:state", AWS_REGION: "eu-west-3" }, null, null],
    ["memory, whatever state is", { SPILLWAY_STATE: "rediss://redis.example" }, { kind: "memory" }, null],
  ])("%s", (_what, environment, plan, expected) => {
    const outlet = nodeUsageOutlet(environment)(plan);
    const located = outlet === null ? null : locateOutlet(outlet, HERE);
    expect(located === null ? null : [outlet?.name, located.place.region ?? located.place.country, located.evidence]).toEqual(expected);
    expect(JSON.stringify(outlet)).not.toContain("secret@");
  });

  it("a Durable Object is where its deployer says", () => {
    const isShared = (plan: UsageStorePlan | null) => plan !== null;
    const plan: UsageStorePlan = { kind: "durableObject", binding: "LIMITS", jurisdiction: null };
    expect(workerUsageOutlet({}, isShared)(plan)).toEqual({ kind: "usage", name: "limits.store", hostname: null, region: null });
    expect(workerUsageOutlet({ SPILLWAY_USAGE_REGION: "DE" }, isShared)(plan)).toMatchObject({ region: "DE" });
    expect(workerUsageOutlet({ SPILLWAY_USAGE_REGION: "DE" }, isShared)(null)).toBeNull();
  });

  it("refuses to start on a region that cannot be one", () => {
    expect(() => nodeUsageOutlet({ SPILLWAY_USAGE_REGION: "Europe!" })).toThrow("SPILLWAY_USAGE_REGION");
  });
});
