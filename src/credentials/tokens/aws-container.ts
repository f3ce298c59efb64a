import { asString } from "../../lib/json-value.ts";
import { SecretStoreError } from "../../model/ports.ts";
import type { Secret } from "../../model/secret.ts";
import type { TokenEndpoint, TokenPlan } from "../../model/token-plan.ts";
import { keysIn, keysSecret } from "../aws-keys.ts";
import { webIdentity } from "./aws-sts.ts";
import { readAssertion } from "./read-assertion.ts";
import { jsonAnswer, secondsUntil } from "./token-answer.ts";
import { tokenEndpoint } from "./token-endpoint.ts";
import { setting, type TokenWork } from "./token-work.ts";

const WHO = "the container's credentials service";

/** EKS Pod Identity and ECS: a service on the node's link that knows who asks. */
export async function containerKeys(work: TokenWork, plan: Extract<TokenPlan, { flow: "awsContainer" }>): Promise<Secret> {
  return ask(work, plan.endpoint, plan.authorization === null ? null : await readAssertion(work, plan.authorization));
}

/** What AWS's own SDKs find in the environment of a workload, in their order: keys, web identity, container. */
export async function ambientKeys(work: TokenWork, plan: Extract<TokenPlan, { flow: "awsAmbient" }>): Promise<Secret> {
  const [accessKeyId, secretAccessKey, sessionToken] = await Promise.all(
    ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"].map((name) => setting(work, name)),
  );
  const keys = keysIn({ accessKeyId, secretAccessKey, sessionToken });
  if (keys !== null) return keysSecret(keys, null);
  const [roleArn, path] = await Promise.all([setting(work, "AWS_ROLE_ARN"), setting(work, "AWS_WEB_IDENTITY_TOKEN_FILE")]);
  if (roleArn !== null && path !== null) {
    const sessionName = (await setting(work, "AWS_ROLE_SESSION_NAME")) ?? plan.sessionName;
    return webIdentity(work, { flow: "awsWebIdentity", endpoint: plan.sts, assertion: { kind: "file", path }, roleArn, sessionName, durationSeconds: 3_600 });
  }
  const endpoint = await containerEndpoint(work, plan);
  if (endpoint === null) throw new SecretStoreError("missing", "the environment names no AWS credentials: keys, a web identity, or a container's service");
  return ask(work, endpoint, await containerToken(work));
}

/** ECS gives a path of its own service, EKS and others the whole address. Only the machine and its link: an address elsewhere would be told a token. */
async function containerEndpoint(work: TokenWork, plan: Extract<TokenPlan, { flow: "awsAmbient" }>): Promise<TokenEndpoint | null> {
  const [relative, full] = await Promise.all([setting(work, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"), setting(work, "AWS_CONTAINER_CREDENTIALS_FULL_URI")]);
  if (relative === null && full === null) return null;
  const endpoint = tokenEndpoint(relative === null ? (full ?? "") : `http://169.254.170.2${relative.startsWith("/") ? relative : `/${relative}`}`);
  const known = typeof endpoint === "string" ? undefined : plan.local.find((local) => local.origin.hostname === endpoint.origin.hostname);
  if (typeof endpoint === "string" || known === undefined) {
    throw new SecretStoreError("denied", "the container's credentials service is neither on this machine nor on its link: name it in the policy");
  }
  return endpoint;
}

async function containerToken(work: TokenWork): Promise<string | null> {
  const path = await setting(work, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
  if (path !== null) return readAssertion(work, { kind: "file", path });
  return setting(work, "AWS_CONTAINER_AUTHORIZATION_TOKEN");
}

async function ask(work: TokenWork, endpoint: TokenEndpoint, token: string | null): Promise<Secret> {
  const headers = ["accept", "application/json", ...(token === null ? [] : ["authorization", token])];
  const answer = await work.call({ endpoint, method: "GET", headers, body: null });
  const body = jsonAnswer(answer, WHO);
  const keys = keysIn(body);
  const ends = asString(body["Expiration"]);
  if (keys === null) throw new SecretStoreError("malformed", `${WHO} answered without keys`);
  const seconds = ends === null ? null : secondsUntil(ends, answer, work.now());
  if (seconds !== null && seconds <= 0) throw new SecretStoreError("malformed", `${WHO} gave keys that have ended already`);
  return keysSecret(keys, seconds === null ? null : seconds * 1_000);
}
