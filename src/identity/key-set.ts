import type { JWK, JWTVerifyGetKey } from "jose";
import { createLocalJWKSet } from "jose/jwks/local";
import { isObject, member } from "./token-parts.ts";

/** The public keys of one issuer as they were at one time. */
export interface KeySet {
  readonly find: JWTVerifyGetKey;
  /** Canonical text of the keys, by which an unchanged document is known. */
  readonly text: string;
}

/** What a call lends to work that is done in its name. */
export interface Asker {
  readonly signal: AbortSignal;
  waitUntil(work: Promise<unknown>): void;
}

/** Where an issuer's keys come from. Both methods reject only with the asker's signal's reason. */
export interface KeySource {
  /** Null: there are none that may be used. */
  current(asker: Asker): Promise<KeySet | null>;
  /** For a token whose key is not in `held`. Null: there is nothing newer, or it is too early to ask again. */
  newerThan(held: KeySet, asker: Asker): Promise<KeySet | null>;
}

const MAX_KEYS = 100;

/** The members of a public RSA or EC key (RFC 7518 section 6) or an Ed25519 one (RFC 8037 section 2); all others, private ones above all, are left out. */
const PUBLIC_MEMBERS = ["kty", "kid", "use", "alg", "n", "e", "crv", "x", "y"] as const;

/** Null: not a JWK set, or one beyond all reason. Keys of other types are passed over, as RFC 7517 section 5 asks. */
export function parseKeySet(document: unknown): KeySet | null {
  const listed = member(document, "keys");
  if (!Array.isArray(listed) || listed.length > MAX_KEYS) return null;
  const keys = listed.map(publicKey).filter((key) => key !== null);
  if (keys.length === 0) return null;
  return { find: createLocalJWKSet({ keys }), text: JSON.stringify(keys) };
}

function publicKey(listed: unknown): JWK | null {
  if (!isObject(listed)) return null;
  const type = member(listed, "kty");
  // Never a symmetric key: with one in the set, whoever reads the set could sign.
  if (type !== "RSA" && type !== "EC" && type !== "OKP") return null;
  const key: Record<string, string> = {};
  for (const name of PUBLIC_MEMBERS) {
    const value = member(listed, name);
    if (typeof value === "string") key[name] = value;
    else if (value !== undefined) return null;
  }
  return { ...key, kty: type };
}
