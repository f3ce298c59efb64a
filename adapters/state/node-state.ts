import type { StateStore } from "../../src/index.ts";
import { configuredEndpoint } from "../aws/endpoints.ts";
import { createNodeCredentials } from "../aws/node-credentials.ts";
import { createDynamodbStore } from "./dynamodb-store.ts";
import { createMemoryStore } from "./memory-store.ts";
import { readRedisAddress } from "./redis-address.ts";
import { createRedisStore } from "./redis-store.ts";

type Environment = Readonly<Record<string, string | undefined>>;

const FORMS = "memory:, redis://[user:password@]host[:port][/database], rediss://… or dynamodb:TABLE";

/**
 * The store that instances share, by `SPILLWAY_STATE`; `memory:` when it is not set. `dynamodb:` takes the region from `AWS_REGION` or
 * `AWS_DEFAULT_REGION`. Connects on first use. Throws a sentence on what it cannot be, without quoting it: it may hold a password.
 */
export function createNodeState(environment: Environment): StateStore {
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
      if (address !== null) return createRedisStore({ address });
      break;
    }
    case "dynamodb":
      return dynamodb(rest, environment);
  }
  throw new Error(`SPILLWAY_STATE is none of ${FORMS}`);
}

function dynamodb(table: string, environment: Environment): StateStore {
  const region = environment["AWS_REGION"] || environment["AWS_DEFAULT_REGION"];
  if (!region) throw new Error("SPILLWAY_STATE is dynamodb:TABLE, which needs AWS_REGION");
  const endpoint = configuredEndpoint(environment, "dynamodb");
  try {
    return createDynamodbStore({ table, region, endpoint, credentials: createNodeCredentials(environment) });
  } catch (error) {
    const reason = error instanceof TypeError ? error.message : "it cannot be used";
    throw new Error(`SPILLWAY_STATE is dynamodb:TABLE, but ${reason}`);
  }
}
