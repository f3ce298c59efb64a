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
  /** When a value that ends by itself does; null: its refresh policy says how long it serves. By both clocks: one may have stood still. */
  ends: { readonly monotonic: number; readonly wall: number } | null;
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
    ends: null,
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

/** A token is renewed this long before its end, or a fifth of its life: whichever is shorter. Milliseconds. */
const RENEW_BEFORE_MS = 300_000;
/** And is not used any more this long before it, or a tenth of its life: it has to arrive before it ends. Milliseconds. */
const MARGIN_MS = 10_000;

/** Notes how long the value that was fetched at `now` serves. Earlier than the interval, never later: the interval is a promise. */
export function noteLife(entry: SecretEntry, secret: Secret, time: { readonly now: number; readonly wall: number }, random: number): void {
  const { intervalMs, jitterPercent } = entry.reference.refresh;
  const { goodForMs } = secret;
  const spread = 1 - (jitterPercent / 100) * random;
  if (goodForMs === null) {
    entry.freshUntil = time.now + intervalMs * spread;
    entry.ends = null;
    return;
  }
  const serves = goodForMs - Math.min(MARGIN_MS, goodForMs / 10);
  entry.freshUntil = time.now + (goodForMs - Math.min(RENEW_BEFORE_MS, goodForMs / 5)) * spread;
  entry.ends = { monotonic: time.now + serves, wall: time.wall + serves };
}

/** Whether the value may still be used without a check, although its time to be fetched anew has come. */
export function isChecked(entry: SecretEntry, now: number): boolean {
  // A token says itself how long it is good, unless somebody has said since that it is not.
  if (entry.ends !== null) return entry.checkedAt !== Number.NEGATIVE_INFINITY;
  return now < entry.checkedAt + Math.max(UNCHECKED_MS, 2 * entry.reference.refresh.intervalMs);
}

/** A value that nobody has checked for longer than this (or two intervals) is not used without asking: the store may have denied it meanwhile. */
const UNCHECKED_MS = 60_000;

/** The value as it may serve now: null when there is none, when it has ended, or when it is older than its interval and `staleForMs` together. */
export function usable(entry: SecretEntry, now: number, wall: number): SecretLease | null {
  const { lease, reference, ends } = entry;
  if (lease === null) return null;
  if (ends !== null && (now >= ends.monotonic || wall >= ends.wall)) return null;
  if (now < entry.freshUntil) return lease;
  if (ends !== null) return { secret: lease.secret, state: "stale" };
  const { intervalMs, staleForMs } = reference.refresh;
  return now < entry.fetchedAt + intervalMs + staleForMs ? { secret: lease.secret, state: "stale" } : null;
}

/** True when both read the same place: a reload makes new objects of the same manifest, and may change what an id points to. */
export function sameLocation(one: SecretLocation, other: SecretLocation): boolean {
  // JSON prints an inline secret as `[secret]`; inline secrets do not reach the cache.
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}
