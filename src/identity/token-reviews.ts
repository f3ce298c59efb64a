import { createSingleFlight } from "../lib/single-flight.ts";
import { createTtlCache } from "../lib/ttl-cache.ts";
import type { Caller } from "../model/caller.ts";
import type { DegradedPort } from "../model/degradation.ts";
import { type Clock, type TokenReview, TokenReviewError, type TokenReviewer } from "../model/ports.ts";
import type { Asker } from "./key-set.ts";
import { rejected, type Unproved, unknown } from "./verdict.ts";

export interface TokenReviewsOptions {
  /** Gives who asks the cluster; null: there is none to ask. */
  readonly load: (() => Promise<TokenReviewer>) | null;
  readonly clock: Clock;
  readonly degraded?: DegradedPort | undefined;
}

/** A token whose signature, issuer, audience and times are right, and whom it stands for. */
export interface VerifiedToken {
  readonly token: string;
  /** Of the token, by which an answer is remembered. */
  readonly digest: string;
  readonly caller: Caller;
  readonly audiences: readonly string[];
  readonly cacheForMs: number;
}

/** What clusters said of tokens that were verified before, and asks them where it is too old. One for all Gateways: it outlives a reload. */
export interface TokenReviews {
  /** `goodForMs`: how long the cluster's word counts yet. Fails closed: who cannot be asked about is unknown. Rejects only with the asker's signal's reason. */
  confirm(verified: VerifiedToken, asker: Asker): Promise<{ readonly kind: "confirmed"; readonly goodForMs: number } | Unproved>;
}

interface Answer {
  /** Null: the token counts. */
  readonly fault: string | null;
  /** Monotonic milliseconds, from before it was asked: what is said of a token may have changed on the way. */
  readonly askedAt: number;
}

const MAX_REMEMBERED = 8_192;
/** Nobody's `cacheFor` is longer. */
const REMEMBER_MS = 60_000;
/** A no may come of the cluster's own trouble, which it does not tell apart: it is asked again soon, but not with each call. */
const REJECTED_MS = 10_000;
/** After a failure nobody waits for the next one, for so long. */
const RETRY_MS = 1_000;
/** Questions at once: more means that the cluster is slow, and then more do not help. */
const MAX_OPEN = 64;
const UNASKED = "the cluster could not be asked whether the token still counts";

export function createTokenReviews({ load, clock, degraded }: TokenReviewsOptions): TokenReviews {
  const answers = createTtlCache<Answer>({ maxEntries: MAX_REMEMBERED, monotonic: clock.monotonic });
  const flights = createSingleFlight<Answer | null>();
  let reviewer: TokenReviewer | null = null;
  let open = 0;
  let retryAt = Number.NEGATIVE_INFINITY;

  /** Null: there is no answer. */
  async function ask(key: string, { token, audiences, caller }: VerifiedToken): Promise<Answer | null> {
    const askedAt = clock.monotonic();
    if (load === null || open >= MAX_OPEN || askedAt < retryAt) return null;
    open += 1;
    try {
      reviewer ??= await load();
      const answer = { fault: faultOf(await reviewer.review(token, audiences, NEVER), audiences, caller), askedAt };
      answers.set(key, answer, answer.fault === null ? REMEMBER_MS : REJECTED_MS);
      degraded?.leave("token_review", "instance");
      return answer;
    } catch (error) {
      retryAt = clock.monotonic() + RETRY_MS;
      // Only words of our own: another error may quote anything.
      const told = error instanceof TokenReviewError ? error : null;
      degraded?.enter("token_review", "instance", told?.reason ?? "unavailable", told === null ? {} : { detail: told.message });
      return null;
    } finally {
      open -= 1;
    }
  }

  return {
    async confirm(verified, asker) {
      const { digest, audiences, cacheForMs } = verified;
      const key = `${digest}\n${audiences.join("\n")}`;
      const goodUntil = ({ askedAt, fault }: Answer): number => askedAt + (fault === null ? cacheForMs : REJECTED_MS);
      const held = answers.get(key);
      const answer = held !== null && clock.monotonic() < goodUntil(held) ? held : await flights.join(key, () => ask(key, verified), asker.signal);
      if (answer === null) return unknown(UNASKED);
      if (answer.fault !== null) return rejected(answer.fault);
      // Whoever waited for a slow answer has it, though it is not remembered.
      return { kind: "confirmed", goodForMs: Math.max(0, goodUntil(answer) - clock.monotonic()) };
    },
  };
}

/** The work is nobody's, and each asker leaves alone. */
const NEVER = new AbortController().signal;

/** Null: the cluster says that the token is its own, for one of these audiences, and stands for the very account that its claims name. */
function faultOf(review: TokenReview, audiences: readonly string[], caller: Caller): string | null {
  if (!review.authenticated) return "the cluster does not accept the token any more: its pod or ServiceAccount may be gone";
  // A server that knows nothing of audiences has not looked at them.
  if (!review.audiences.some((audience) => audiences.includes(audience))) return "the cluster says that the token is meant for another audience";
  if (review.username !== `system:serviceaccount:${caller.namespace}:${caller.serviceAccount}`) return "the cluster says that the token is somebody else's";
  return null;
}
