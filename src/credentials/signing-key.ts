import { calculateJwkThumbprint, exportJWK, importJWK, importPKCS8, type JWK, SignJWT } from "jose";
import { SecretStoreError } from "../model/ports.ts";
import type { Secret } from "../model/secret.ts";

/** A private key that signs JWTs. */
export interface SigningKey {
  /** A compact JWS. */
  sign(claims: Readonly<Record<string, unknown>>): Promise<string>;
}

const ALGORITHMS = ["ES256", "EdDSA", "RS256"] as const;
type Algorithm = (typeof ALGORITHMS)[number];

/**
 * Reads a PKCS #8 PEM or a JWK: EC P-256 (ES256), Ed25519 (EdDSA) or RSA (RS256). The tokens name the key by the JWK's `kid`, else by its
 * thumbprint (RFC 7638), so that a verifier that holds the old key and the new one knows which to take; or by `name` where one is given. Rejects with `SecretStoreError` `malformed`.
 */
export async function readSigningKey(secret: Secret, name: string | null = null): Promise<SigningKey> {
  try {
    const { key, algorithm, keyId: ownName } = await read(secret.reveal().trim());
    const keyId = name ?? ownName;
    // Tried at once: a key that is too short is found out by signing.
    const sign: SigningKey["sign"] = (claims) => new SignJWT({ ...claims }).setProtectedHeader({ alg: algorithm, typ: "JWT", kid: keyId }).sign(key);
    await sign({});
    return { sign };
  } catch {
    // What the library says may quote the key.
    throw new SecretStoreError("malformed", "the signing key is neither a PKCS #8 PEM nor a private JWK of EC P-256, Ed25519 or RSA");
  }
}

async function read(text: string) {
  if (!text.startsWith("{")) {
    const { key, algorithm } = await fromPem(text);
    return { key, algorithm, keyId: await calculateJwkThumbprint(publicHalf(await exportJWK(key))) };
  }
  const jwk = JSON.parse(text) as JWK; // whatever else it is, the library refuses it
  const algorithm = algorithmOf(jwk);
  if (typeof jwk.d !== "string") throw new Error("not a private key");
  return { key: await importJWK(jwk, algorithm), algorithm, keyId: jwk.kid ?? (await calculateJwkThumbprint(publicHalf(jwk))) };
}

/** A PEM does not say in its text what it is for: the one algorithm that its key fits is the one. */
async function fromPem(text: string) {
  for (const algorithm of ALGORITHMS) {
    try {
      return { key: await importPKCS8(text, algorithm, { extractable: true }), algorithm };
    } catch {
      // Of another type.
    }
  }
  throw new Error("no key");
}

function algorithmOf(jwk: JWK): Algorithm {
  if (jwk.kty === "EC" && jwk.crv === "P-256") return "ES256";
  if (jwk.kty === "OKP" && jwk.crv === "Ed25519") return "EdDSA";
  if (jwk.kty === "RSA") return "RS256";
  throw new Error("no such key");
}

/** The thumbprint is one of the public members alone. */
function publicHalf({ kty, crv, x, y, n, e }: JWK): JWK {
  return Object.fromEntries(Object.entries({ kty, crv, x, y, n, e }).filter(([, value]) => value !== undefined)) as JWK; // members of one
}
