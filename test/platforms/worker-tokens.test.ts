import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, isSigned } from "../fakes/aws-signature.ts";
import { type Provider, startProvider } from "../fakes/provider.ts";
import { keyPair } from "../fakes/token-world.ts";
import { bundleWorker, startWorkerBroker, type WorkerBroker, type WorkerBundle } from "../fakes/worker-broker.ts";

const TOKEN = "caller-token-of-team-a";
const CALLERS = JSON.stringify({ keys: [{ sha256: createHash("sha256").update(TOKEN).digest("hex"), namespace: "team-a", serviceAccount: "assistant" }] });
const ref = (name: string) => `{group: spillway.dev, kind: SecretSource, name: ${name}}`;
const source = (name: string, binding: string) =>
  `apiVersion: spillway.dev/v1alpha1\nkind: SecretSource\nmetadata: {name: ${name}, namespace: team-a}\nspec: {env: {name: ${binding}}}`;
const backend = (name: string) =>
  `apiVersion: gateway.networking.x-k8s.io/v1alpha1\nkind: XBackend\nmetadata: {name: ${name}, namespace: team-a}\nspec:\n  type: ExternalHostname\n  externalHostname: {hostname: ${name}.example}\n  port: {port: 80}\n  protocol: HTTP\n  tls: {mode: None}`;
const policy = (name: string, spec: string) =>
  `apiVersion: spillway.dev/v1alpha1\nkind: BackendCredentialPolicy\nmetadata: {name: ${name}, namespace: team-a}\nspec:\n  targetRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: ${name}}]\n${spec}`;
const rule = (name: string) =>
  `  - matches: [{path: {type: PathPrefix, value: /${name}}}]\n    backendRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: ${name}}]`;
const MANIFESTS = [
  "apiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata: {name: spillway}\nspec: {controllerName: spillway.dev/broker}",
  "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: egress, namespace: team-a}\nspec:\n  gatewayClassName: spillway\n  infrastructure: {parametersRef: {group: spillway.dev, kind: BrokerConfig, name: default}}\n  listeners:\n  - {name: http, port: 80, protocol: HTTP}",
  `apiVersion: spillway.dev/v1alpha1\nkind: BrokerConfig\nmetadata: {name: default, namespace: team-a}\nspec:\n  identity: {apiKeys: {secretRef: ${ref("callers")}}}`,
  ...[source("callers", "CALLERS"), source("signing-key", "SIGNING_KEY"), source("client-key", "CLIENT_KEY")],
  `apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: route, namespace: team-a}\nspec:\n  parentRefs: [{name: egress}]\n  rules:\n${["signed", "oauth"].map(rule).join("\n")}`,
  ...["signed", "oauth", "sts", "idp"].map(backend),
  policy(
    "signed",
    `  type: AWSSigV4\n  awsSigV4:\n    service: bedrock\n    region: eu-central-1\n    stsEndpoint: {backendRef: {name: sts}, path: /}\n    credentials: {webIdentity: {roleArn: "arn:aws:iam::123456789012:role/r", token: {signed: {keyRef: ${ref("signing-key")}, issuer: "https://i.example", subject: s, audience: sts.amazonaws.com}}}}`,
  ),
  policy(
    "oauth",
    `  type: OAuth2ClientCredentials\n  oauth2ClientCredentials:\n    tokenEndpoint: {backendRef: {name: idp}, path: /token}\n    clientID: c\n    privateKeyJWT: {keyRef: ${ref("client-key")}, algorithm: ES256}`,
  ),
].join("\n---\n");

/** In workerd, where nothing that one request has begun may be awaited by another. */
describe("tokens and signatures in a Worker", () => {
  let world: Provider;
  let bundle: WorkerBundle;
  let broker: WorkerBroker;
  const signed: boolean[] = [];
  const asked = (host: string) => world.seen.filter((seen) => seen.headers.host?.split(":")[0] === host);

  beforeAll(async () => {
    [world, bundle] = await Promise.all([startProvider(), bundleWorker()]);
    world.behave(async (seen, response, request) => {
      const [host] = (seen.headers.host ?? "").split(":");
      const answer = (body: unknown) => void response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
      if (host === "sts.example") {
        const Credentials = {
          AccessKeyId: AWS_ACCESS_KEY_ID,
          SecretAccessKey: AWS_SECRET_ACCESS_KEY,
          SessionToken: "session",
          Expiration: Date.now() / 1_000 + 3_600,
        };
        return answer({ AssumeRoleWithWebIdentityResponse: { AssumeRoleWithWebIdentityResult: { Credentials } } });
      }
      if (host === "idp.example") return answer({ access_token: "worker-token", token_type: "Bearer", expires_in: 3_600 });
      if (host === "signed.example") signed.push(await isSigned(request, seen.body, { region: "eu-central-1", service: "bedrock" }));
      answer({ host });
    });
    broker = await startWorkerBroker({
      bundle,
      manifests: MANIFESTS,
      secrets: { CALLERS, SIGNING_KEY: keyPair("ec").privatePem, CLIENT_KEY: keyPair("ec").privatePem },
      worldPort: world.port,
    });
  });
  afterAll(async () => {
    await broker?.stop();
    await world?.close();
    await bundle?.remove();
  });

  const call = (path: string) =>
    fetch(`${broker.url}${path}`, { method: "POST", headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" }, body: '{"a":1}' });

  it("many calls at once on a cold isolate are all signed, by keys that few of them asked for", async () => {
    const answers = await Promise.all(Array.from({ length: 12 }, () => call("/signed/model/m%3A0/converse")));
    expect(answers.map((answer) => answer.status)).toEqual(Array.from({ length: 12 }, () => 200));
    expect(signed).toEqual(Array.from({ length: 12 }, () => true));
    expect(asked("sts.example").length).toBeLessThanOrEqual(3);
    expect(new URLSearchParams(asked("sts.example")[0]?.body ?? "").get("WebIdentityToken")).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);
  });

  it("a token of an OAuth 2 server is got once", async () => {
    expect((await call("/oauth/a")).status).toBe(200);
    expect((await call("/oauth/a")).status).toBe(200);
    expect(asked("oauth.example").map((seen) => seen.headers.authorization)).toEqual(["Bearer worker-token", "Bearer worker-token"]);
    expect(asked("idp.example")).toHaveLength(1);
    expect(new URLSearchParams(asked("idp.example")[0]?.body ?? "").get("client_assertion")).toBeTruthy();
  });
});
