import { createDurableObjectUsageStore } from "../../adapters/usage/durable-object-store.ts";
import { startWorkerUsage } from "../fakes/worker-usage.ts";
import { testUsageStore } from "./usage-store.ts";

testUsageStore("Durable Objects in workerd", async () => {
  const usage = await startWorkerUsage();
  const create = () => createDurableObjectUsageStore({ namespace: usage.namespace, jurisdiction: null, exchangeMs: 2_500, otherMs: 2_500 });
  const [store, other] = [create(), create()];
  return {
    store,
    other,
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
      await usage.close();
    },
  };
});
