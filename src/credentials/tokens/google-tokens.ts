import { asObject, asString, parseJson } from "../../lib/json-value.ts";
import { toBytes, toText } from "../../lib/utf8.ts";
import { SecretStoreError } from "../../model/ports.ts";
import { Secret } from "../../model/secret.ts";
import type { TokenEndpoint, TokenPlan } from "../../model/token-plan.ts";
import { googleKeyAssertion } from "./google-key-assertion.ts";
import { checkStatus, jsonAnswer, secondsUntil, tokenIn } from "./token-answer.ts";
import type { TokenWork } from "./token-work.ts";

/** Google's identity tokens are good for an hour, and only the token itself says so. Seconds. */
const IDENTITY_LIFE = 3_600;

/** A service account's key: an assertion signed with it for a token (RFC 7523). */
export async function serviceAccountToken(work: TokenWork, plan: Extract<TokenPlan, { flow: "googleKey" }>): Promise<Secret> {
  const { endpoint, token } = plan;
  const assertion = await googleKeyAssertion((await work.read(plan.key)).reveal(), audienceOf(endpoint), token, work.now());
  const body = toBytes(new URLSearchParams({ grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer", assertion }).toString());
  const headers = ["content-type", "application/x-www-form-urlencoded", "accept", "application/json"];
  const who = "Google's token endpoint";
  const answer = jsonAnswer(await work.call({ endpoint, method: "POST", headers, body }), who);
  return token.kind === "identity" ? tokenIn(answer, "id_token", IDENTITY_LIFE, who) : tokenIn(answer, "access_token", answer["expires_in"], who);
}

/** Google knows its endpoint by the name that everybody writes, whatever port or proxy stands in between. */
function audienceOf({ origin, path }: TokenEndpoint): string {
  return `https://${origin.hostname}${path}`;
}

/** The metadata server of GKE, Cloud Run and virtual machines: on the machine's own link. */
export async function metadataToken(work: TokenWork, plan: Extract<TokenPlan, { flow: "googleMetadata" }>): Promise<Secret> {
  const { token } = plan;
  const base = "/computeMetadata/v1/instance/service-accounts/default";
  const path =
    token.kind === "identity"
      ? `${base}/identity?audience=${encodeURIComponent(token.audience)}&format=full`
      : `${base}/token${token.scopes.length === 0 ? "" : `?scopes=${encodeURIComponent(token.scopes.join(","))}`}`;
  const who = "Google's metadata server";
  const headers = ["metadata-flavor", "Google", "accept", "application/json"];
  const answer = await work.call({ endpoint: { ...plan.endpoint, path }, method: "GET", headers, body: null });
  if (token.kind === "access") {
    const body = jsonAnswer(answer, who);
    return tokenIn(body, "access_token", body["expires_in"], who);
  }
  checkStatus(answer, who);
  const text = toText(answer.bytes).trim();
  if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(text)) throw new SecretStoreError("malformed", `${who} answered without a token`);
  return new Secret(text, null, lifeOf(text, work.now()));
}

/** A token of another service account, by one that may act as it (IAM Credentials API). */
export async function impersonatedToken(work: TokenWork, plan: Extract<TokenPlan, { flow: "googleImpersonation" }>): Promise<Secret> {
  const { endpoint, token, source } = plan;
  const wanted = token.kind === "identity" ? { audience: token.audience, includeEmail: true } : { scope: token.scopes, lifetime: `${plan.lifetimeSeconds}s` };
  const ask = (bearer: Secret) => {
    const headers = ["authorization", `Bearer ${bearer.reveal()}`, "content-type", "application/json", "accept", "application/json"];
    return work.call({ endpoint, method: "POST", headers, body: toBytes(JSON.stringify(wanted)) });
  };
  const bearer = await work.read(source);
  let answer = await ask(bearer);
  if (answer.status === 401) {
    const other = await work.reread(source, bearer);
    if (other !== bearer) answer = await ask(other);
  }
  const who = "Google's IAM credentials API";
  const body = jsonAnswer(answer, who);
  if (token.kind === "identity") return tokenIn(body, "token", IDENTITY_LIFE, who);
  return tokenIn(body, "accessToken", secondsUntil(asString(body["expireTime"]) ?? "", answer, work.now()), who);
}

/** By the token's own `exp`, which nobody has to trust: a wrong one only makes us ask sooner or be refused. Milliseconds. */
function lifeOf(token: string, now: number): number {
  const payload = (token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/");
  let exp: unknown;
  try {
    exp = asObject(parseJson(atob(payload)))?.["exp"];
  } catch {
    exp = undefined;
  }
  return typeof exp === "number" && exp * 1_000 > now ? Math.min(exp * 1_000 - now, IDENTITY_LIFE * 1_000) : 60_000;
}
