import type { CredentialPlan } from "../../model/backend.ts";
import type { SecretReference } from "../../model/secret.ts";
import type { TokenEndpoint, TokenLocation } from "../../model/token-plan.ts";

/**
 * Every place that may be asked for the tokens of this credential, those of the tokens included that others are made of. Empty: the credential
 * is no token. One that is `local` lies where the broker itself runs.
 */
export function tokenEndpointsOf(plan: CredentialPlan | null): readonly TokenEndpoint[] {
  return partsOf(plan).endpoints;
}

/** Every secret that is kept somewhere and that this credential is made of: not the tokens that are made of them. */
export function secretSourcesOf(plan: CredentialPlan | null): readonly SecretReference[] {
  return partsOf(plan).secrets;
}

/** Every secret that a token is made of, of whatever depth. */
export function secretsOfToken(location: TokenLocation): readonly SecretReference[] {
  const parts: Parts = { secrets: [], endpoints: [] };
  collect(location.plan, parts);
  return parts.secrets;
}

interface Parts {
  readonly secrets: SecretReference[];
  readonly endpoints: TokenEndpoint[];
}

function partsOf(plan: CredentialPlan | null): Parts {
  const parts: Parts = { secrets: [], endpoints: [] };
  if (plan !== null && plan.type !== "passthrough") collect(plan.secret, parts);
  return parts;
}

/** By shape, so that a flow which gains a member cannot forget to tell of it. */
function collect(value: unknown, parts: Parts): void {
  if (typeof value !== "object" || value === null) return;
  if (isReference(value)) {
    if (value.location.provider === "token") collect(value.location.plan, parts);
    else parts.secrets.push(value);
    return;
  }
  if (isEndpoint(value)) parts.endpoints.push(value);
  for (const member of Object.values(value)) collect(member, parts);
}

function isReference(value: object): value is SecretReference {
  return "location" in value && "refresh" in value && "id" in value;
}

function isEndpoint(value: object): value is TokenEndpoint {
  return "origin" in value && "authority" in value && "local" in value;
}
