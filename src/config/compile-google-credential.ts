import type { SecretReference } from "../model/secret.ts";
import type { GoogleTokenKind } from "../model/token-plan.ts";
import { compileAssertion, tokenReference } from "./compile-assertion.ts";
import { compileSecret } from "./compile-secret.ts";
import { type CredentialSite, compileTokenEndpoint } from "./compile-token-endpoint.ts";
import { durationMs } from "./duration.ts";
import { type Resolved, resolved, unresolved } from "./link-context.ts";
import type { ManifestOf } from "./manifest-set.ts";

type Authored = NonNullable<ManifestOf<"BackendCredentialPolicy">["body"]["spec"]["gcp"]>;

const CLOUD_PLATFORM = "https://www.googleapis.com/auth/cloud-platform";
const ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token";

/** Google's token: of who the broker is, or of the service account as which it then acts. */
export function compileGoogleToken(site: CredentialSite, authored: Authored): Resolved<SecretReference> {
  const wanted: GoogleTokenKind =
    authored.token === "IDToken" ? { kind: "identity", audience: authored.audience ?? "" } : { kind: "access", scopes: authored.scopes ?? [CLOUD_PLATFORM] };
  const { impersonate } = authored;
  if (impersonate === undefined) return compileOwnToken(site, authored, wanted, "");
  const lifetimeSeconds = Math.floor(durationMs(impersonate.lifetime) / 1_000);
  if (lifetimeSeconds < 60 || lifetimeSeconds > 43_200) return unresolved("Invalid", `impersonate.lifetime ${impersonate.lifetime}: Google takes at most 12h`);
  const method = wanted.kind === "identity" ? "generateIdToken" : "generateAccessToken";
  const preset = `https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/${encodeURIComponent(impersonate.serviceAccount)}:${method}`;
  const endpoint = compileTokenEndpoint(site, authored.iamEndpoint, preset);
  if (!endpoint.ok) return endpoint;
  // To impersonate takes an access token, whatever is wanted in the end.
  const source = compileOwnToken(site, authored, { kind: "access", scopes: [CLOUD_PLATFORM] }, "own");
  if (!source.ok) return source;
  return resolved(tokenReference(site, "", { flow: "googleImpersonation", endpoint: endpoint.value, source: source.value, token: wanted, lifetimeSeconds }));
}

function compileOwnToken(site: CredentialSite, authored: Authored, token: GoogleTokenKind, part: string): Resolved<SecretReference> {
  const { secretRef, workloadIdentityFederation: federation } = authored.credentials;
  if (secretRef !== undefined) {
    const key = compileSecret(site.context, secretRef, site.from);
    if (!key.ok) return key;
    const endpoint = compileTokenEndpoint(site, authored.tokenEndpoint, "https://oauth2.googleapis.com/token");
    return endpoint.ok ? resolved(tokenReference(site, part, { flow: "googleKey", endpoint: endpoint.value, key: key.value, token })) : endpoint;
  }
  if (federation !== undefined) {
    const assertion = compileAssertion(site, federation.token);
    if (!assertion.ok) return assertion;
    const endpoint = compileTokenEndpoint(site, authored.stsEndpoint, "https://sts.googleapis.com/v1/token");
    if (!endpoint.ok) return endpoint;
    const scope = token.kind === "access" ? token.scopes.join(" ") : CLOUD_PLATFORM;
    const reference = tokenReference(site, part, {
      flow: "tokenExchange",
      endpoint: endpoint.value,
      clientId: null,
      proof: { kind: "none" },
      subject: assertion.value,
      subjectTokenType: federation.subjectTokenType,
      parameters: [
        ["audience", federation.audience],
        ["scope", scope],
        ["requested_token_type", ACCESS_TOKEN],
      ],
    });
    return resolved(reference);
  }
  const { name } = site.context.platform;
  if (name !== "knative") return unresolved("UnsupportedOnPlatform", `${name} has no metadata server of Google: use secretRef or workloadIdentityFederation`);
  const endpoint = compileTokenEndpoint(site, undefined, "http://metadata.google.internal/computeMetadata/v1/");
  return endpoint.ok ? resolved(tokenReference(site, part, { flow: "googleMetadata", endpoint: endpoint.value, token })) : endpoint;
}
