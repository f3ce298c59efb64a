import { createSingleFlight } from "../lib/single-flight.ts";
import { createTtlCache } from "../lib/ttl-cache.ts";
import type { IdentityPlan, IssuerPlan } from "../model/identity-plan.ts";
import type { Clock } from "../model/ports.ts";
import { createApiKeys } from "./api-keys.ts";
import { createInlineKeys, createSecretKeys, type ReadSecret } from "./held-keys.ts";
import type { Asker, KeySource } from "./key-set.ts";
import { looksLikeJwt, member, tokenParts } from "./token-parts.ts";
import type { TokenReviews } from "./token-reviews.ts";
import { type Proved, rejected, type Verdict } from "./verdict.ts";
import { verifyJwt } from "./verify-jwt.ts";

export interface GatewayVerifierOptions {
  readonly clock: Clock;
  readonly readSecret: ReadSecret;
  readonly remoteKeys: (uri: string) => KeySource;
  readonly tokenReviews: () => Promise<TokenReviews>;
  readonly shareFlights: boolean;
}

/** Verifies credentials by the rules of one Gateway, and remembers what came of it, for that Gateway alone. */
export interface GatewayVerifier {
  /** What is remembered of the credential with this digest; null: nothing. */
  remembered(digest: string): Verdict | null;
  /** Rejects only with the asker's signal's reason. */
  verify(token: string, digest: string, asker: Asker): Promise<Verdict>;
}

const MAX_REMEMBERED = 4_096;
/** A token that was taken back may be used for this long. */
const PROVED_MS = 60_000;
/** Just so that one bad token in a loop does not burn a CPU. Kept apart from the good ones, which it must not push out. */
const REJECTED_MS = 1_000;

export function createGatewayVerifier(plan: IdentityPlan, options: GatewayVerifierOptions): GatewayVerifier {
  const { clock, shareFlights } = options;
  const proved = createTtlCache<Verdict>({ maxEntries: MAX_REMEMBERED, monotonic: clock.monotonic });
  const refused = createTtlCache<Verdict>({ maxEntries: MAX_REMEMBERED, monotonic: clock.monotonic });
  const flights = createSingleFlight<Verdict>();
  const apiKeys = plan.apiKeys === null ? null : createApiKeys(plan.apiKeys, options.readSecret);
  const issuers = plan.issuers.map((issuer) => ({ issuer, keys: keySource(issuer, options) }));

  async function judge(token: string, digest: string, asker: Asker): Promise<Verdict> {
    const jwt = looksLikeJwt(token) ? await judgeJwt(token, digest, asker) : null;
    if (jwt !== null && jwt.kind !== "stranger") return jwt;
    const key = apiKeys === null ? null : await apiKeys.match(digest, asker.signal);
    if (key?.kind === "proved") return key;
    if (jwt !== null) return rejected(jwt.reason);
    return key ?? rejected("the credential is not one that this Gateway knows");
  }

  /** `stranger`: no issuer of this Gateway is concerned. The issuer is chosen by a claim that is not verified yet; its keys then verify it. */
  async function judgeJwt(token: string, digest: string, asker: Asker): Promise<Verdict | { readonly kind: "stranger"; readonly reason: string }> {
    const parts = tokenParts(token);
    if (parts === null) return { kind: "stranger", reason: "the token is not a well-formed JWT" };
    const claimed = member(parts.claims, "iss");
    let verdict: Verdict | null = null;
    for (const { issuer, keys } of issuers) {
      if (issuer.issuer !== claimed) continue;
      const next = await verifyJwt(token, parts, issuer, keys, clock.now(), asker);
      const reviewed = next.kind === "proved" && issuer.tokenReview !== null ? await review(token, digest, issuer, next, asker) : next;
      if (reviewed.kind === "proved") return reviewed;
      // What could not be checked may be tried again, whatever another entry of the same issuer says.
      if (verdict?.kind !== "unknown") verdict = reviewed;
    }
    return verdict ?? { kind: "stranger", reason: "the token's issuer is not known" };
  }

  /** Last of all, so that nobody but the holder of a good token makes the cluster be asked. */
  async function review(token: string, digest: string, issuer: IssuerPlan, proved: Proved, asker: Asker): Promise<Verdict> {
    const { audiences, tokenReview } = issuer;
    const said = await (await options.tokenReviews()).confirm(
      { token, digest, caller: proved.caller, audiences, cacheForMs: tokenReview?.cacheForMs ?? 0 },
      asker,
    );
    return said.kind === "confirmed" ? { ...proved, goodForMs: Math.min(proved.goodForMs, said.goodForMs) } : said;
  }

  async function verifyNow(token: string, digest: string, asker: Asker): Promise<Verdict> {
    const verdict = await judge(token, digest, asker);
    if (verdict.kind === "proved") proved.set(digest, verdict, Math.min(PROVED_MS, verdict.goodForMs));
    else if (verdict.kind === "rejected") refused.set(digest, verdict, REJECTED_MS);
    return verdict;
  }

  return {
    remembered: (digest) => proved.get(digest) ?? refused.get(digest),
    verify(token, digest, asker) {
      if (!shareFlights) return verifyNow(token, digest, asker);
      // The first asker may leave: the work is nobody's, and each leaves alone. Fetches and secret reads have deadlines of their own.
      const nobody: Asker = { signal: NEVER, waitUntil: (work) => asker.waitUntil(work) };
      return flights.join(digest, () => verifyNow(token, digest, nobody), asker.signal);
    },
  };
}

const NEVER = new AbortController().signal;

function keySource(issuer: IssuerPlan, options: GatewayVerifierOptions): KeySource {
  const { jwks } = issuer;
  if (jwks.kind === "uri") return options.remoteKeys(jwks.uri);
  return jwks.kind === "inline" ? createInlineKeys(jwks.keys) : createSecretKeys(jwks.secret, options.readSecret);
}
