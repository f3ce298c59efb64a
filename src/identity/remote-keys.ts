import { createSingleFlight } from "../lib/single-flight.ts";
import type { DegradedPort } from "../model/degradation.ts";
import type { Clock, DocumentFetcher } from "../model/ports.ts";
import { type Asker, type KeySet, type KeySource, parseKeySet } from "./key-set.ts";

export interface RemoteKeysOptions {
  readonly clock: Clock;
  readonly documents: DocumentFetcher;
  /** False where a promise of one request must not be awaited by another (Workers). */
  readonly shareFlights: boolean;
  /** Told while the issuer gives no keys; left out: nobody is. */
  readonly degraded?: DegradedPort | undefined;
}

const FRESH_MS = 10 * 60_000;
/** An issuer that is down for a night must not lock everybody out; keys that old are still its keys. */
const USABLE_MS = 24 * 3_600_000;
/** A key id costs its inventor nothing: unknown ones make at most one fetch in this time, for all callers together. */
const UNKNOWN_KEY_EVERY_MS = 30_000;
const RETRY_MS = 30_000;
const COLD_RETRY_MS = 1_000;
const TIMEOUT_MS = 5_000;
const MAX_BYTES = 256 * 1024;

/** The keys that an issuer publishes at `uri`. Never asks a plaintext address, but for loopback: who answers it decides who may call. */
export function createRemoteKeys(uri: string, options: RemoteKeysOptions): KeySource {
  const { clock, documents, shareFlights, degraded } = options;
  const flights = createSingleFlight<void>();
  const permitted = isPermitted(uri);
  // A query is nobody's business.
  const subject = uri.split("?", 1)[0] ?? uri;
  let keys: KeySet | null = null;
  let fetchedAt = Number.NEGATIVE_INFINITY;
  let askedAt = Number.NEGATIVE_INFINITY;
  let retryAt = Number.NEGATIVE_INFINITY;
  let asked = 0;
  let answered = 0;

  function usable(): KeySet | null {
    return clock.monotonic() < fetchedAt + USABLE_MS ? keys : null;
  }

  async function fetchKeys(signal: AbortSignal): Promise<void> {
    asked += 1;
    const sequence = asked;
    askedAt = clock.monotonic();
    const fetched = await documents.fetchJson(uri, { maxBytes: MAX_BYTES, timeoutMs: TIMEOUT_MS, signal }).then(parseKeySet, () => null);
    // The caller's own leaving says nothing of the issuer; a slow old answer does not replace a newer one.
    if (signal.aborted || sequence < answered) return;
    const now = clock.monotonic();
    if (fetched === null) {
      retryAt = now + (usable() === null ? COLD_RETRY_MS : RETRY_MS);
      degraded?.enter("issuer_keys", subject, "unavailable", { forMs: retryAt - now });
      return;
    }
    answered = sequence;
    fetchedAt = now;
    retryAt = Number.NEGATIVE_INFINITY;
    degraded?.leave("issuer_keys", subject);
    if (keys === null || keys.text !== fetched.text) keys = fetched;
  }

  async function fetchFor(asker: Asker): Promise<void> {
    await (shareFlights ? flights.join(uri, () => fetchKeys(NEVER), asker.signal) : fetchKeys(asker.signal));
    asker.signal.throwIfAborted();
  }

  function refreshBehind(asker: Asker): void {
    const now = clock.monotonic();
    if (now < retryAt || flights.flying(uri) || now < askedAt + TIMEOUT_MS) return;
    asker.waitUntil((shareFlights ? flights.join(uri, () => fetchKeys(NEVER), null) : fetchKeys(NEVER)).catch(() => {}));
  }

  return {
    async current(asker) {
      if (!permitted) return null;
      asker.signal.throwIfAborted();
      const held = usable();
      if (held !== null) {
        if (clock.monotonic() >= fetchedAt + FRESH_MS) refreshBehind(asker);
        return held;
      }
      if (clock.monotonic() < retryAt) return null;
      await fetchFor(asker);
      return usable();
    },
    async newerThan(held, asker) {
      if (keys === held) {
        const early = clock.monotonic() < askedAt + UNKNOWN_KEY_EVERY_MS;
        if (early && !flights.flying(uri)) return null;
        await fetchFor(asker);
      }
      const newer = usable();
      return newer === held ? null : newer;
    },
  };
}

/** For work that belongs to nobody; it has a time limit of its own. */
const NEVER = new AbortController().signal;

function isPermitted(uri: string): boolean {
  if (!URL.canParse(uri)) return false;
  const { protocol, hostname } = new URL(uri);
  if (protocol === "https:") return true;
  return protocol === "http:" && (hostname === "localhost" || hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(hostname));
}
