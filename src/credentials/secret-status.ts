import type { SecretStoreError } from "../model/ports.ts";
import type { SecretProvider } from "../model/secret.ts";
import { type SecretEntry, usable } from "./secret-entry.ts";

/** One line of /-/status: everything about a secret but the secret. */
export interface SecretStatus {
  readonly id: string;
  readonly provider: SecretProvider;
  /** `expired`: held, but too old to serve. `empty`: nothing is held. */
  readonly state: "fresh" | "stale" | "expired" | "empty";
  /** Since the value was last confirmed by its store, in milliseconds; null: no value. */
  readonly ageMs: number | null;
  readonly version: string | null;
  /** Why the last fetch failed; null: it did not. */
  readonly lastError: SecretStoreError["reason"] | null;
  /** The same in words of our own, such as that a variable is not set; never a value. */
  readonly lastErrorDetail: string | null;
  /** Failed fetches in a row. */
  readonly failures: number;
}

/** `now` is milliseconds of the monotonic clock, `wall` since the epoch. */
export function secretStatus(entry: SecretEntry, now: number, wall: number): SecretStatus {
  const { lease, reference } = entry;
  const serving = usable(entry, now, wall);
  return {
    id: reference.id,
    provider: reference.location.provider,
    state: lease === null ? "empty" : serving === null ? "expired" : serving.state === "stale" ? "stale" : "fresh",
    ageMs: lease === null ? null : now - entry.fetchedAt,
    version: lease?.secret.version ?? null,
    lastError: entry.failure?.reason ?? null,
    lastErrorDetail: entry.failure?.message ?? null,
    failures: entry.failures,
  };
}
