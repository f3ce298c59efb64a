import type { AccountChange, AccountExchange } from "../../model/usage-store.ts";
import { askOnce } from "./ask-once.ts";
import type { LimitRealmOptions } from "./limit-realm.ts";

/** What calls used and give back, until the store has heard of it. */
export interface Settlements {
  /** A name for what one call holds; none is used for two calls at a time. */
  holder(): string;
  /** The store knows that this holder holds nothing. */
  reuse(holder: string): void;
  /** The last that the store hears of this holder's call. */
  add(holder: string, changes: readonly AccountChange[]): void;
  /** Tells the store. Resolves when all is told that was there to tell, or the store gives no answer; within `ms`. */
  flush(ms: number): Promise<void>;
}

const TTL_MS = 1_000;
/** More than this is told of nobody: what was held ends by itself, what was used is lost. */
const MAX_WAITING = 10_000;
const AT_ONCE = 8;

/**
 * Calls hold under names that are used again when the store has heard of their end, so that it sees no more of them than calls were ever under way at a time. Each
 * settlement keeps its number over all tries, so that it counts once.
 */
export function createSettlements(options: LimitRealmOptions): Settlements {
  const { clock, gateway } = options;
  const free: string[] = [];
  let names = 0;
  let waiting: AccountExchange[] = [];

  function tell(exchange: AccountExchange, ms: number): Promise<boolean> {
    return askOnce(options, exchange, ms, null).then((answer) => {
      if (answer === null) waiting.push(exchange);
      else free.push(exchange.holder);
      return answer !== null;
    });
  }

  async function tellAll(deadline: number): Promise<void> {
    for (let ms = deadline - clock.monotonic(); waiting.length > 0 && ms > 0; ms = deadline - clock.monotonic()) {
      const next = waiting.slice(0, AT_ONCE);
      waiting = waiting.slice(AT_ONCE);
      const told = await Promise.all(next.map((exchange) => tell(exchange, ms)));
      if (told.includes(false)) return;
    }
  }

  return {
    holder: () => free.pop() ?? `${options.holder}.${++names}`,
    reuse(holder) {
      free.push(holder);
    },
    add(holder, changes) {
      if (changes.length === 0) {
        free.push(holder);
        return;
      }
      waiting.push({ realm: gateway, holder, sequence: options.nextSequence(), ttlMs: TTL_MS, changes });
      if (waiting.length > MAX_WAITING) waiting.shift();
    },
    flush: (ms) => tellAll(clock.monotonic() + ms),
  };
}
