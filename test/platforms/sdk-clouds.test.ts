import type { IncomingMessage } from "node:http";
import { BedrockRuntimeClient, ConverseCommand, ConverseStreamCommand, InvokeModelCommand } from "@aws-sdk/client-bedrock-runtime";
import { GoogleGenAI } from "@google/genai";
import { EventStreamCodec } from "@smithy/eventstream-codec";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { AzureOpenAI } from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, isSigned } from "../fakes/aws-signature.ts";
import { type BrokerProcess, startBroker } from "../fakes/broker-process.ts";
import { createAuthority } from "../fakes/certificates.ts";
import { CALLER_TOKEN, testManifests } from "../fakes/manifests.ts";
import { type Provider, startProvider } from "../fakes/provider.ts";
import { keyPair } from "../fakes/token-world.ts";

const REGION = "eu-central-1";
const MODEL = "arn:aws:bedrock:eu-central-1:123456789012:inference-profile/eu.anthropic.claude-sonnet-4-5-20250929-v1:0";
const codec = new EventStreamCodec(
  (bytes) => Buffer.from(bytes as Uint8Array).toString(),
  (text) => Buffer.from(text),
); // as: the codec's own bytes
const frame = (type: string, body: unknown) =>
  codec.encode({
    headers: {
      ":message-type": { type: "string", value: "event" },
      ":event-type": { type: "string", value: type },
      ":content-type": { type: "string", value: "application/json" },
    },
    body: Buffer.from(JSON.stringify(body)),
  });
const FRAMES = [
  frame("messageStart", { role: "assistant" }),
  frame("contentBlockDelta", { contentBlockIndex: 0, delta: { text: "Hello" } }),
  frame("contentBlockDelta", { contentBlockIndex: 0, delta: { text: " ünïcödé" } }),
  frame("messageStop", { stopReason: "end_turn" }),
];

let bedrock: Provider;
let google: Provider;
let azure: Provider;
let tokens: Provider;
let broker: BrokerProcess;
const signatures: boolean[] = [];

const policy = (name: string, spec: string) =>
  `apiVersion: spillway.dev/v1alpha1\nkind: BackendCredentialPolicy\nmetadata: {name: ${name}, namespace: team-a}\nspec:\n  targetRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: ${name}}]\n${spec}`;
const source = (name: string, variable: string) =>
  `apiVersion: spillway.dev/v1alpha1\nkind: SecretSource\nmetadata: {name: ${name}, namespace: team-a}\nspec: {env: {name: ${variable}}}`;
const ref = (name: string) => `{group: spillway.dev, kind: SecretSource, name: ${name}}`;
const rule = (path: string, backend: string) =>
  `  - name: ${backend}\n    matches: [{path: {type: PathPrefix, value: ${path}}}]\n    backendRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: ${backend}}]\n`;

/** The official SDKs against the built broker, which calls the clouds' own names by real TLS, pinned to loopback. */
beforeAll(async () => {
  const authority = createAuthority();
  const host = `bedrock-runtime.${REGION}.amazonaws.com`;
  bedrock = await startProvider({
    tls: authority.issue({ dnsNames: [host] }),
    behaviour: async (seen, response, request) => {
      const good = await signedBySts(request, seen.body);
      signatures.push(good);
      if (!good) return void response.writeHead(403, { "x-amzn-errortype": "InvalidSignatureException" }).end('{"message":"no"}');
      if (seen.url.endsWith("-stream")) {
        response.writeHead(200, { "content-type": "application/vnd.amazon.eventstream" });
        for (const part of FRAMES) response.write(part);
        return void response.end();
      }
      const message = {
        output: { message: { role: "assistant", content: [{ text: "Hello" }] } },
        stopReason: "end_turn",
        usage: { inputTokens: 1, outputTokens: 1, totalTokens: 2 },
        metrics: { latencyMs: 1 },
      };
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(seen.url.endsWith("/invoke") ? { completion: "Hello" } : message));
    },
  });
  const answer = { candidates: [{ content: { role: "model", parts: [{ text: "Hello" }] }, finishReason: "STOP" }] };
  google = await startProvider({
    tls: authority.issue({ dnsNames: ["europe-west4-aiplatform.googleapis.com"] }),
    behaviour: (seen, response) => {
      if (seen.headers.authorization !== "Bearer google-token") return void response.writeHead(401).end("{}");
      const stream = seen.url.includes(":streamGenerateContent");
      response.writeHead(200, { "content-type": stream ? "text/event-stream" : "application/json" });
      response.end(stream ? `data: ${JSON.stringify(answer)}\r\n\r\n` : JSON.stringify(answer));
    },
  });
  azure = await startProvider({ tls: authority.issue({ dnsNames: ["example.openai.azure.com"] }) });
  tokens = await startProvider({
    tls: authority.issue({ dnsNames: ["tokens.example.com"] }),
    behaviour: (seen, response) => {
      response.writeHead(200, { "content-type": "application/json" });
      if (!seen.url.startsWith("/sts")) return void response.end(JSON.stringify({ access_token: seen.url.slice(1), token_type: "Bearer", expires_in: 3_600 }));
      const Credentials = {
        AccessKeyId: AWS_ACCESS_KEY_ID,
        SecretAccessKey: AWS_SECRET_ACCESS_KEY,
        SessionToken: "of-the-role",
        Expiration: Date.now() / 1_000 + 3_600,
      };
      response.end(JSON.stringify({ AssumeRoleResponse: { AssumeRoleResult: { Credentials } } }));
    },
  });
  const endpoint = (path: string) => `{backendRef: {name: tokens}, path: ${path}}`;
  broker = await startBroker({
    env: {
      BASE_KEYS: JSON.stringify({ accessKeyId: "AKIDBASE", secretAccessKey: "base-secret-of-the-test" }),
      GOOGLE_KEY: JSON.stringify({ client_email: "b@p.iam.gserviceaccount.com", private_key: keyPair().privatePem }),
      AZURE_SECRET: "azure-secret-of-the-test",
    },
    manifests: testManifests({
      backends: [
        { name: "bedrock", port: bedrock.port, hostname: host, caPem: authority.caPem },
        { name: "google", port: google.port, hostname: "europe-west4-aiplatform.googleapis.com", caPem: authority.caPem },
        { name: "azure", port: azure.port, hostname: "example.openai.azure.com", caPem: authority.caPem },
        { name: "tokens", port: tokens.port, hostname: "tokens.example.com", caPem: authority.caPem },
      ],
      rules: `${rule("/model", "bedrock")}${rule("/v1beta", "google")}${rule("/openai", "azure")}`,
      more: [
        source("base", "BASE_KEYS"),
        source("google-key", "GOOGLE_KEY"),
        source("azure-secret", "AZURE_SECRET"),
        policy(
          "bedrock",
          `  type: AWSSigV4\n  awsSigV4:\n    service: bedrock\n    region: ${REGION}\n    credentials: {secretRef: ${ref("base")}}\n    assumeRole: [{roleArn: "arn:aws:iam::123456789012:role/bedrock"}]\n    stsEndpoint: ${endpoint("/sts")}`,
        ),
        policy("google", `  type: GCP\n  gcp:\n    credentials: {secretRef: ${ref("google-key")}}\n    tokenEndpoint: ${endpoint("/google-token")}`),
        policy(
          "azure",
          `  type: Azure\n  azure:\n    tenantID: tenant\n    clientID: app\n    scope: https://cognitiveservices.azure.com/.default\n    credentials: {clientSecretRef: ${ref("azure-secret")}}\n    tokenEndpoint: ${endpoint("/azure-token")}`,
        ),
      ].join("\n---\n"),
    }),
  });
});
afterAll(async () => {
  await broker?.stop();
  await Promise.all([bedrock, google, azure, tokens].map((provider) => provider?.close()));
});

/** The door's own work is in the signature: the final host, path and body, and the role's session token. */
async function signedBySts(request: IncomingMessage, body: string): Promise<boolean> {
  if (request.headers["x-amz-security-token"] !== "of-the-role") return false;
  return isSigned(request, body, { region: REGION, service: "bedrock" });
}

describe("@aws-sdk/client-bedrock-runtime", () => {
  const messages = [{ role: "user" as const, content: [{ text: "Grüße, a canary-prompt" }] }];
  const client = () =>
    new BedrockRuntimeClient({
      region: REGION,
      endpoint: broker.url,
      token: { token: CALLER_TOKEN },
      authSchemePreference: ["httpBearerAuth"],
      requestHandler: new NodeHttpHandler(),
      maxAttempts: 1,
    });

  it("converses by a profile's ARN; the role's signature stands over the bytes that leave", async () => {
    const answer = await client().send(new ConverseCommand({ modelId: MODEL, messages }));
    expect(answer.output?.message?.content?.[0]?.text).toBe("Hello");
    const seen = bedrock.seen.at(-1);
    expect(seen?.url).toBe(`/model/${encodeURIComponent(MODEL)}/converse`);
    expect(signatures.at(-1)).toBe(true);
    expect(JSON.stringify(seen?.rawHeaders)).not.toContain(CALLER_TOKEN);
    const line = await broker.call((call) => call["operation"] === "converse");
    expect(JSON.stringify(line)).toContain("BackendCredentialPolicy/team-a/bedrock:");
    expect(line["model"] ?? JSON.stringify(line)).toContain(MODEL);
  });

  it("streams: AWS's event stream passes as it is", async () => {
    const { stream } = await client().send(new ConverseStreamCommand({ modelId: MODEL, messages }));
    let text = "";
    for await (const event of stream ?? []) text += event.contentBlockDelta?.delta?.text ?? "";
    expect(text).toBe("Hello ünïcödé");
    expect(signatures.at(-1)).toBe(true);
  });

  it("invokes, and the token server was asked once for all of it", async () => {
    const answer = await client().send(
      new InvokeModelCommand({ modelId: "amazon.nova-lite-v1:0", body: JSON.stringify({ prompt: "x" }), contentType: "application/json" }),
    );
    expect(JSON.parse(new TextDecoder().decode(answer.body))).toEqual({ completion: "Hello" });
    expect(bedrock.seen.at(-1)?.url).toBe("/model/amazon.nova-lite-v1%3A0/invoke");
    expect(tokens.seen.filter((seen) => seen.url === "/sts")).toHaveLength(1);
  });

  it("a client that signs shows the broker's token in a header beside, and nothing of its signature leaves", async () => {
    const signing = new BedrockRuntimeClient({
      region: REGION,
      endpoint: broker.url,
      credentials: { accessKeyId: "AKIDCALLER", secretAccessKey: "callers-own", sessionToken: "callers-session" },
      requestHandler: new NodeHttpHandler(),
      maxAttempts: 1,
    });
    signing.middlewareStack.add(
      (next) => (args) => {
        // The SDK's request; only the header is of interest.
        (args.request as { headers: Record<string, string> }).headers["x-api-key"] = CALLER_TOKEN;
        return next(args);
      },
      { step: "finalizeRequest" },
    );
    const answer = await signing.send(new ConverseCommand({ modelId: "m", messages }));
    expect(answer.output?.message?.content?.[0]?.text).toBe("Hello");
    expect(JSON.stringify(bedrock.seen.at(-1)?.rawHeaders)).not.toMatch(/AKIDCALLER|callers-session/);
  });
});

describe("@google/genai", () => {
  const client = () => new GoogleGenAI({ apiKey: CALLER_TOKEN, httpOptions: { baseUrl: broker.url, apiVersion: "v1beta" } });

  it("generates, with the service account's token in place of the caller's key", async () => {
    expect((await client().models.generateContent({ model: "gemini-2.5-flash", contents: "hi" })).text).toBe("Hello");
    const seen = google.seen.at(-1);
    expect(seen?.url).toBe("/v1beta/models/gemini-2.5-flash:generateContent");
    expect(JSON.stringify(seen?.rawHeaders)).not.toContain(CALLER_TOKEN);
    expect(JSON.stringify(await broker.call((call) => call["operation"] === "generate_content"))).toContain("gemini-2.5-flash");
  });

  it("streams", async () => {
    let text = "";
    for await (const part of await client().models.generateContentStream({ model: "gemini-2.5-flash", contents: "hi" })) text += part.text ?? "";
    expect(text).toBe("Hello");
  });
});

describe("AzureOpenAI of openai", () => {
  it("completes, with Entra's token in place of the caller's key", async () => {
    const client = new AzureOpenAI({ endpoint: broker.url, apiKey: CALLER_TOKEN, apiVersion: "2024-10-21", deployment: "gpt-eu", maxRetries: 0 });
    const messages = [{ role: "user" as const, content: "hi" }];
    expect((await client.chat.completions.create({ model: "gpt-eu", messages })).choices[0]?.message.content).toBeTruthy();
    const seen = azure.seen.at(-1);
    expect(seen?.url).toBe("/openai/deployments/gpt-eu/chat/completions?api-version=2024-10-21");
    expect(seen?.headers.authorization).toBe("Bearer azure-token");
    expect(seen?.headers["api-key"]).toBeUndefined();
    let text = "";
    for await (const chunk of await client.chat.completions.create({ model: "gpt-eu", messages, stream: true })) text += chunk.choices[0]?.delta.content ?? "";
    expect(text).not.toBe("");
  });
});

it("says no secret and no token to anybody", () => {
  expect(`${broker.stdout()}${broker.stderr()}`).not.toMatch(
    /base-secret-of-the-test|azure-secret-of-the-test|google-token|azure-token|of-the-role|canary-prompt/,
  );
});
