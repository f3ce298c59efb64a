/** How an account stands, for whoever wants a part of it. */
export interface LeaseNeeds {
  readonly limit: number;
  /** In the rule's unit a millisecond, of late. */
  readonly demand: number;
  /** Length of a sliding window, in milliseconds; null: another window, or none. */
  readonly slidingMs: number | null;
  /** Neither used nor held by anybody, as far as this instance knows. */
  readonly left: number;
}

const LEASE_MS = 250;
const SHARE_OF_LIMIT = 0.02;
const SHARE_OF_LEFT = 1 / 8;

/**
 * What an instance holds beyond what its calls need, so that the next ones need no round trip: what comes in a quarter of a second (in a fortieth of
 * a short window), at most a fiftieth of the limit and an eighth of what is left. So it goes down to nothing near the limit, where every unit is asked for.
 */
export function leaseSize({ limit, demand, slidingMs, left }: LeaseNeeds): number {
  const soon = demand * Math.min(LEASE_MS, (slidingMs ?? Number.POSITIVE_INFINITY) / 40);
  return Math.max(0, Math.floor(Math.min(soon, limit * SHARE_OF_LIMIT, left * SHARE_OF_LEFT)));
}
