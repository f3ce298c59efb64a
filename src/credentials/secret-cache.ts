import { createSingleFlight } from "../lib/single-flight.ts";
import type { DegradedPort } from "../model/degradation.ts";
import type { EgressEvent } from "../model/event.ts";
import { type Clock, type Random, type SecretStore, SecretStoreError } from "../model/ports.ts";
import type { Secret, SecretReference } from "../model/secret.ts";
import { fetchSecret } from "./fetch-secret.ts";
import type { RotationWatch } from "./rotation-watch.ts";
import { isChecked, newSecretEntry, noteLife, type SecretEntry, type SecretLease, sameLocation, usable } from "./secret-entry.ts";
import { type SecretStatus, secretStatus } from "./secret-status.ts";

export type { SecretLease } from "./secret-entry.ts";

export interface SecretCacheOptions {
  readonly stores: readonly SecretStore[];
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: (event: EgressEvent) => void;
  /** Told of secrets whose store gives nothing, and when it does again; left out: nobody is. */
  readonly degraded?: DegradedPort;
  /** False on Workers, where a promise that one request began must not be awaited by another. Default true. */
  readonly shareFlights?: boolean;
  /** Entries that are held; beyond it the one that was used longest ago goes. Default 1024. */
  readonly maxEntries?: number;
  /** Tells of rotations that other instances have heard of; left out: there is no store to hear of them by. */
  readonly watch?: Pick<RotationWatch, "stale" | "state" | "look">;
}

/** Secret values, held so that a call seldom waits for a store and an outage of the store is not an outage of the broker. */
export interface SecretCache {
  /** The value if it is fresh, without waiting; null: `read` it. */
  peek(reference: SecretReference): SecretLease | null;
  /**
   * Fresh at once; past its interval at once too, refreshed behind the call (`waitUntil` keeps that work alive where the
   * platform needs it); else fetched. Rejects with `SecretStoreError`, or with the signal's reason.
   */
  read(reference: SecretReference, signal: AbortSignal, waitUntil?: (work: Promise<unknown>) => void): Promise<SecretLease>;
  /**
   * For a destination that has just said no to `used`. Gives another value where one is held, else fetches, at most once
   * a second. The lease holds the very same Secret object when the store has nothing newer, or cannot be reached.
   */
  refetch(reference: SecretReference, used: Secret, signal: AbortSignal): Promise<SecretLease>;
  /** The next `read` of each match asks its store; the value held serves only if the store cannot be reached. Gives the number of matches. */
  invalidate(matches: (reference: SecretReference) => boolean): number;
  /** For /-/status: no values. */
  status(): readonly SecretStatus[];
}

const REFETCH_EVERY_MS = 1_000;
const BACKOFF_MS = 250;
/** 250 ms doubled seven times: 25 questions in the first ten minutes of an outage. */
const MAX_BACKOFF_MS = 32_000;
/** With no value at all calls are failing: the store is asked at least this often, so that its return is seen. */
const MAX_COLD_BACKOFF_MS = 1_000;
/** How often a request looks whether another one's fetch has landed, where flights are not shared. */
const LOOK_EVERY_MS = 20;
const FETCH_GONE_MS = 6_000;

export function createSecretCache(options: SecretCacheOptions): SecretCache {
  const { stores, clock, random, emit, degraded, shareFlights = true, maxEntries = 1_024, watch = null } = options;
  const entries = new Map<string, SecretEntry>();
  const flights = createSingleFlight<SecretLease>();
  let sequences = 0;
  let looking: Promise<void> | null = null;

  function entryOf(reference: SecretReference): SecretEntry {
    const known = entries.get(reference.id);
    if (known !== undefined && (known.reference === reference || sameLocation(known.reference.location, reference.location))) {
      known.reference = reference;
      return known;
    }
    // An id that now means another place keeps nothing of the old one.
    if (known !== undefined) {
      flights.forget(reference.id);
      degraded?.leave("secret", reference.id);
    } else if (entries.size >= maxEntries) evictLeastUsed();
    const entry = newSecretEntry(reference, sequences + 1);
    entries.set(reference.id, entry);
    return entry;
  }

  function evictLeastUsed(): void {
    let least: SecretEntry | null = null;
    for (const entry of entries.values()) if (least === null || entry.lastUsed < least.lastUsed) least = entry;
    if (least === null) return;
    entries.delete(least.reference.id);
    degraded?.leave("secret", least.reference.id);
    flights.forget(least.reference.id);
  }

  /** One question to the store, whose answer changes the entry only if nothing newer has. */
  async function fetchOnce(entry: SecretEntry, signal: AbortSignal | null): Promise<SecretLease> {
    sequences += 1;
    const sequence = sequences;
    entry.fetching = { since: clock.monotonic(), sequence };
    try {
      const secret = await fetchSecret(stores, entry.reference.location, clock, signal);
      return accept(entry, sequence, secret);
    } catch (error) {
      // Only the caller's own leaving is not the store's fault: `fetchSecret` gives everything else as SecretStoreError.
      if (!(error instanceof SecretStoreError)) throw error;
      refuse(entry, sequence, error);
      throw error;
    } finally {
      if (entry.fetching?.sequence === sequence) entry.fetching = null;
    }
  }

  function accept(entry: SecretEntry, sequence: number, secret: Secret): SecretLease {
    if (sequence < entry.floor) return { secret, state: "miss" };
    const now = clock.monotonic();
    const unchanged = entry.lease !== null && entry.lease.secret.reveal() === secret.reveal();
    if (!unchanged) entry.lease = { secret, state: "hit" };
    entry.floor = sequence + 1;
    entry.fetchedAt = now;
    entry.checkedAt = now;
    noteLife(entry, secret, { now, wall: clock.now() }, random());
    entry.failure = null;
    entry.failures = 0;
    entry.retryAt = Number.NEGATIVE_INFINITY;
    entry.told = null;
    degraded?.leave("secret", entry.reference.id);
    return { secret: entry.lease?.secret ?? secret, state: "miss" };
  }

  function refuse(entry: SecretEntry, sequence: number, failure: SecretStoreError): void {
    if (sequence < entry.floor) return;
    const now = clock.monotonic();
    if (entry.ends === null && (failure.reason === "denied" || failure.reason === "missing")) {
      // The store has spoken: this is no outage, and the value must not serve on. Not so a token, which is good until it ends: who gives no new one does not take it back.
      entry.lease = null;
      entry.floor = sequence + 1;
    }
    const serving = usable(entry, now, clock.now()) !== null;
    entry.failure = failure;
    entry.checkedAt = now;
    entry.failures += 1;
    const longest = serving ? MAX_BACKOFF_MS : MAX_COLD_BACKOFF_MS;
    entry.retryAt = now + Math.min(longest, BACKOFF_MS * 2 ** Math.min(entry.failures - 1, 10));
    degraded?.enter("secret", entry.reference.id, failure.reason, { detail: failure.message, forMs: entry.retryAt - now });
    tell(entry, failure, serving);
  }

  function tell(entry: SecretEntry, failure: SecretStoreError, serving: boolean): void {
    const told = `${failure.reason} ${serving}`;
    if (entry.told === told) return;
    entry.told = told;
    const { id, location } = entry.reference;
    const data = { provider: location.provider, reason: failure.reason, detail: failure.message, serving: serving ? "stale" : "none" };
    emit({ type: "credential.unavailable", time: clock.now(), subject: id, data });
  }

  function fetching(entry: SecretEntry, now: number): boolean {
    if (shareFlights) return flights.flying(entry.reference.id);
    // The request that fetches may have been ended by its platform without a word.
    return entry.fetching !== null && now < entry.fetching.since + FETCH_GONE_MS;
  }

  function fetchFor(entry: SecretEntry, signal: AbortSignal): Promise<SecretLease> {
    return shareFlights ? flights.join(entry.reference.id, () => fetchOnce(entry, null), signal) : fetchOnce(entry, signal);
  }

  function refreshBehind(entry: SecretEntry, now: number, waitUntil: ((work: Promise<unknown>) => void) | undefined): void {
    if (now < entry.retryAt || fetching(entry, now)) return;
    const work = shareFlights ? flights.join(entry.reference.id, () => fetchOnce(entry, null), null) : fetchOnce(entry, null);
    // What went wrong is in the entry, and was told.
    const quiet = work.catch(() => {});
    waitUntil?.(quiet);
  }

  /** What can be had without asking the store, or its last error. */
  function held(entry: SecretEntry): SecretLease {
    const lease = usable(entry, clock.monotonic(), clock.now());
    if (lease !== null) return lease;
    throw entry.failure ?? new SecretStoreError("unavailable", "the secret has not been read yet");
  }

  /** Where promises may not be shared: waits by own timers until another request's fetch has landed. */
  async function landed(entry: SecretEntry, signal: AbortSignal): Promise<void> {
    while (fetching(entry, clock.monotonic())) {
      signal.throwIfAborted();
      await new Promise<void>((resolve) => clock.after(LOOK_EVERY_MS, resolve));
    }
    signal.throwIfAborted();
  }

  function lookTogether(around: NonNullable<typeof watch>): Promise<void> {
    looking ??= around.look(new AbortController().signal).finally(() => {
      looking = null;
    });
    return looking;
  }

  /** Hears of rotations: before the value is used where nobody has looked for too long, else behind the call. */
  async function lookAround(around: NonNullable<typeof watch>, signal: AbortSignal, waitUntil: ((work: Promise<unknown>) => void) | undefined): Promise<void> {
    const state = around.state(clock.monotonic());
    if (state === "overdue") await (shareFlights ? lookTogether(around) : around.look(signal));
    else if (state === "due") {
      const work = around.look(new AbortController().signal);
      waitUntil?.(work);
    }
  }

  async function read(reference: SecretReference, signal: AbortSignal, waitUntil?: (work: Promise<unknown>) => void): Promise<SecretLease> {
    const given = inline(reference);
    if (given !== null) return given;
    signal.throwIfAborted();
    if (watch !== null) await lookAround(watch, signal, waitUntil);
    const entry = entryOf(reference);
    // Again after each landing: of many who wake to nothing one fetches, and the others wait for that.
    while (!shareFlights && entry.lease === null && fetching(entry, clock.monotonic())) await landed(entry, signal);
    const now = clock.monotonic();
    entry.lastUsed = now;
    const lease = usable(entry, now, clock.now());
    if (lease?.state === "hit") return lease;
    if (lease !== null && isChecked(entry, now)) {
      refreshBehind(entry, now, waitUntil);
      return lease;
    }
    if (now < entry.retryAt) return held(entry);
    try {
      return await fetchFor(entry, signal);
    } catch (error) {
      if (error instanceof SecretStoreError && entry.lease !== null) return held(entry);
      throw error;
    }
  }

  return {
    peek(reference) {
      const entry = entries.get(reference.id);
      if (entry === undefined || entry.reference !== reference) return inline(reference);
      const now = clock.monotonic();
      // Whoever is told that it is time to look must do so: `read` can.
      if (now >= entry.freshUntil || watch?.stale(now) === true || (entry.ends !== null && clock.now() >= entry.ends.wall)) return null;
      entry.lastUsed = now;
      return entry.lease;
    },
    read,
    async refetch(reference, used, signal) {
      const given = inline(reference);
      if (given !== null) return given;
      signal.throwIfAborted();
      const entry = entryOf(reference);
      const now = clock.monotonic();
      entry.lastUsed = now;
      const another = usable(entry, now, clock.now());
      if (another !== null && another.secret.reveal() !== used.reveal()) return another;
      try {
        if (now < entry.refetchedAt + REFETCH_EVERY_MS) {
          if (!fetching(entry, now)) return held(entry);
          if (shareFlights) return await fetchFor(entry, signal);
          await landed(entry, signal);
          return held(entry);
        }
        if (now < entry.retryAt) return held(entry);
        entry.refetchedAt = now;
        // A fetch that began before the destination said no may bring the old value: this one is newer, and wins.
        flights.forget(reference.id);
        return await fetchFor(entry, signal);
      } catch (error) {
        if (error instanceof SecretStoreError) return held(entry);
        throw error;
      }
    },
    invalidate(matches) {
      let count = 0;
      for (const entry of entries.values()) {
        if (!matches(entry.reference)) continue;
        count += 1;
        flights.forget(entry.reference.id);
        const never = Number.NEGATIVE_INFINITY;
        Object.assign(entry, { floor: sequences + 1, fetching: null, freshUntil: never, checkedAt: never, retryAt: never });
      }
      return count;
    },
    status: () => [...entries.values()].map((entry) => secretStatus(entry, clock.monotonic(), clock.now())),
  };
}

/** A value that stands in the manifests has no store, and is as fresh as they are. */
function inline(reference: SecretReference): SecretLease | null {
  const { location } = reference;
  return location.provider === "kubernetesSecret" && location.inline !== null ? { secret: location.inline, state: "hit" } : null;
}
