import type { CallSignal } from "../../model/call-signal.ts";
import type { AccountExchange, ExchangeAnswer } from "../../model/usage-store.ts";
import type { LimitRealmOptions } from "./limit-realm.ts";
import { afterPatience } from "./patient-timer.ts";

/** One try of an exchange, for at most `ms` and until `signal` aborts. Null: no proper answer; nobody knows whether it was carried out. Never rejects. */
export function askOnce(
  options: Pick<LimitRealmOptions, "gateway" | "stores" | "clock" | "onExchange">,
  exchange: AccountExchange,
  ms: number,
  signal: CallSignal | null,
): Promise<ExchangeAnswer | null> {
  const { clock, gateway, stores, onExchange } = options;
  const sent = clock.monotonic();
  const controller = new AbortController();
  let over = false;
  return new Promise((resolve) => {
    const finish = (answer: ExchangeAnswer | null): void => {
      if (over) return;
      over = true;
      cancel();
      signal?.removeEventListener("abort", leave);
      const proper = answer !== null && answer.accounts.length === exchange.changes.length ? answer : null;
      // Ends what is still under way. Not after an answer: each call asks, and what an abort makes for a reason is not cheap.
      if (proper === null) controller.abort();
      onExchange(gateway, proper === null ? "failed" : proper.granted ? "granted" : "refused", clock.monotonic() - sent);
      resolve(proper);
    };
    const leave = (): void => finish(null);
    const cancel = afterPatience(clock, ms, leave);
    signal?.addEventListener("abort", leave);
    const open = async (): Promise<ExchangeAnswer | null> => {
      const store = await stores(gateway);
      return controller.signal.aborted ? null : store.exchange(exchange, controller.signal);
    };
    open().then(finish, leave);
  });
}
