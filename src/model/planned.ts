import type { Cleared } from "./cleared.ts";
import type { RegionEvidence } from "./region.ts";
import type { RedirectRule } from "./snapshot.ts";

/** Stage 5 gives this: whom to try, in order, and why the others are out. Nothing later can add a candidate. */
export interface Planned {
  /** Empty only where the call is redirected. */
  readonly candidates: readonly Cleared[];
  /** The backendRef that was picked redirects; null: the candidates are called. */
  readonly redirect: RedirectRule | null;
  readonly excluded: readonly Exclusion[];
}

/** A backend of the rule that this call may not use, or not now. */
export interface Exclusion {
  /** The backend's key. */
  readonly backend: string;
  /** `region`: its lock denies it. `dialect`: it speaks another API. `model`: it does not offer the model. `protocol`: its HTTP version cannot carry the call (gRPC over HTTP/1.1, a WebSocket over HTTP/2). `hops`: the call has passed as many brokers as it may. `evicted`: it failed or asked to be left alone. */
  readonly reason: "region" | "dialect" | "model" | "protocol" | "hops" | "evicted";
  /** What the lock said; null where the lock was not what ruled it out. */
  readonly evidence: RegionEvidence | null;
}
