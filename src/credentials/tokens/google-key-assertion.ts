import { importPKCS8, SignJWT } from "jose";
import { asObject, asString, parseJson } from "../../lib/json-value.ts";
import { SecretStoreError } from "../../model/ports.ts";
import type { GoogleTokenKind } from "../../model/token-plan.ts";

/**
 * The assertion of a service account's key (JSON) for a token of an hour; `now` is milliseconds since the epoch. Rejects with
 * `SecretStoreError` `malformed` where the key is none. Never quotes it: a wrong one may be a right one with a typing error.
 */
export async function googleKeyAssertion(key: string, audience: string, token: GoogleTokenKind, now: number): Promise<string> {
  const written = asObject(parseJson(key));
  const email = asString(written?.["client_email"]);
  const privateKey = asString(written?.["private_key"]);
  const keyId = asString(written?.["private_key_id"]);
  if (email === null || privateKey === null) throw new SecretStoreError("malformed", "the secret is not the JSON key of a service account");
  const claims = { iss: email, aud: audience, ...(token.kind === "identity" ? { target_audience: token.audience } : { scope: token.scopes.join(" ") }) };
  const issued = Math.floor(now / 1_000);
  try {
    return await new SignJWT(claims)
      .setProtectedHeader({ alg: "RS256", typ: "JWT", ...(keyId === null ? {} : { kid: keyId }) })
      .setIssuedAt(issued)
      .setExpirationTime(issued + 3_600)
      .sign(await importPKCS8(privateKey, "RS256"));
  } catch {
    throw new SecretStoreError("malformed", "the private key in the JSON key of the service account cannot sign");
  }
}
