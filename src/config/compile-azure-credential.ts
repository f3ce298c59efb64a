import type { SecretReference } from "../model/secret.ts";
import type { ClientProof } from "../model/token-plan.ts";
import { compileAssertion, tokenReference } from "./compile-assertion.ts";
import { compileSecret } from "./compile-secret.ts";
import { type CredentialSite, compileTokenEndpoint } from "./compile-token-endpoint.ts";
import { type Resolved, resolved, unresolved } from "./link-context.ts";
import type { ManifestOf } from "./manifest-set.ts";

type Authored = NonNullable<ManifestOf<"BackendCredentialPolicy">["body"]["spec"]["azure"]>;

/** Entra's token: client credentials in all forms but one, which is the machine's own identity. */
export function compileAzureToken(site: CredentialSite, authored: Authored): Resolved<SecretReference> {
  const { clientID, tenantID, scope } = authored;
  if (authored.credentials.managedIdentity !== undefined) return compileManagedIdentity(site, authored);
  if (clientID === undefined || tenantID === undefined) return unresolved("Invalid", "tenantID and clientID are missing");
  const proof = compileProof(site, authored);
  if (!proof.ok) return proof;
  const endpoint = compileTokenEndpoint(site, authored.tokenEndpoint, `https://login.microsoftonline.com/${tenantID}/oauth2/v2.0/token`);
  if (!endpoint.ok) return endpoint;
  const parameters = [["scope", scope] as const];
  return resolved(tokenReference(site, "", { flow: "clientCredentials", endpoint: endpoint.value, clientId: clientID, proof: proof.value, parameters }));
}

function compileProof(site: CredentialSite, { credentials }: Authored): Resolved<ClientProof> {
  const { clientSecretRef, clientCertificate, federatedToken } = credentials;
  if (clientSecretRef !== undefined) {
    const secret = compileSecret(site.context, clientSecretRef, site.from);
    return secret.ok ? resolved({ kind: "post", secret: secret.value }) : secret;
  }
  if (clientCertificate !== undefined) {
    const secret = compileSecret(site.context, clientCertificate.secretRef, site.from);
    if (!secret.ok) return secret;
    const { algorithm } = clientCertificate;
    return resolved({ kind: "privateKey", secret: secret.value, algorithm, keyId: null, certificate: true, audience: null });
  }
  if (federatedToken === undefined) return unresolved("Invalid", "the application has nothing to prove itself with");
  const assertion = compileAssertion(site, federatedToken);
  return assertion.ok ? resolved({ kind: "assertion", assertion: assertion.value }) : assertion;
}

function compileManagedIdentity(site: CredentialSite, { scope, clientID }: Authored): Resolved<SecretReference> {
  const { name } = site.context.platform;
  if (name !== "knative")
    return unresolved("UnsupportedOnPlatform", `${name} has no managed identity of Azure: use clientSecretRef, clientCertificate or federatedToken`);
  const endpoint = compileTokenEndpoint(site, undefined, "http://169.254.169.254/metadata/identity/oauth2/token");
  if (!endpoint.ok) return endpoint;
  // This service speaks of resources, which are scopes without their end.
  const resource = scope.replace(/\/\.default$/, "");
  return resolved(tokenReference(site, "", { flow: "azureManagedIdentity", endpoint: endpoint.value, resource, clientId: clientID ?? null }));
}
