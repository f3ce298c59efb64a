import { asObject, asString, parseJson } from "../../lib/json-value.ts";
import { toBytes, toText } from "../../lib/utf8.ts";
import { type ControlAnswer, SecretStoreError } from "../../model/ports.ts";
import type { Secret } from "../../model/secret.ts";
import type { TokenEndpoint, TokenPlan } from "../../model/token-plan.ts";
import { awsKeysOf, keysIn, keysSecret } from "../aws-keys.ts";
import type { AwsSigner } from "../sign-aws.ts";
import { readAssertion } from "./read-assertion.ts";
import { checkStatus, secondsUntil } from "./token-answer.ts";
import type { TokenRequest, TokenWork } from "./token-work.ts";

const WHO = "AWS STS";

/** IRSA and every other OIDC token that a role trusts: AssumeRoleWithWebIdentity, which is not signed. */
export async function webIdentity(work: TokenWork, plan: Extract<TokenPlan, { flow: "awsWebIdentity" }>): Promise<Secret> {
  const token = await readAssertion(work, plan.assertion);
  const body = form({
    Action: "AssumeRoleWithWebIdentity",
    Version: "2011-06-15",
    RoleArn: plan.roleArn,
    RoleSessionName: plan.sessionName,
    DurationSeconds: String(plan.durationSeconds),
    WebIdentityToken: token,
  });
  return keysOfAnswer(await work.call(question(plan.endpoint, body)), "AssumeRoleWithWebIdentity", work.now());
}

/** Another role, by keys that may take it on. Signed; when the keys are refused they are asked for anew, once. */
export async function assumeRole(work: TokenWork, plan: Extract<TokenPlan, { flow: "awsAssumeRole" }>, signer: AwsSigner): Promise<Secret> {
  const { endpoint, region } = plan;
  const body = form({
    Action: "AssumeRole",
    Version: "2011-06-15",
    RoleArn: plan.roleArn,
    RoleSessionName: plan.sessionName,
    DurationSeconds: String(plan.durationSeconds),
    ...(plan.externalId === null ? {} : { ExternalId: plan.externalId }),
    ...Object.fromEntries(
      plan.tags.flatMap(({ key, value }, at) => [
        [`Tags.member.${at + 1}.Key`, key],
        [`Tags.member.${at + 1}.Value`, value],
      ]),
    ),
  });
  const ask = async (keys: Secret): Promise<ControlAnswer> => {
    const { headers } = question(endpoint, body);
    const request = { origin: endpoint.origin, method: "POST", path: endpoint.path, headers: ["host", endpoint.authority, ...headers], body };
    const signed = await signer.sign(request, awsKeysOf(keys), { service: "sts", region, signsBody: true });
    return work.call({ ...question(endpoint, body), headers: signed.headers.slice(2) });
  };
  const keys = await work.read(plan.source);
  let answer = await ask(keys);
  if (answer.status === 400 || answer.status === 403) {
    const other = await work.reread(plan.source, keys);
    if (signer.learn(endpoint.origin.hostname, answer) || other !== keys) answer = await ask(other);
  }
  return keysOfAnswer(answer, "AssumeRole", work.now());
}

function question(endpoint: TokenEndpoint, body: Uint8Array): TokenRequest {
  const headers = ["content-type", "application/x-www-form-urlencoded; charset=utf-8", "accept", "application/json"];
  return { endpoint, method: "POST", headers, body };
}

function form(parameters: Readonly<Record<string, string>>): Uint8Array {
  return toBytes(new URLSearchParams(parameters).toString());
}

/** STS answers in JSON where it is asked to; what stands in its place (a VPC endpoint's proxy, another implementation) may know XML alone. */
function keysOfAnswer(answer: ControlAnswer, action: string, now: number): Secret {
  checkStatus(answer, WHO);
  const text = toText(answer.bytes);
  const body = text.trimStart().startsWith("<") ? credentialsInXml(text) : credentialsInJson(text, action);
  const keys = keysIn(body);
  if (keys === null || keys.sessionToken === null) throw new SecretStoreError("malformed", `${WHO} answered without keys`);
  const seconds = expiry(body["Expiration"], answer, now);
  if (seconds <= 0) throw new SecretStoreError("malformed", `${WHO} gave keys that have ended already`);
  return keysSecret(keys, seconds * 1_000);
}

/** RFC 3339 in XML, seconds since the epoch in JSON. */
function expiry(value: unknown, answer: ControlAnswer, now: number): number {
  if (typeof value === "number") return secondsUntil(new Date(value * 1_000).toISOString(), answer, now);
  return typeof value === "string" ? secondsUntil(value, answer, now) : 0;
}

function credentialsInJson(text: string, action: string): Readonly<Record<string, unknown>> {
  const result = asObject(asObject(asObject(parseJson(text))?.[`${action}Response`])?.[`${action}Result`]);
  return asObject(result?.["Credentials"]) ?? {};
}

function credentialsInXml(text: string): Readonly<Record<string, unknown>> {
  const credentials = /<Credentials>([\s\S]*?)<\/Credentials>/.exec(text)?.[1] ?? "";
  return Object.fromEntries([...credentials.matchAll(/<(\w+)>\s*([^<&]*?)\s*<\/\1>/g)].map(([, name = "", value = ""]) => [name, asString(value)]));
}
