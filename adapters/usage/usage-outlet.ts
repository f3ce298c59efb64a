import type { Outlet, UsagePorts, UsageStorePlan } from "../../src/index.ts";
import { awsHost, configuredEndpoint } from "../aws/endpoints.ts";
import { readPlace } from "../events/outlets.ts";
import { readRedisAddress } from "../redis/redis-address.ts";
import { isSharedOnNode } from "./node-usage.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Where usage stores are, in Node and in Lambda: DynamoDB by its region, a Redis of `SPILLWAY_STATE` by its hostname. The address of another Redis is a secret,
 * which nobody reads for this: `SPILLWAY_USAGE_REGION` says where it is, and goes before what names tell. Throws at once on a region that cannot be one.
 */
export function nodeUsageOutlet(environment: Environment): UsagePorts["outlet"] {
  const region = readPlace("SPILLWAY_USAGE_REGION", environment["SPILLWAY_USAGE_REGION"]);
  const own = ofState(environment, region);
  return (plan) => {
    if (plan === null) return own;
    return plan.kind === "memory"
      ? null
      : { kind: "usage", name: "limits.store", hostname: plan.kind === "dynamodb" ? dynamodbHost(plan.region, environment) : null, region };
  };
}

/** The same in a Worker: a Durable Object has no name, and lies where `SPILLWAY_USAGE_REGION` says. `isShared`: whether the plan names any. */
export function workerUsageOutlet(bindings: Readonly<Record<string, unknown>>, isShared: (plan: UsageStorePlan | null) => boolean): UsagePorts["outlet"] {
  const word = bindings["SPILLWAY_USAGE_REGION"];
  const region = readPlace("SPILLWAY_USAGE_REGION", typeof word === "string" ? word : undefined);
  return (plan) => (isShared(plan) ? { kind: "usage", name: plan === null ? "SPILLWAY_USAGE" : "limits.store", hostname: null, region } : null);
}

/** Without a plan only a Redis is taken over from the state. */
function ofState(environment: Environment, region: string | null): Outlet | null {
  if (!isSharedOnNode(environment)(null)) return null;
  return { kind: "usage", name: "SPILLWAY_STATE", hostname: readRedisAddress(environment["SPILLWAY_STATE"]?.trim() ?? "")?.host ?? null, region };
}

function dynamodbHost(planned: string | null, environment: Environment): string | null {
  const endpoint = configuredEndpoint(environment, "dynamodb");
  if (endpoint !== null) return URL.parse(endpoint)?.hostname ?? null;
  const region = planned ?? (environment["AWS_REGION"] || environment["AWS_DEFAULT_REGION"]);
  if (!region) return null;
  try {
    return awsHost("dynamodb", region);
  } catch {
    // Opening the store says what is wrong with the region; until then nobody knows where it is.
    return null;
  }
}
