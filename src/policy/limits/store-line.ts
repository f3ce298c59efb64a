import type { Clock, Random } from "../../model/ports.ts";
import type { AccountExchange, ExchangeAnswer, UsageStore } from "../../model/usage-store.ts";
import { afterPatience } from "./patient-timer.ts";

/** Tells of each try of an exchange with a store: `granted` or `refused` by its answer, `failed` without one. For metrics; must not throw. */
export type OnExchange = (gateway: string, outcome: "granted" | "refused" | "failed", ms: number) => void;

export interface StoreLineOptions {
  /** `namespace/name`: the realm. */
  readonly gateway: string;
  readonly stores: (gateway: string) => UsageStore | Promise<UsageStore>;
  readonly clock: Clock;
  readonly random: Random;
  readonly onExchange: OnExchange;
  /** How long a call waits for an answer at most, in milliseconds. */
  readonly patienceMs: number;
}

/** One exchange on its way, the same in each try. */
export interface Flight {
  readonly exchange: AccountExchange;
  /** Monotonic milliseconds: when its first try began, from which on the store may have carried it out. */
  readonly firstSent: number;
}

/** One exchange at a time with one store, tried until it is answered. */
export interface StoreLine {
  /** The one that has no answer yet. */
  readonly flight: Flight | null;
  /** Calls should not wait for it: tries fail, or the one under way has been silent for long. */
  readonly down: boolean;
  /** A call has waited for as long as it may: time to see whether the store is silent. */
  judge(now: number): void;
  /** How long a call may wait for an answer: longer until the store has answered once, since connecting takes its time. Milliseconds. */
  readonly patienceMs: number;
  send(exchange: AccountExchange): void;
  /** The next try is made now. */
  hurry(): void;
}

/** What the first calls wait, while a connection is being made. */
const FIRST_PATIENCE_MS = 1_000;
/** So many times as long as a call waits: a store that is only slow for a moment must not turn calls away that it could still answer. */
const SILENT_AFTER = 4;
const TRY_MS = 1_000;
const FIRST_TRY_MS = 3_000;
const FIRST_PAUSE_MS = 10;
const MAX_PAUSE_MS = 1_000;

/**
 * `onAnswer` gets the answer, and whether it was asked for more than once; `onFailure` hears of every try that failed. Without an answer nobody knows whether an
 * exchange was carried out: so it is sent again as it was, and nothing overtakes it.
 */
export function createStoreLine(
  options: StoreLineOptions & {
    readonly onAnswer: (flight: Flight, answer: ExchangeAnswer, again: boolean, now: number) => void;
    readonly onFailure: (now: number) => void;
  },
): StoreLine {
  const { clock, random, gateway } = options;
  let flight: Flight | null = null;
  let trySent = 0;
  let failures = 0;
  let answered = false;
  let silent = false;
  let cancelPause: (() => void) | null = null;

  const patience = (): number => (answered ? options.patienceMs : Math.max(options.patienceMs, FIRST_PATIENCE_MS));

  function attempt(current: Flight): void {
    cancelPause = null;
    trySent = clock.monotonic();
    const controller = new AbortController();
    let over = false;
    const cancelTimeout = afterPatience(clock, answered ? TRY_MS : FIRST_TRY_MS, () => finish(null));
    const finish = (answer: ExchangeAnswer | null): void => {
      if (over) return;
      over = true;
      cancelTimeout();
      const now = clock.monotonic();
      if (answer === null || answer.accounts.length !== current.exchange.changes.length) {
        controller.abort();
        fail(current, now);
        return;
      }
      options.onExchange(gateway, answer.granted ? "granted" : "refused", now - trySent);
      const again = failures > 0;
      failures = 0;
      answered = true;
      silent = false;
      flight = null;
      options.onAnswer(current, answer, again, now);
    };
    exchangeWith(current.exchange, controller.signal).then(finish, () => finish(null));
  }

  async function exchangeWith(exchange: AccountExchange, signal: AbortSignal): Promise<ExchangeAnswer | null> {
    const store = await options.stores(gateway);
    // Opening may have taken longer than the try was given.
    return signal.aborted ? null : store.exchange(exchange, signal);
  }

  function fail(current: Flight, now: number): void {
    failures += 1;
    options.onExchange(gateway, "failed", now - trySent);
    const pause = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 4 ** (failures - 1)) * (0.5 + random() / 2);
    cancelPause = clock.after(pause, () => attempt(current));
    options.onFailure(now);
  }

  return {
    get flight() {
      return flight;
    },
    get patienceMs() {
      return patience();
    },
    get down() {
      // One failure may be a connection that had been closed: the try after it decides.
      return failures > 1 || silent;
    },
    judge(now) {
      silent ||= flight !== null && now - flight.firstSent >= patience() * SILENT_AFTER;
    },
    send(exchange) {
      flight = { exchange, firstSent: clock.monotonic() };
      attempt(flight);
    },
    hurry() {
      if (flight === null || cancelPause === null) return;
      cancelPause();
      attempt(flight);
    },
  };
}
