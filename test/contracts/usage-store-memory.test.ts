import { createMemoryUsageStore } from "../../adapters/usage/memory-store.ts";
import { createFakeClock } from "../fakes/clock.ts";
import { testUsageStore } from "./usage-store.ts";

testUsageStore("memory", async () => {
  const clock = createFakeClock();
  const store = createMemoryUsageStore({ now: clock.now });
  return { store, other: null, hurried: null, now: clock.now, pass: (ms) => clock.advance(ms), realTime: false, outage: null, close: () => store.close() };
});
