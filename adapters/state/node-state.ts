import type { StateStore } from "../../src/index.ts";
import { configuredEndpoint } from "../aws/endpoints.ts";
import { readRedisAddress } from "../redis/redis-address.ts";
import { createMemoryStore } from "./memory-store.ts";

type Environment = Readonly<Record<string, string | undefined>>;

const FORMS = "memory:, redis://[user:password@]host[:port][/database], rediss://… or dynamodb:TABLE";

/**
 * The store that instances share, by `SPILLWAY_STATE`; `memory:` when it is not set. `dynamodb:` takes the region from `AWS_REGION` or
 * `AWS_DEFAULT_REGION`. Loads the one that is asked for, and connects on first use. Rejects with a sentence on what it cannot be, without quoting it: it may hold a password.
 */
export async function createNodeState(environment: Environment): Promise<StateStore> {
  const setting = environment["SPILLWAY_STATE"]?.trim() || "memory:";
  const colon = setting.indexOf(":");
  const [scheme, rest] = [setting.slice(0, Math.max(0, colon)), setting.slice(colon + 1)];
  switch (scheme) {
    case "memory":
      if (rest === "") return createMemoryStore({ now: Date.now });
      break;
    case "redis":
    case "rediss": {
      const address = readRedisAddress(setting);
      if (address !== null) return (await import("./redis-store.ts")).createRedisStore({ address });
      break;
    }
    case "dynamodb":
      return await dynamodb(rest, environment);
  }
  throw new Error(`SPILLWAY_STATE is none of ${FORMS}`);
}

async function dynamodb(table: string, environment: Environment): Promise<StateStore> {
  const region = environment["AWS_REGION"] || environment["AWS_DEFAULT_REGION"];
  if (!region) throw new Error("SPILLWAY_STATE is dynamodb:TABLE, which needs AWS_REGION");
  const endpoint = configuredEndpoint(environment, "dynamodb");
  const [{ createDynamodbStore }, { createNodeCredentials }] = await Promise.all([import("./dynamodb-store.ts"), import("../aws/node-credentials.ts")]);
  try {
    return createDynamodbStore({ table, region, endpoint, credentials: createNodeCredentials(environment) });
  } catch (error) {
    const reason = error instanceof TypeError ? error.message : "it cannot be used";
    throw new Error(`SPILLWAY_STATE is dynamodb:TABLE, but ${reason}`);
  }
}
