import type { SecretStoreError } from "../model/ports.ts";
import type { Secret, SecretLocation, SecretReference } from "../model/secret.ts";

/** A secret to use now, and how it was come by: `hit` is fresh, `stale` is past its interval, `miss` was just fetched. */
export interface SecretLease {
  readonly secret: Secret;
  readonly state: "hit" | "stale" | "miss";
}

/** What the cache knows of one secret. Times are milliseconds of the monotonic clock. */
export interface SecretEntry {
  reference: SecretReference;
  /** The value, made once into the lease that the hot path gets. The Secret stays the same object while its value does. */
  lease: SecretLease | null;
  fetchedAt: number;
  freshUntil: number;
  /** End of the last fetch, whatever came of it. */
  checkedAt: number;
  /** Fetches with a lower number began before an invalidation or before the answer that is held: they change nothing. */
  floor: number;
  /** The fetch under way, by its number. */
  fetching: { readonly since: number; readonly sequence: number } | null;
  refetchedAt: number;
  failure: SecretStoreError | null;
  failures: number;
  /** No fetch before this time. */
  retryAt: number;
  lastUsed: number;
  /** What was last told about it, so that an outage is one event and not thousands. */
  told: string | null;
}

export function newSecretEntry(reference: SecretReference, floor: number): SecretEntry {
  const never = Number.NEGATIVE_INFINITY;
  return {
    reference,
    lease: null,
    fetchedAt: never,
    freshUntil: never,
    checkedAt: never,
    floor,
    fetching: null,
    refetchedAt: never,
    failure: null,
    failures: 0,
    retryAt: never,
    lastUsed: never,
    told: null,
  };
}

/** The value as it may serve now: null when there is none, or when it is older than its interval and `staleForMs` together. */
export function usable(entry: SecretEntry, now: number): SecretLease | null {
  const { lease, reference } = entry;
  if (lease === null) return null;
  if (now < entry.freshUntil) return lease;
  const { intervalMs, staleForMs } = reference.refresh;
  return now < entry.fetchedAt + intervalMs + staleForMs ? { secret: lease.secret, state: "stale" } : null;
}

/** True when both read the same place: a reload makes new objects of the same manifest, and may change what an id points to. */
export function sameLocation(one: SecretLocation, other: SecretLocation): boolean {
  // JSON prints an inline secret as `[secret]`; inline secrets do not reach the cache.
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}
