import { type AccountExchange, type ExchangeAnswer, type UsageStore, UsageStoreError } from "../../src/index.ts";
import type { Clock } from "../../src/model/ports.ts";

/** What becomes of one exchange. `deaf`: it is not carried out, and not answered. `lost`: it is carried out, and not answered. */
export type Fate = "carried" | "refused" | "lost" | "deaf";

/** A usage store behind a network that fails as a test wishes. */
export interface UnsteadyUsageStore extends UsageStore {
  /** Of each exchange from now on. */
  fate: (exchange: AccountExchange) => Fate;
  /** Round trip, in milliseconds of the clock; 0: at once. */
  delayMs: number;
  /** All that were sent. */
  readonly sent: AccountExchange[];
  /** All that were carried out. */
  readonly carried: { readonly exchange: AccountExchange; readonly answer: ExchangeAnswer }[];
}

export function createUnsteadyUsageStore(store: UsageStore, clock: Clock): UnsteadyUsageStore {
  const unsteady: UnsteadyUsageStore = {
    ...store,
    fate: () => "carried",
    delayMs: 0,
    sent: [],
    carried: [],
    async exchange(exchange, signal) {
      unsteady.sent.push(exchange);
      const fate = unsteady.fate(exchange);
      if (unsteady.delayMs > 0) await passed(clock, unsteady.delayMs / 2);
      if (fate === "refused") throw new UsageStoreError("the connection was refused");
      if (fate === "deaf") return silence(signal);
      // The request is on its way already: that its sender no longer waits does not stop it.
      const answer = await store.exchange(exchange, new AbortController().signal);
      unsteady.carried.push({ exchange, answer });
      if (fate === "lost") return silence(signal);
      if (unsteady.delayMs > 0) await passed(clock, unsteady.delayMs / 2);
      if (signal.aborted) throw new UsageStoreError("nobody waits any more");
      return answer;
    },
  };
  return unsteady;
}

function passed(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(ms, resolve);
  });
}

function silence(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(new UsageStoreError("no answer came in time")), { once: true });
  });
}
