/** Asks for all addresses of a name; rejects when there are none or nobody answers. */
export type Lookup = (hostname: string) => Promise<readonly string[]>;

export interface AddressBook {
  /** All addresses of the name, unchecked. Rejects when nobody answers and no answer of the last five minutes is known. */
  resolve(hostname: string, patienceMs: number): Promise<readonly string[]>;
}

const GOOD_FOR_MS = 300_000;
const NAMES = 1_000;

interface Entry {
  readonly addresses: readonly string[];
  readonly at: number;
}

/**
 * Asks the resolver for every new connection, so that a change of address is seen at once, and falls back to the last
 * good answer while the resolver is down or silent for `patienceMs` (F33). Questions for one name at one moment share one look-up,
 * since the system's resolver has only a handful of threads.
 */
export function createAddressBook(lookup: Lookup, monotonic: () => number): AddressBook {
  const lastGood = new Map<string, Entry>();
  const flights = new Map<string, Promise<readonly string[]>>();

  function ask(hostname: string): Promise<readonly string[]> {
    const known = flights.get(hostname);
    if (known !== undefined) return known;
    const flight = lookup(hostname)
      .then((addresses) => {
        if (addresses.length === 0) throw new Error("no address");
        lastGood.delete(hostname);
        lastGood.set(hostname, { addresses, at: monotonic() });
        const oldest = lastGood.size > NAMES ? lastGood.keys().next().value : undefined;
        if (oldest !== undefined) lastGood.delete(oldest);
        return addresses;
      })
      .finally(() => flights.delete(hostname));
    flights.set(hostname, flight);
    return flight;
  }

  return {
    resolve: async (hostname, patienceMs) => {
      const flight = ask(hostname);
      const entry = lastGood.get(hostname);
      if (entry === undefined || monotonic() - entry.at > GOOD_FOR_MS) return flight;
      let timer: NodeJS.Timeout | undefined;
      const fallback = new Promise<readonly string[]>((resolve) => {
        timer = setTimeout(resolve, patienceMs, entry.addresses);
      });
      try {
        return await Promise.race([flight.catch(() => entry.addresses), fallback]);
      } finally {
        clearTimeout(timer);
      }
    },
  };
}
