/**
 * What of a broker can be worse than it should be while it serves on, why, and what callers notice. Closed: `docs/failures.md` has a section of
 * each, at `#degraded-<part>`.
 */
export const DEGRADATIONS = {
  config: { reasons: ["rejected"], effect: "The last good configuration serves on; without one every call is refused." },
  config_source: { reasons: ["unreadable", "unreachable"], effect: "Changes are not seen; what was loaded serves on." },
  secret: {
    reasons: ["denied", "missing", "malformed", "unavailable"],
    effect: "What is held serves until it is too old; then, or with nothing held, calls move on or get credential_unavailable.",
  },
  credential: { reasons: ["refused"], effect: "The destination does not take the broker's key: calls move on or get upstream_auth." },
  issuer_keys: { reasons: ["unavailable"], effect: "Keys that are held count for a day; callers whose key is not held get not_ready or identity_rejected." },
  token_review: {
    reasons: ["unavailable", "denied"],
    effect: "Callers of issuers with tokenReview get not_ready once the cluster's last word on their token is older than cacheFor.",
  },
  limit_store: { reasons: ["unavailable"], effect: "onStoreFailure of each limit decides: calls are refused, pass, or count against a local share." },
  usage_store: { reasons: ["unavailable"], effect: "What was used waits in memory; calls go on." },
  backend: { reasons: ["failures", "ejected", "retry_after"], effect: "Calls move on to other backends, or fail at once where none is left." },
  names: {
    reasons: ["last_good"],
    effect: "The last good addresses serve for dns.staleFor, five minutes where it is not written; then the destination cannot be reached.",
  },
  certificate: { reasons: ["unreadable", "expired"], effect: "The last good certificate is presented; without one callers cannot connect by TLS." },
  revocation_list: { reasons: ["expired", "unavailable"], effect: "Nothing is sent to the destination: calls move on or get upstream_untrusted." },
  overload: { reasons: ["event_loop", "memory"], effect: "New calls are refused; streams go on." },
  event_sink: { reasons: ["unavailable"], effect: "Events wait, and are dropped beyond a bound; calls go on." },
  collector: { reasons: ["unavailable"], effect: "Spans and metrics are dropped beyond a bound; calls go on." },
  audit_log: { reasons: ["dropped"], effect: "The chain of the audit log has a gap, which shows; calls go on." },
  clock: { reasons: ["off"], effect: "Tokens may be refused as expired or as not valid yet; windows and pauses are not touched." },
} as const satisfies Record<string, { readonly reasons: readonly string[]; readonly effect: string }>;

export type DegradedPart = keyof typeof DEGRADATIONS;

/** Why: one of a closed list of each part. */
export type DegradedReason<Part extends DegradedPart = DegradedPart> = (typeof DEGRADATIONS)[Part]["reasons"][number];

/** One entry of `/-/status`: something that is not as it should be in this instance. */
export interface Degradation {
  readonly part: DegradedPart;
  /** Which of them: the id of a secret, backend, Gateway, …; `instance` where there is one only. */
  readonly subject: string;
  readonly reason: DegradedReason;
  /** In words of our own; null: the reason says it all. Never a secret, never upstream text. */
  readonly detail: string | null;
  /** Milliseconds since the Unix epoch. */
  readonly since: number;
  /** When it is tried again at the earliest, in milliseconds since the Unix epoch; null: with the next call, or by itself. */
  readonly until: number | null;
}

export interface DegradedDetail {
  /** One sentence in words of our own: never a secret, never upstream text. */
  readonly detail?: string;
  /** Milliseconds until it is tried again at the earliest. */
  readonly forMs?: number;
}

/** Where every part of a broker says that it is worse than it should be, and that it is well again. Bounded; neither method throws or waits, and to say the same again costs a look-up. */
export interface DegradedPort {
  /** From now on, or still. A change of reason keeps the time since when. */
  enter<Part extends DegradedPart>(part: Part, subject: string, reason: DegradedReason<Part>, more?: DegradedDetail): void;
  /** Well again. Costs nothing where nothing is degraded. */
  leave(part: DegradedPart, subject: string): void;
}
