import type { SecretReference } from "../model/secret.ts";
import type { AssertionSource } from "../model/token-plan.ts";
import { compileAssertion, compileClientProof, tokenReference } from "./compile-assertion.ts";
import { type CredentialSite, compileTokenEndpoint } from "./compile-token-endpoint.ts";
import { type Resolved, resolved } from "./link-context.ts";
import type { ManifestOf } from "./manifest-set.ts";

type Spec = ManifestOf<"BackendCredentialPolicy">["body"]["spec"];
type Parameters = readonly (readonly [name: string, value: string])[];

export function compileClientCredentials(site: CredentialSite, authored: NonNullable<Spec["oauth2ClientCredentials"]>): Resolved<SecretReference> {
  const endpoint = compileTokenEndpoint(site, authored.tokenEndpoint, "");
  if (!endpoint.ok) return endpoint;
  const proof = compileClientProof(site, authored);
  if (!proof.ok) return proof;
  const parameters = parametersOf(authored);
  return resolved(
    tokenReference(site, "", { flow: "clientCredentials", endpoint: endpoint.value, clientId: authored.clientID, proof: proof.value, parameters }),
  );
}

export function compileTokenExchange(site: CredentialSite, authored: NonNullable<Spec["tokenExchange"]>): Resolved<SecretReference> {
  const endpoint = compileTokenEndpoint(site, authored.tokenEndpoint, "");
  if (!endpoint.ok) return endpoint;
  const proof = compileClientProof(site, authored);
  if (!proof.ok) return proof;
  const own = authored.subject.token;
  const subject: Resolved<AssertionSource | null> = own === undefined ? resolved(null) : compileAssertion(site, own);
  if (!subject.ok) return subject;
  const { requestedTokenType, subjectTokenType, clientID } = authored;
  const wanted: Parameters = requestedTokenType === undefined ? [] : [["requested_token_type", requestedTokenType]];
  const reference = tokenReference(site, "", {
    flow: "tokenExchange",
    endpoint: endpoint.value,
    clientId: clientID ?? null,
    proof: proof.value,
    subject: subject.value,
    subjectTokenType,
    parameters: [...parametersOf(authored), ...wanted],
  });
  return resolved(reference);
}

interface AuthoredTarget {
  readonly scopes?: readonly string[] | undefined;
  readonly audience?: readonly string[] | undefined;
  readonly resource?: readonly string[] | undefined;
}

function parametersOf({ scopes, audience = [], resource = [] }: AuthoredTarget): Parameters {
  return [
    ...(scopes === undefined ? [] : [["scope", scopes.join(" ")] as const]),
    ...audience.map((value) => ["audience", value] as const),
    ...resource.map((value) => ["resource", value] as const),
  ];
}

export function compileOpenAIFederation(site: CredentialSite, authored: NonNullable<Spec["openAIWorkloadIdentity"]>): Resolved<SecretReference> {
  const endpoint = compileTokenEndpoint(site, authored.tokenEndpoint, "https://auth.openai.com/oauth/token");
  if (!endpoint.ok) return endpoint;
  const assertion = compileAssertion(site, authored.token);
  if (!assertion.ok) return assertion;
  const { subjectTokenType, identityProviderID, serviceAccountID, clientID } = authored;
  const members = {
    identity_provider_id: identityProviderID,
    service_account_id: serviceAccountID,
    ...(clientID === undefined ? {} : { client_id: clientID }),
  };
  return resolved(tokenReference(site, "", { flow: "openaiFederation", endpoint: endpoint.value, assertion: assertion.value, subjectTokenType, members }));
}

export function compileAnthropicFederation(site: CredentialSite, authored: NonNullable<Spec["anthropicWorkloadIdentity"]>): Resolved<SecretReference> {
  const endpoint = compileTokenEndpoint(site, authored.tokenEndpoint, "https://api.anthropic.com/v1/oauth/token");
  if (!endpoint.ok) return endpoint;
  const assertion = compileAssertion(site, authored.token);
  if (!assertion.ok) return assertion;
  const { federationRuleID, organizationID, serviceAccountID, workspaceID } = authored;
  const members = {
    federation_rule_id: federationRuleID,
    organization_id: organizationID,
    ...(serviceAccountID === undefined ? {} : { service_account_id: serviceAccountID }),
    ...(workspaceID === undefined ? {} : { workspace_id: workspaceID }),
  };
  return resolved(tokenReference(site, "", { flow: "anthropicFederation", endpoint: endpoint.value, assertion: assertion.value, members }));
}
