import { SecretStoreError } from "../../model/ports.ts";
import type { Secret } from "../../model/secret.ts";
import type { TokenEndpoint, TokenPlan } from "../../model/token-plan.ts";
import { jsonAnswer, tokenIn } from "./token-answer.ts";
import { tokenEndpoint } from "./token-endpoint.ts";
import { setting, type TokenWork } from "./token-work.ts";

const WHO = "Azure's managed identity service";

/**
 * The identity of the machine, by the metadata service of virtual machines and AKS, or by the one that App Service, Functions and Container
 * Apps name in `IDENTITY_ENDPOINT`. Both are on the machine or its link.
 */
export async function managedIdentityToken(work: TokenWork, plan: Extract<TokenPlan, { flow: "azureManagedIdentity" }>): Promise<Secret> {
  const [address, header] = await Promise.all([setting(work, "IDENTITY_ENDPOINT"), setting(work, "IDENTITY_HEADER")]);
  const asked =
    address !== null && header !== null
      ? { endpoint: appService(address), version: "2019-08-01", headers: ["x-identity-header", header] }
      : { endpoint: plan.endpoint, version: "2018-02-01", headers: ["metadata", "true"] };
  const query = new URLSearchParams({ "api-version": asked.version, resource: plan.resource, ...(plan.clientId === null ? {} : { client_id: plan.clientId }) });
  const base = asked.endpoint.path.split("?", 1)[0] ?? "/";
  const endpoint: TokenEndpoint = { ...asked.endpoint, path: `${base}?${query}` };
  const headers = [...asked.headers, "accept", "application/json"];
  const body = jsonAnswer(await work.call({ endpoint, method: "GET", headers, body: null }), WHO);
  return tokenIn(body, "access_token", body["expires_in"] ?? lifeFrom(body["expires_on"], work.now()), WHO);
}

function appService(address: string): TokenEndpoint {
  const endpoint = tokenEndpoint(address);
  if (typeof endpoint === "string" || !endpoint.local) throw new SecretStoreError("denied", "IDENTITY_ENDPOINT is neither on this machine nor on its link");
  return endpoint;
}

/** App Service says when the token ends, in seconds since the epoch, and not how long it is good. */
function lifeFrom(endsOn: unknown, now: number): number | undefined {
  const ends = typeof endsOn === "string" || typeof endsOn === "number" ? Number(endsOn) : Number.NaN;
  return Number.isFinite(ends) ? Math.floor(ends - now / 1_000) : undefined;
}
