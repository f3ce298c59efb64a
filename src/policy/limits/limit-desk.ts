import type { CallSignal } from "../../model/call-signal.ts";
import type { LimitRule } from "../../model/limit.ts";

/** So much of one limit for one call. */
export interface LimitClaim {
  readonly rule: LimitRule;
  /** Which account of the rule: the values of its `per`, in their order; never joined by the caller. */
  readonly of: readonly string[];
  /** In the rule's unit, whole: what the call may need at most. */
  readonly amount: number;
}

/** Room that a call has on all of its accounts, until it is settled. */
export interface Hold {
  /** Whether the store gave no answer, and the rule's `onStoreFailure` let the call pass all the same. In the order of the claims. */
  readonly unavailable: readonly boolean[];
  /**
   * What was really used, in the order of the claims, be it more than was claimed; 0 gives all back, but for a request of a sliding window that has been under
   * way for long enough to be booked (`createLimitDesk`). Counts once: what is said later changes nothing. Never throws, never waits.
   */
  settle(used: readonly number[]): void;
  /** After an attempt-scoped refusal, or when nothing was used: the same as settling 0 of everything. */
  release(): void;
}

/** Why a claim has no room. */
export interface Shortage {
  readonly claim: LimitClaim;
  /** `exceeded`: used up. `unavailable`: the store gave no answer, and the rule fails closed. */
  readonly reason: "exceeded" | "unavailable";
  /** What is left, in the rule's unit; 0 when unknown. */
  readonly remaining: number;
  /** Milliseconds after which there may be room; null: never for this amount, it is larger than the limit. */
  readonly retryAfterMs: number | null;
}

/** How a limit stands for a caller after its call was let in: for the RateLimit header fields. */
export interface Standing {
  readonly claim: LimitClaim;
  /** At least so much is left, as far as this instance knows. */
  readonly remaining: number;
  /** Milliseconds until the window is over (calendar), or its length (sliding). */
  readonly resetMs: number;
}

/** Counts limits for one broker: in the stores, as far as it must, and in what this instance holds, as far as it can. */
export interface LimitDesk {
  /**
   * Room on all accounts or on none. Answers at once, without a promise, where what this instance holds is enough. Claims of rules with `onExceeded: shadow`
   * are counted and never lack room; they are told in `exceededShadows`. Never rejects but for an aborted signal.
   */
  hold(claims: readonly LimitClaim[], signal: CallSignal): HoldResult | Promise<HoldResult>;
  /** For every claim of a hold, after it was given. */
  standing(claims: readonly LimitClaim[]): readonly Standing[];
  /** Tells the stores what they have not been told. Resolves when that is done, or has failed and will be tried again; within `ms`. */
  flush(ms: number): Promise<void>;
}

export type HoldResult =
  | { readonly ok: true; readonly hold: Hold; readonly exceededShadows: readonly LimitClaim[] }
  /** The tightest: of those that lack room the one that will have to wait longest. */
  | { readonly ok: false; readonly shortage: Shortage };
