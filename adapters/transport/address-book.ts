import type { DegradedPort } from "../../src/index.ts";
import type { Lookup } from "./name-resolver.ts";

/** Whose addresses are asked for, and of whom. */
export interface AddressQuestion {
  readonly hostname: string;
  /** Name servers; empty: the system's resolver. */
  readonly servers: readonly string[];
  /** Milliseconds for which the last good answer serves while nobody gives another; 0: never. */
  readonly staleForMs: number;
}

export interface AddressBook {
  /** All addresses of the name, unchecked. Rejects when nobody answers and no answer that may still serve is known. */
  resolve(question: AddressQuestion, patienceMs: number): Promise<readonly string[]>;
  /** Addresses that were kept under this key and whose time is not up; null: none. */
  kept(key: string): readonly string[] | null;
  /** Keeps checked addresses for `forMs`, and gives what is kept: of two that were found at one moment the first counts. */
  keep(key: string, addresses: readonly string[], forMs: number): readonly string[];
}

const NAMES = 1_000;

interface Entry {
  readonly addresses: readonly string[];
  readonly at: number;
}

interface Kept {
  readonly addresses: readonly string[];
  readonly until: number;
}

/**
 * Asks the resolver for every new connection, so that a change of address is seen at once, and falls back to the last
 * good answer while the resolver is down or silent for `patienceMs` (F33). Questions for one name at one moment share one look-up,
 * since the system's resolver has only a handful of threads. What was kept by `keep` outlives the pool that asked for it.
 */
export function createAddressBook(lookup: Lookup, monotonic: () => number, degraded?: DegradedPort): AddressBook {
  const lastGood = new Map<string, Entry>();
  const flights = new Map<string, Promise<readonly string[]>>();
  const pins = new Map<string, Kept>();

  function ask({ hostname, servers }: AddressQuestion, key: string): Promise<readonly string[]> {
    const known = flights.get(key);
    if (known !== undefined) return known;
    const flight = lookup(hostname, servers)
      .then((addresses) => {
        if (addresses.length === 0) throw new Error("no address");
        putLast(lastGood, key, { addresses, at: monotonic() });
        degraded?.leave("names", hostname);
        return addresses;
      })
      .finally(() => flights.delete(key));
    flights.set(key, flight);
    return flight;
  }

  function kept(key: string): readonly string[] | null {
    const found = pins.get(key);
    if (found === undefined) return null;
    if (monotonic() < found.until) return found.addresses;
    pins.delete(key);
    return null;
  }

  return {
    resolve: async (question, patienceMs) => {
      const key = [question.hostname, ...question.servers].join(" ");
      const flight = ask(question, key);
      const entry = lastGood.get(key);
      if (entry === undefined || monotonic() - entry.at > question.staleForMs || question.staleForMs === 0) return flight;
      let timer: NodeJS.Timeout | undefined;
      const useLast = (): readonly string[] => {
        degraded?.enter("names", question.hostname, "last_good", { forMs: entry.at + question.staleForMs - monotonic() });
        return entry.addresses;
      };
      const fallback = new Promise<readonly string[]>((resolve) => {
        timer = setTimeout(() => resolve(useLast()), patienceMs);
      });
      try {
        return await Promise.race([flight.catch(useLast), fallback]);
      } finally {
        clearTimeout(timer);
      }
    },
    kept,
    keep: (key, addresses, forMs) => {
      const before = kept(key);
      if (before !== null) return before;
      putLast(pins, key, { addresses, until: monotonic() + forMs });
      return addresses;
    },
  };
}

/** Puts an entry at the end, and drops the oldest one beyond the bound. */
function putLast<Value>(entries: Map<string, Value>, key: string, value: Value): void {
  entries.delete(key);
  entries.set(key, value);
  const oldest = entries.size > NAMES ? entries.keys().next().value : undefined;
  if (oldest !== undefined) entries.delete(oldest);
}
