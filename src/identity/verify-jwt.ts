import type { JWTPayload } from "jose";
// By file: what this library signs and encrypts with is not part of a start.
import * as errors from "jose/errors";
import { jwtVerify } from "jose/jwt/verify";
import type { IssuerPlan } from "../model/identity-plan.ts";
import { claimedCaller } from "./claimed-caller.ts";
import type { Asker, KeySet, KeySource } from "./key-set.ts";
import { member, type TokenParts } from "./token-parts.ts";
import { rejected, unknown, type Verdict } from "./verdict.ts";

/** A token that is good for longer cannot be taken back in time: legacy service account tokens never end at all. */
const MAX_LIFETIME_SECONDS = 24 * 3600;
/** Of a token by which a broker speaks for somebody else. */
const MAX_FORWARDED_LIFETIME_SECONDS = 600;
const MAX_SKEW_SECONDS = 60;

/** Header members that bring a key along, or change how the signature is read. The key comes from the issuer, never from the token (RFC 8725 section 3.10). */
const FORBIDDEN_HEADER_MEMBERS = ["jwk", "jku", "x5u", "x5c", "crit", "b64"] as const;

/**
 * Verifies a token against one issuer, offline: signature, issuer, audience, times, and whom it stands for. `nowMs` is
 * milliseconds since the Unix epoch. Rejects only with the asker's signal's reason.
 */
export async function verifyJwt(token: string, parts: TokenParts, issuer: IssuerPlan, keys: KeySource, nowMs: number, asker: Asker): Promise<Verdict> {
  const fault = headerFault(parts.header, issuer) ?? timeFault(parts.claims, issuer, nowMs / 1000);
  // Before any key is looked up: a token that is wrong anyway must not make the issuer's keys be fetched.
  if (fault !== null) return rejected(fault);
  const held = await keys.current(asker);
  if (held === null) return unknown(`the keys of issuer ${issuer.name} cannot be read`);
  const first = await check(token, held, issuer, nowMs);
  if (first !== "unknown_key") return first;
  const newer = await keys.newerThan(held, asker);
  const second = newer === null ? "unknown_key" : await check(token, newer, issuer, nowMs);
  return second === "unknown_key" ? rejected("the token is signed with a key that its issuer does not publish") : second;
}

async function check(token: string, keys: KeySet, issuer: IssuerPlan, nowMs: number): Promise<Verdict | "unknown_key"> {
  let claims: JWTPayload;
  try {
    const { payload } = await jwtVerify(token, keys.find, {
      algorithms: [...issuer.algorithms],
      issuer: issuer.issuer,
      audience: [...issuer.audiences],
      requiredClaims: ["exp"],
      clockTolerance: skew(issuer),
      currentDate: new Date(nowMs),
    });
    claims = payload;
  } catch (error) {
    return error instanceof errors.JWKSNoMatchingKey ? "unknown_key" : rejected(reasonOf(error));
  }
  const caller = claimedCaller(issuer, claims);
  if ("kind" in caller) return caller;
  return { kind: "proved", caller, goodForMs: ((claims.exp ?? 0) + skew(issuer)) * 1000 - nowMs };
}

function skew(issuer: IssuerPlan): number {
  return Math.max(0, Math.min(MAX_SKEW_SECONDS, issuer.clockSkewSeconds));
}

function headerFault(header: TokenParts["header"], issuer: IssuerPlan): string | null {
  const algorithm = member(header, "alg");
  if (!issuer.algorithms.some((allowed) => allowed === algorithm)) return "the token's algorithm is not allowed";
  for (const name of FORBIDDEN_HEADER_MEMBERS) {
    if (Object.hasOwn(header, name)) return `the token's header holds ${name}, which is not allowed`;
  }
  const keyId = member(header, "kid");
  return keyId === undefined || typeof keyId === "string" ? null : "the token's key id is not a string";
}

/** RFC 7519 asks for numbers only: 1e300 is one, and so is a token that is good for ever. */
function timeFault(claims: TokenParts["claims"], issuer: IssuerPlan, now: number): string | null {
  const skewSeconds = skew(issuer);
  const expires = member(claims, "exp");
  const issued = member(claims, "iat");
  const notBefore = member(claims, "nbf");
  if (!isTime(expires)) return "the token does not say properly when it expires";
  if ((issued !== undefined && !isTime(issued)) || (notBefore !== undefined && !isTime(notBefore)))
    return "a time in the token is not a whole number of seconds";
  if (expires <= now - skewSeconds) return "the token has expired";
  if (notBefore !== undefined && notBefore > now + skewSeconds) return "the token is not valid yet";
  if (issued !== undefined && issued > now + skewSeconds) return "the token says that it was issued in the future";
  const lifetime = expires - (issued ?? now + skewSeconds);
  if (issuer.type === "Broker" && (issued === undefined || lifetime > MAX_FORWARDED_LIFETIME_SECONDS)) return "a broker's token is good for at most 10 minutes";
  return lifetime > MAX_LIFETIME_SECONDS ? "the token is good for more than 24 hours" : null;
}

function isTime(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

/** In general terms: jose's messages may quote claims. Of the times only `nbf` can be wrong yet: jose counts whole seconds, and a skew may have a fraction. */
function reasonOf(error: unknown): string {
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === "aud") return "the token is meant for another audience";
    if (error.claim === "iss") return "the token's issuer is not known";
    if (error.claim === "nbf") return "the token is not valid yet";
  }
  if (error instanceof errors.JWSSignatureVerificationFailed) return "the token's signature is wrong";
  if (error instanceof errors.JWKSMultipleMatchingKeys) return "the token does not say which of its issuer's keys signed it";
  return "the token cannot be verified";
}
