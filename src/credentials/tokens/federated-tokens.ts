import { toBytes } from "../../lib/utf8.ts";
import type { Secret } from "../../model/secret.ts";
import type { TokenPlan } from "../../model/token-plan.ts";
import { readAssertion } from "./read-assertion.ts";
import { jsonAnswer, tokenIn } from "./token-answer.ts";
import type { TokenWork } from "./token-work.ts";

/** Anthropic takes the grant under these beta names, and calls with the token under the first of them. */
export const ANTHROPIC_TOKEN_BETA = "oauth-2025-04-20";
const ANTHROPIC_GRANT_BETAS = `${ANTHROPIC_TOKEN_BETA},oidc-federation-2026-04-01`;

/** OpenAI's workload identity federation: RFC 8693, in JSON. */
export async function openaiToken(work: TokenWork, plan: Extract<TokenPlan, { flow: "openaiFederation" }>): Promise<Secret> {
  const question = {
    grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
    subject_token: await readAssertion(work, plan.assertion),
    subject_token_type: plan.subjectTokenType,
    ...plan.members,
  };
  return ask(work, plan, question, [], "OpenAI's token endpoint");
}

/** Anthropic's workload identity federation: RFC 7523, in JSON. There is no refresh token: a new assertion is shown each time. */
export async function anthropicToken(work: TokenWork, plan: Extract<TokenPlan, { flow: "anthropicFederation" }>): Promise<Secret> {
  const question = {
    grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer",
    assertion: await readAssertion(work, plan.assertion),
    ...plan.members,
  };
  return ask(work, plan, question, ["anthropic-beta", ANTHROPIC_GRANT_BETAS], "Anthropic's token endpoint");
}

async function ask(
  work: TokenWork,
  { endpoint }: Pick<Extract<TokenPlan, { flow: "openaiFederation" }>, "endpoint">,
  question: Readonly<Record<string, string>>,
  more: readonly string[],
  who: string,
): Promise<Secret> {
  const headers = ["content-type", "application/json", "accept", "application/json", ...more];
  const body = jsonAnswer(await work.call({ endpoint, method: "POST", headers, body: toBytes(JSON.stringify(question)) }), who);
  return tokenIn(body, "access_token", body["expires_in"] ?? 3_600, who);
}
