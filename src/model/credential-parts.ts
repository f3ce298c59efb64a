import type { Backend } from "./backend.ts";
import type { SecretReference } from "./secret.ts";
import type { TokenEndpoint, TokenLocation } from "./token-plan.ts";

/** All that a backend's credential and its connection are made of. */
export interface CredentialParts {
  /** What is kept somewhere: keys, that which signs for a parent among them, certificates, revocation lists; not the tokens that are made of them. */
  readonly secrets: readonly SecretReference[];
  /** Every place that may be asked for a token, of the tokens included that others are made of. */
  readonly endpoints: readonly TokenEndpoint[];
}

/** Backends live as long as their snapshot. */
const known = new WeakMap<Backend, CredentialParts>();

/** What has to be read and asked before this backend can be called. */
export function credentialPartsOf(backend: Backend): CredentialParts {
  const found = known.get(backend);
  if (found !== undefined) return found;
  const parts: Parts = { secrets: [], endpoints: [] };
  collect({ credential: backend.credential, tls: backend.tls, parent: backend.parent }, parts);
  known.set(backend, parts);
  return parts;
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
