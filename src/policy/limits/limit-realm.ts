import type { CallSignal } from "../../model/call-signal.ts";
import type { Clock, Random } from "../../model/ports.ts";
import type { UsageStore } from "../../model/usage-store.ts";
import type { HoldResult, LimitClaim, Standing } from "./limit-desk.ts";
import type { LimitNews } from "./limit-news.ts";
import type { OnExchange } from "./store-line.ts";

/** The limits of one Gateway: what a `LimitDesk` does, for claims whose rules are all of this Gateway. */
export interface LimitRealm {
  hold(claims: readonly LimitClaim[], signal: CallSignal): HoldResult | Promise<HoldResult>;
  standing(claim: LimitClaim): Standing;
  /** `all`: what is held and not needed is given back too. */
  flush(ms: number, all: boolean): Promise<void>;
  /** Accounts that this instance knows, and those of which it holds more than its calls need. */
  census(): { readonly accounts: number; readonly leases: number };
}

export interface LimitRealmOptions {
  /** `namespace/name`. */
  readonly gateway: string;
  readonly stores: (gateway: string) => UsageStore | Promise<UsageStore>;
  /** The instance: a name that no other has. */
  readonly holder: string;
  /** Gives a number larger than any before. */
  readonly nextSequence: () => number;
  readonly clock: Clock;
  readonly random: Random;
  readonly news: LimitNews;
  readonly onExchange: OnExchange;
  /** How long a call waits for the store at most, in milliseconds; the first ones wait longer. */
  readonly patienceMs: number;
}
