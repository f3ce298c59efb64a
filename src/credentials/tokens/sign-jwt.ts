import { importPKCS8, SignJWT } from "jose";
import { SecretStoreError } from "../../model/ports.ts";
import type { SigningAlgorithm } from "../../model/token-plan.ts";

/** A JWT of these claims with `iat`, `nbf` and `exp`. `key` is a PKCS #8 PEM. Rejects with `SecretStoreError` `malformed`, which never quotes the key. */
export async function signJwt(jwt: {
  readonly key: string;
  readonly header: { readonly alg: SigningAlgorithm; readonly [name: string]: string };
  readonly claims: Readonly<Record<string, unknown>>;
  readonly now: number;
  readonly ttlSeconds: number;
}): Promise<string> {
  const issued = Math.floor(jwt.now / 1_000);
  try {
    return await new SignJWT({ ...jwt.claims })
      .setProtectedHeader(jwt.header)
      .setIssuedAt(issued)
      .setExpirationTime(issued + jwt.ttlSeconds)
      .sign(await importPKCS8(jwt.key, jwt.header.alg));
  } catch {
    throw new SecretStoreError("malformed", `the private key cannot sign ${jwt.header.alg}: it must be a PKCS #8 PEM of the right kind`);
  }
}
