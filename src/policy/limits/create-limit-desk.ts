import type { Clock, EventSink, Random } from "../../model/ports.ts";
import type { UsageStore } from "../../model/usage-store.ts";
import { createDirectRealm } from "./direct-realm.ts";
import { holdInRealms } from "./hold-in-realms.ts";
import { createLeasedRealm } from "./leased-realm.ts";
import type { LimitDesk } from "./limit-desk.ts";
import { createLimitNews } from "./limit-news.ts";
import type { LimitRealm } from "./limit-realm.ts";
import type { OnExchange } from "./store-line.ts";

export interface LimitDeskOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** The store of a Gateway (`namespace/name`). Asked for with every exchange, so whoever opens stores keeps them; one that cannot be opened is a store that gives no answer. */
  readonly stores: (gateway: string) => UsageStore | Promise<UsageStore>;
  /** This instance: a name that no other has and that none had before, at most 100 UTF-16 units. */
  readonly holder: string;
  /** Whether timers run between calls: true on Node; false on Workers and Lambda, where every call asks the store, and `flush` must be called before it is over. */
  readonly leases: boolean;
  readonly events: EventSink;
  readonly onExchange: OnExchange;
  /** How long a call waits for the store at most, in milliseconds; when left out 50 with leases, 500 without. Until the store has answered once it is a second at least. */
  readonly patienceMs?: number;
}

/** A desk and what its owner does with it. */
export interface OwnedLimitDesk extends LimitDesk {
  /** How many accounts this instance knows of, and of how many it holds more than its calls need. */
  census(): { readonly accounts: number; readonly leases: number };
  /** Tells the stores everything and gives back what is not needed, within `ms`. Does not close the stores. */
  close(ms: number): Promise<void>;
}

const PATIENCE_MS = 50;
/** Where every call asks the store, that may be a continent away: what is guarded against is silence, not distance. */
const PATIENCE_WITHOUT_LEASES_MS = 500;

/**
 * Counts limits in the stores of their Gateways.
 *
 * What it promises: of an account, all instances together hold and use no more than the limit, at every moment, but for three things that no counting before the
 * fact can know: what a call under way uses beyond its claim; what passes while the store gives no answer, under the rules that say so; and what calls under way
 * use whose instance could not reach the store for 30 seconds, after which others may have their room. Nothing is lost but what an instance that dies has not told:
 * what its calls used in the last second, and those under way; what it held comes back after 30 seconds.
 *
 * What it costs: a call for which this instance holds enough waits for nothing. A busy account needs about four exchanges a second, whatever the number of calls.
 * Near the limit, where every unit is asked for, calls wait for one exchange together. What is used up is asked for again after a fifth of a second at the latest.
 *
 * Requests in a sliding window are booked while they go on, once they are older than a hundred and twentieth of the window (at most half a second), for a long
 * stream must not count until a window after its end; those that are given back after twice that time stay booked, since they have been sent.
 */
export function createLimitDesk(options: LimitDeskOptions): OwnedLimitDesk {
  const { clock, leases, patienceMs = leases ? PATIENCE_MS : PATIENCE_WITHOUT_LEASES_MS } = options;
  const news = createLimitNews(options.events, clock);
  const realms = new Map<string, LimitRealm>();
  const create = leases ? createLeasedRealm : createDirectRealm;
  let sequence = 0;
  const nextSequence = (): number => ++sequence;

  function realmOf(gateway: string): LimitRealm {
    const known = realms.get(gateway);
    if (known !== undefined) return known;
    const realm = create({ ...options, gateway, nextSequence, news, patienceMs });
    realms.set(gateway, realm);
    return realm;
  }

  async function flush(ms: number, all: boolean): Promise<void> {
    await Promise.all([...realms.values()].map((realm) => realm.flush(ms, all)));
  }

  return {
    hold: (claims, signal) => holdInRealms(claims, signal, realmOf),
    standing: (claims) => claims.map((claim) => realmOf(claim.rule.gateway).standing(claim)),
    flush: (ms) => flush(ms, false),
    close: (ms) => flush(ms, true),
    census() {
      let accounts = 0;
      let leases = 0;
      for (const realm of realms.values()) {
        const census = realm.census();
        accounts += census.accounts;
        leases += census.leases;
      }
      return { accounts, leases };
    },
  };
}
