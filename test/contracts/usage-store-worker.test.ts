import { createDurableObjectUsageStore } from "../../adapters/usage/durable-object-store.ts";
import { startWorkerUsage } from "../fakes/worker-usage.ts";
import { testUsageStore } from "./usage-store.ts";

testUsageStore("Durable Objects in workerd", async () => {
  const usage = await startWorkerUsage();
  const create = (ms: number) => createDurableObjectUsageStore({ namespace: usage.namespace, jurisdiction: null, exchangeMs: ms, otherMs: ms });
  const [store, other, hurried] = [create(20_000), create(20_000), create(2_500)];
  return {
    store,
    other,
    hurried,
    now: Date.now,
    pass: (ms) => new Promise((settle) => setTimeout(settle, ms)),
    realTime: true,
    isSpread: true,
    runs: 12,
    outage: async (mode) => {
      usage.mode = mode;
    },
    async close() {
      await store.close();
      await other.close();
      await hurried.close();
      await usage.close();
    },
  };
});
