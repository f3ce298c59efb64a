import type { RefreshPolicy, SecretReference } from "../model/secret.ts";
import type { AssertionSource, ClientProof, SigningAlgorithm, TokenPlan } from "../model/token-plan.ts";
import { type AuthoredSecretRef, compileSecret } from "./compile-secret.ts";
import type { CredentialSite } from "./compile-token-endpoint.ts";
import { durationMs } from "./duration.ts";
import { type Resolved, resolved, unresolved } from "./link-context.ts";
import { canRead } from "./platform.ts";

/** For what does not say itself how long it is good, such as keys of the environment; and the spread of renewals. */
const REFRESH: RefreshPolicy = { intervalMs: 300_000, jitterPercent: 10, staleForMs: 3_600_000 };

/** A token as the secret that it is. `part` tells the tokens of one policy apart; empty: the one that is shown. */
export function tokenReference(site: CredentialSite, part: string, plan: TokenPlan): SecretReference {
  return { id: part === "" ? site.id : `${site.id}/${part}`, location: { provider: "token", plan, subject: null }, refresh: REFRESH };
}

interface AuthoredAssertion {
  readonly file?: { readonly path: string } | undefined;
  readonly secretRef?: AuthoredSecretRef | undefined;
  readonly signed?:
    | {
        readonly keyRef: AuthoredSecretRef;
        readonly keyID?: string | undefined;
        readonly issuer: string;
        readonly subject: string;
        readonly audience: string;
        readonly ttl: string;
      }
    | undefined;
}

export function compileAssertion(site: CredentialSite, authored: AuthoredAssertion): Resolved<AssertionSource> {
  const { file, secretRef, signed } = authored;
  if (file !== undefined) {
    if (!canRead(site.context.platform, "file")) {
      return unresolved("UnsupportedOnPlatform", `${site.context.platform.name} has no files: show a token of a secretRef, or one that the broker signs`);
    }
    return resolved({ kind: "file", path: file.path });
  }
  if (secretRef !== undefined) {
    const secret = compileSecret(site.context, secretRef, site.from);
    return secret.ok ? resolved({ kind: "secret", secret: secret.value }) : secret;
  }
  if (signed === undefined) return unresolved("Invalid", "the token has no source");
  const key = compileSecret(site.context, signed.keyRef, site.from);
  if (!key.ok) return key;
  const { keyID, issuer, subject, audience, ttl } = signed;
  const ttlSeconds = Math.max(10, Math.floor(durationMs(ttl) / 1_000));
  return resolved({ kind: "signed", key: key.value, keyId: keyID ?? null, issuer, subject, audience, ttlSeconds });
}

interface AuthoredClient {
  readonly clientSecretRef?: AuthoredSecretRef | undefined;
  readonly clientAuthentication: "Basic" | "Post";
  readonly privateKeyJWT?:
    | { readonly keyRef: AuthoredSecretRef; readonly algorithm: SigningAlgorithm; readonly keyID?: string | undefined; readonly audience?: string | undefined }
    | undefined;
}

export function compileClientProof(site: CredentialSite, authored: AuthoredClient): Resolved<ClientProof> {
  const { clientSecretRef, privateKeyJWT } = authored;
  if (privateKeyJWT !== undefined) {
    const key = compileSecret(site.context, privateKeyJWT.keyRef, site.from);
    if (!key.ok) return key;
    const { algorithm, keyID, audience } = privateKeyJWT;
    return resolved({ kind: "privateKey", secret: key.value, algorithm, keyId: keyID ?? null, certificate: false, audience: audience ?? null });
  }
  if (clientSecretRef === undefined) return resolved({ kind: "none" });
  const secret = compileSecret(site.context, clientSecretRef, site.from);
  return secret.ok ? resolved({ kind: authored.clientAuthentication === "Basic" ? "basic" : "post", secret: secret.value }) : secret;
}
