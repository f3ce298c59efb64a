import { type ReadSecret, type SecretReference, type UsagePorts, type UsageStore, UsageStoreError } from "../../src/index.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Opens the store of a plan in Node and in Lambda, and loads only what it needs; without a plan it is the memory of this instance. Stores connect on
 * first use. Rejects with `UsageStoreError`: a sentence on what cannot be, which quotes no secret.
 */
export function createNodeUsage(environment: Environment): UsagePorts["open"] {
  return async (plan, readSecret) => {
    if (plan === null || plan.kind === "memory") return (await import("./memory-store.ts")).createMemoryUsageStore({ now: Date.now });
    if (plan.kind === "redis") return await openRedis(plan.url, readSecret);
    if (plan.kind === "dynamodb") return await (await import("./open-dynamodb.ts")).openDynamodbUsage(plan, environment);
    // The compiler refuses it for these platforms; a bundle that was made for another one comes here.
    throw new UsageStoreError("Durable Objects are a store of Workers only");
  };
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
