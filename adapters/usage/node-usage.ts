import { type ReadSecret, type SecretReference, type UsagePorts, type UsageStore, UsageStoreError, type UsageStorePlan } from "../../src/index.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Opens the store of a plan in Node and in Lambda, and loads only what it needs; without a plan it is the Redis of `SPILLWAY_STATE`, else the memory of this
 * instance (the table of `SPILLWAY_STATE` has another layout than one of usage). Stores connect on first use. Rejects with `UsageStoreError`: a sentence on what cannot be, which quotes no secret.
 */
export function createNodeUsage(environment: Environment): UsagePorts["open"] {
  return async (plan, readSecret) => {
    const address = plan === null ? redisOfState(environment) : null;
    if (address !== null) return await openAddress(address);
    if (plan === null || plan.kind === "memory") return (await import("./memory-store.ts")).createMemoryUsageStore({ now: Date.now });
    if (plan.kind === "redis") return await openRedis(plan.url, readSecret);
    if (plan.kind === "dynamodb") return await (await import("./open-dynamodb.ts")).openDynamodbUsage(plan, environment);
    // The compiler refuses it for these platforms; a bundle that was made for another one comes here.
    throw new UsageStoreError("Durable Objects are a store of Workers only");
  };
}

/** Whether several instances see the store of a plan. */
export function isSharedOnNode(environment: Environment): (plan: UsageStorePlan | null) => boolean {
  return (plan) => (plan === null ? redisOfState(environment) !== null : plan.kind !== "memory");
}

function redisOfState(environment: Environment): string | null {
  const setting = environment["SPILLWAY_STATE"]?.trim() ?? "";
  return /^rediss?:/.test(setting) ? setting : null;
}

async function openAddress(text: string): Promise<UsageStore> {
  const [{ createRedisUsageStore }, { readRedisAddress }] = await Promise.all([import("./redis-store.ts"), import("../redis/redis-address.ts")]);
  const address = readRedisAddress(text);
  if (address === null) throw new UsageStoreError("SPILLWAY_STATE is no address of Redis");
  return createRedisUsageStore({ address });
}

async function openRedis(url: SecretReference, readSecret: ReadSecret): Promise<UsageStore> {
  const [{ createRedisUsageStore }, { followAddress }, { readRedisAddress }] = await Promise.all([
    import("./redis-store.ts"),
    import("./follow-address.ts"),
    import("../redis/redis-address.ts"),
  ]);
  return followAddress({
    read: async (signal) => (await readSecret(url, signal)).reveal().trim(),
    open: (text) => {
      const address = readRedisAddress(text);
      if (address === null)
        throw new UsageStoreError("the secret with the store's address is not redis://[user:password@]host[:port][/database], or rediss://…");
      return createRedisUsageStore({ address });
    },
  });
}
