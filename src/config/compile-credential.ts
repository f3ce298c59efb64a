import type { CredentialPlan } from "../model/backend.ts";
import type { SecretReference } from "../model/secret.ts";
import { awsRegionInHost, compileAwsKeys } from "./compile-aws-credential.ts";
import { compileAzureToken } from "./compile-azure-credential.ts";
import { compileGoogleToken } from "./compile-google-credential.ts";
import { compileAnthropicFederation, compileClientCredentials, compileOpenAIFederation, compileTokenExchange } from "./compile-oauth-credential.ts";
import { compileSecret } from "./compile-secret.ts";
import type { CredentialSite } from "./compile-token-endpoint.ts";
import { type LinkContext, type Resolved, resolved, unresolved } from "./link-context.ts";
import { idOf } from "./manifest.ts";
import type { ManifestOf } from "./manifest-set.ts";

/** Anthropic's API takes a token of its federation under this beta name only. */
const ANTHROPIC_TOKEN = { name: "anthropic-beta", value: "oauth-2025-04-20" };

/**
 * The credential that a policy describes, for a backend of this hostname (null: a Service). An unresolved secret or endpoint refuses the
 * backend: it is never called without its credential.
 */
export function compileCredential(site: Omit<CredentialSite, "id" | "from">, hostname: string | null): Resolved<CredentialPlan> {
  const { policy, context } = site;
  const { spec } = policy.body;
  if (spec.type === "Passthrough") return resolved({ type: "passthrough", stripClientCredentials: false });
  const from = { group: policy.group, kind: policy.kind, namespace: policy.namespace ?? "" };
  const whole: CredentialSite = { ...site, from, id: `BackendCredentialPolicy/${idOf(policy)}` };
  const { stripClientCredentials } = spec;
  if (spec.apiKey !== undefined) {
    const { name, prefix, secretRef } = spec.apiKey;
    const secret = oncePerPolicy(whole, () => compileSecret(context, secretRef, from));
    if (!secret.ok) return secret;
    if (spec.apiKey.in === "Query") return resolved({ type: "apiKey", in: "query", name, secret: secret.value, stripClientCredentials });
    return resolved({ type: "apiKey", in: "header", name: name.toLowerCase(), prefix, secret: secret.value, stripClientCredentials });
  }
  if (spec.awsSigV4 !== undefined) return compileSigV4(whole, spec.awsSigV4, hostname, stripClientCredentials);
  const token = oncePerPolicy(whole, () => compileToken(whole, spec));
  if (!token.ok) return token;
  const beside = spec.type === "AnthropicWorkloadIdentity" ? ANTHROPIC_TOKEN : null;
  return resolved({ type: "bearer", secret: token.value, beside, stripClientCredentials });
}

type Spec = ManifestOf<"BackendCredentialPolicy">["body"]["spec"];

/** By compile and policy. */
const compiled = new WeakMap<LinkContext, Map<ManifestOf<"BackendCredentialPolicy">, Resolved<SecretReference>>>();

/** One object for all backends of a policy: the cache knows its entries by their reference, and would compare two of one name at every call. */
function oncePerPolicy({ context, policy }: CredentialSite, compile: () => Resolved<SecretReference>): Resolved<SecretReference> {
  const known = compiled.get(context) ?? new Map<ManifestOf<"BackendCredentialPolicy">, Resolved<SecretReference>>();
  compiled.set(context, known);
  const secret = known.get(policy) ?? compile();
  known.set(policy, secret);
  return secret;
}

function compileToken(site: CredentialSite, spec: Spec): Resolved<SecretReference> {
  if (spec.bearer !== undefined) return compileSecret(site.context, spec.bearer.secretRef, site.from);
  if (spec.gcp !== undefined) return compileGoogleToken(site, spec.gcp);
  if (spec.azure !== undefined) return compileAzureToken(site, spec.azure);
  if (spec.oauth2ClientCredentials !== undefined) return compileClientCredentials(site, spec.oauth2ClientCredentials);
  if (spec.tokenExchange !== undefined) return compileTokenExchange(site, spec.tokenExchange);
  if (spec.openAIWorkloadIdentity !== undefined) return compileOpenAIFederation(site, spec.openAIWorkloadIdentity);
  if (spec.anthropicWorkloadIdentity !== undefined) return compileAnthropicFederation(site, spec.anthropicWorkloadIdentity);
  return unresolved("Invalid", "the member that type names is missing");
}

function compileSigV4(
  site: CredentialSite,
  authored: NonNullable<Spec["awsSigV4"]>,
  hostname: string | null,
  stripClientCredentials: boolean,
): Resolved<CredentialPlan> {
  const { service, region, payload } = authored;
  const inHost = hostname === null ? null : awsRegionInHost(hostname);
  if (inHost !== null && inHost !== region) {
    return unresolved("RegionMismatch", `awsSigV4.region is ${region}, and the hostname ${hostname} is of ${inHost}: AWS would refuse the signature`);
  }
  if (payload === "Unsigned" && service !== "s3")
    return unresolved("Invalid", `awsSigV4.payload Unsigned: ${service} takes signed bodies only, as all services but s3 do`);
  const keys = oncePerPolicy(site, () => compileAwsKeys(site, authored));
  if (!keys.ok) return keys;
  return resolved({ type: "sigV4", secret: keys.value, service, region, signsBody: payload === "Signed", stripClientCredentials });
}
