import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI, { APIError } from "openai";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { leastOf } from "../fakes/least-time.ts";
import { rawClient } from "../fakes/node-broker.ts";
import { answerWell, type Behaviour, chatChunk, fail, hang, type Provider, type SeenRequest, startProvider, WORDS } from "../fakes/provider.ts";
import { createTokenIssuer, ISSUER, JWKS_URI } from "../fakes/token-issuer.ts";
import { bundleWorker, startWorkerBroker, type WorkerBroker, type WorkerBundle } from "../fakes/worker-broker.ts";

const TOKEN = "caller-token-of-team-a";
const OTHER_TOKEN = "caller-token-of-team-b";
const TEXT = WORDS.join("");
const messages = [{ role: "user" as const, content: "Tell me a canary-prompt" }];
const digest = (text: string) => createHash("sha256").update(text).digest("hex");

interface WorkerBackend {
  readonly name: string;
  readonly region?: string;
  readonly api?: "OpenAI" | "Anthropic";
  readonly keyHeader?: string;
  readonly tls?: string;
  readonly timeouts?: string;
}

function backend({ name, region, api = "OpenAI", keyHeader, tls, timeouts }: WorkerBackend): string[] {
  const hostname = `${name}.provider.example`;
  const target = `targetRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: ${name}}]`;
  const secretRef = `{group: spillway.dev, kind: SecretSource, name: ${name}-key}`;
  const credential =
    keyHeader === undefined
      ? `type: Bearer\n  bearer: {secretRef: ${secretRef}}`
      : `type: APIKey\n  apiKey: {secretRef: ${secretRef}, in: Header, name: ${keyHeader}}`;
  return [
    `apiVersion: gateway.networking.x-k8s.io/v1alpha1\nkind: XBackend\nmetadata: {name: ${name}, namespace: team-a${region === undefined ? "" : `, labels: {topology.kubernetes.io/region: ${region}}`}}\nspec:\n  type: ExternalHostname\n  externalHostname: {hostname: ${hostname}}\n  port: {port: 443}\n  protocol: HTTP\n  tls: ${tls ?? `{mode: ServerOnly, validation: {hostname: ${hostname}, wellKnownCACertificates: System}}`}`,
    `apiVersion: spillway.dev/v1alpha1\nkind: SecretSource\nmetadata: {name: ${name}-key, namespace: team-a}\nspec: {${name === "anthropic" ? "env" : "binding"}: {name: KEY_OF_${name.replaceAll("-", "_").toUpperCase()}}}`,
    `apiVersion: spillway.dev/v1alpha1\nkind: BackendCredentialPolicy\nmetadata: {name: ${name}, namespace: team-a}\nspec:\n  ${target}\n  ${credential}`,
    `apiVersion: spillway.dev/v1alpha1\nkind: AIBackendPolicy\nmetadata: {name: ${name}, namespace: team-a}\nspec:\n  ${target}\n  schema: {name: ${api}}`,
    ...(timeouts === undefined
      ? []
      : [
          `apiVersion: spillway.dev/v1alpha1\nkind: BackendConnectionPolicy\nmetadata: {name: ${name}, namespace: team-a}\nspec:\n  ${target}\n  timeouts: ${timeouts}`,
        ]),
  ];
}

const reference = (name: string) => `{group: gateway.networking.x-k8s.io, kind: XBackend, name: ${name}}`;
const rule = (name: string, prefix: string, target: string, more = "") =>
  `  - name: ${name}\n    matches: [{path: {type: PathPrefix, value: ${prefix}}}]\n    filters: [{type: URLRewrite, urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /}}}]\n    backendRefs: [${target}]\n${more}`;

const MANIFESTS = [
  "apiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata: {name: spillway}\nspec: {controllerName: spillway.dev/broker}",
  "apiVersion: v1\nkind: Namespace\nmetadata: {name: egress-system}",
  "apiVersion: v1\nkind: Namespace\nmetadata: {name: team-a}",
  "apiVersion: v1\nkind: Namespace\nmetadata: {name: team-b, labels: {data-class: personal}}",
  "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: egress, namespace: egress-system}\nspec:\n  gatewayClassName: spillway\n  infrastructure: {parametersRef: {group: spillway.dev, kind: BrokerConfig, name: default}}\n  listeners:\n  - {name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}",
  `apiVersion: spillway.dev/v1alpha1\nkind: BrokerConfig\nmetadata: {name: default, namespace: egress-system}\nspec:\n  identity:\n    apiKeys: {secretRef: {group: spillway.dev, kind: SecretSource, name: callers}}\n    issuers:\n    - {name: cluster, type: KubernetesServiceAccount, issuer: ${ISSUER}, audiences: [spillway], jwks: {uri: "${JWKS_URI}"}}\n  routing: {scope: Shared}`,
  "apiVersion: spillway.dev/v1alpha1\nkind: SecretSource\nmetadata: {name: callers, namespace: egress-system}\nspec: {binding: {name: CALLERS}}",
  `apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: route, namespace: team-a}\nspec:\n  parentRefs: [{name: egress, namespace: egress-system}]\n  rules:\n${[
    rule("openai", "/openai", reference("openai")),
    rule("anthropic", "/anthropic", reference("anthropic")),
    rule("group", "/group", "{group: spillway.dev, kind: BackendGroup, name: group}"),
    rule("locked", "/locked", "{group: spillway.dev, kind: BackendGroup, name: locked}"),
    rule("refused", "/refused", reference("pinned")),
    rule("renamed", "/renamed", reference("openai")).replace("urlRewrite: {", "urlRewrite: {hostname: other.provider.example, "),
    rule("hasty", "/hasty", reference("hasty")),
  ].join("\n")}`,
  "apiVersion: spillway.dev/v1alpha1\nkind: BackendGroup\nmetadata: {name: group, namespace: team-a}\nspec:\n  tiers:\n  - {name: one, backends: [{backendRef: {name: first}}]}\n  - {name: two, backends: [{backendRef: {name: second}}]}\n  health: {consecutiveFailures: 1000, evictFor: 1ms, maxEvictFor: 1ms}",
  "apiVersion: spillway.dev/v1alpha1\nkind: BackendGroup\nmetadata: {name: locked, namespace: team-a}\nspec:\n  tiers:\n  - {name: one, backends: [{backendRef: {name: european}}]}\n  - {name: two, backends: [{backendRef: {name: american}}]}\n  health: {consecutiveFailures: 1000, evictFor: 1ms, maxEvictFor: 1ms}",
  "apiVersion: spillway.dev/v1alpha1\nkind: RegionPolicy\nmetadata: {name: europe, namespace: team-a}\nspec:\n  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: route, sectionName: locked}]\n  allow: {jurisdictions: [EU]}",
  "apiVersion: spillway.dev/v1alpha1\nkind: RegionPolicy\nmetadata: {name: personal, namespace: egress-system}\nspec:\n  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: egress}]\n  appliesTo: {namespaces: {matchLabels: {data-class: personal}}}\n  allow: {jurisdictions: [EU]}",
  ...backend({ name: "openai" }),
  ...backend({ name: "anthropic", api: "Anthropic", keyHeader: "x-api-key" }),
  ...backend({ name: "first" }),
  ...backend({ name: "second" }),
  ...backend({ name: "hasty", timeouts: "{firstByte: 150ms, streamIdle: 150ms}" }),
  ...backend({ name: "european", region: "eu-central-1" }),
  ...backend({ name: "american", region: "us-east-1" }),
  ...backend({
    name: "pinned",
    tls: '{mode: ServerOnly, validation: {hostname: pinned.provider.example, caCertificateRefs: [{group: "", kind: ConfigMap, name: ca}]}}',
  }),
].join("\n---\n");

const issuer = createTokenIssuer();
const behaviours = new Map<string, Behaviour>();
/** Everything that leaves the Worker arrives here, by host. */
const world: Behaviour = (seen, response, request) => {
  const host = seen.headers.host ?? "";
  if (host === new URL(JWKS_URI).host) {
    const keys = JSON.stringify(issuer.jwks());
    return void setTimeout(() => response.writeHead(200, { "content-type": "application/json" }).end(keys), 100);
  }
  return (behaviours.get(host.split(".")[0] ?? "") ?? answerWell)(seen, response, request);
};
let provider: Provider;
let bundle: WorkerBundle;
let broker: WorkerBroker;

beforeAll(async () => {
  [provider, bundle] = await Promise.all([startProvider({ behaviour: world }), bundleWorker()]);
  const callers = {
    keys: [
      { sha256: digest(TOKEN), namespace: "team-a", serviceAccount: "assistant" },
      { sha256: digest(OTHER_TOKEN), namespace: "team-b", serviceAccount: "worker" },
    ],
  };
  const names = ["FIRST", "SECOND", "HASTY", "EUROPEAN", "AMERICAN", "PINNED", "ANTHROPIC"];
  broker = await startWorkerBroker({
    bundle,
    manifests: MANIFESTS,
    secrets: { CALLERS: JSON.stringify(callers), ...Object.fromEntries(names.map((name) => [`KEY_OF_${name}`, `key-of-${name.toLowerCase()}`])) },
    stored: { KEY_OF_OPENAI: "key-of-openai" },
    worldPort: provider.port,
  });
});
afterAll(async () => {
  await broker?.stop();
  await provider?.close();
  await bundle?.remove();
});
beforeEach(() => {
  behaviours.clear();
  provider.seen.length = 0;
});

const seenBy = (name: string): readonly SeenRequest[] => provider.seen.filter((seen) => seen.headers.host === `${name}.provider.example`);
const openai = (path = "/openai/v1", apiKey = TOKEN) => new OpenAI({ apiKey, baseURL: `${broker.url}${path}`, maxRetries: 0 });
const anthropic = () => new Anthropic({ apiKey: TOKEN, baseURL: `${broker.url}/anthropic`, maxRetries: 0 });

function chat(path: string, body: object = {}, init: RequestInit = {}): Promise<Response> {
  return fetch(`${broker.url}${path}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "gpt-test", messages, ...body }),
    ...init,
  });
}

async function readChat(client: OpenAI): Promise<string> {
  let text = "";
  for await (const chunk of await client.chat.completions.create({ model: "gpt-test", messages, stream: true })) text += chunk.choices[0]?.delta.content ?? "";
  return text;
}

async function logged(matches: (call: Record<string, unknown>) => boolean): Promise<Record<string, unknown>> {
  for (const until = performance.now() + 20_000; performance.now() < until; await new Promise((settle) => setTimeout(settle, 10))) {
    const found = broker.calls().find(matches);
    if (found !== undefined) return found;
  }
  throw new Error("no such call was logged");
}

describe("the bundle of the Worker", () => {
  it("imports nothing that is not in it, and so nothing of Node", () => {
    expect(bundle.inputs).toContain("src/pipeline.ts");
    expect([...new Set(bundle.imports.filter((path) => !path.endsWith(".bundle")))]).toEqual(["cloudflare:workers"]);
    expect(bundle.code).not.toMatch(/["']node:/);
  });

  it("holds no socket library and no cloud SDK", () => {
    expect(
      bundle.inputs.filter((path) => /node_modules\/(?:undici|@hono\/node-server|@aws-sdk|@google-cloud|@opentelemetry\/(?:sdk-metrics|exporter))/.test(path)),
    ).toEqual([]);
  });

  it("has no YAML reader, no schemas and no RE2: manifests come compiled", () => {
    expect(bundle.inputs.filter((path) => /node_modules\/(?:yaml|zod|re2js)\//.test(path))).toEqual([]);
  });
});

describe("official SDKs through the Worker", () => {
  it("openai: a completion; the provider sees its own key, from the Secrets Store, and host", async () => {
    const { data, response } = await openai().chat.completions.create({ model: "gpt-test", messages }).withResponse();
    expect(data.choices[0]?.message.content).toBe(TEXT);
    expect(response.headers.get("x-egress-backend")).toBe("XBackend/team-a/openai");
    const [seen] = seenBy("openai");
    expect(seen?.url).toBe("/v1/chat/completions");
    expect(seen?.headers.authorization).toBe("Bearer key-of-openai");
    expect(JSON.stringify(seen?.rawHeaders)).not.toContain(TOKEN);
    // Workers cache by URL otherwise, whoever asks.
    expect(seen?.headers["cache-control"]).toBe("no-cache");
    const call = await logged((line) => line["request_id"] === response.headers.get("x-request-id"));
    expect(call).toMatchObject({ outcome: "ok", namespace: "team-a", input_tokens: 11 });
  });

  it("openai: streams, responses, embeddings, models", async () => {
    expect(await readChat(openai())).toBe(TEXT);
    expect((await openai().responses.create({ model: "gpt-test", input: "hi" })).output_text).toBe(TEXT);
    let text = "";
    for await (const event of await openai().responses.create({ model: "gpt-test", input: "hi", stream: true }))
      if (event.type === "response.output_text.delta") text += event.delta;
    expect(text).toBe(TEXT);
    expect((await openai().embeddings.create({ model: "text-embedding-test", input: "hi" })).data[0]?.embedding).toEqual([0.5, -0.5]);
    expect((await openai().models.list()).data[0]?.id).toBe("gpt-test");
  });

  it("anthropic: a message, streamed and not, with the key of a Worker secret", async () => {
    const request = { model: "claude-test", max_tokens: 100, messages };
    expect((await anthropic().messages.create(request)).content[0]).toMatchObject({ text: TEXT });
    expect(await anthropic().messages.stream(request).finalText()).toBe(TEXT);
    expect(seenBy("anthropic").map((seen) => seen.headers["x-api-key"])).toEqual(["key-of-anthropic", "key-of-anthropic"]);
  });

  it("hands events on as they come, not at the end", async () => {
    let release = () => {};
    behaviours.set("openai", (_seen, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" }).write(chatChunk(0, "early"));
      release = () => void response.end("data: [DONE]\n\n");
    });
    const reader = (await chat("/openai", { stream: true })).body?.getReader();
    expect(new TextDecoder().decode((await reader?.read())?.value)).toContain("early");
    release();
    let rest = "";
    for (let read = await reader?.read(); read?.done === false; read = await reader?.read()) rest += new TextDecoder().decode(read.value);
    expect(rest).toContain("[DONE]");
  });
});

describe("who calls", () => {
  it.each([
    ["nobody", {}, 401, "identity_missing"],
    ["a stranger", { authorization: "Bearer nobody-knows-me" }, 401, "identity_rejected"],
  ])("%s is refused, and nothing leaves", async (_who, headers, status, code) => {
    const response = await fetch(`${broker.url}/openai/v1/models`, { headers });
    expect(response.status).toBe(status);
    expect(response.headers.get("x-egress-error")).toBe(code);
    await response.body?.cancel();
    expect(provider.seen).toEqual([]);
  });

  it("the SDK raises its own error", async () => {
    const error = await openai("/openai/v1", "nobody")
      .chat.completions.create({ model: "gpt-test", messages })
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(APIError);
    expect(error).toMatchObject({ status: 401, code: "identity_rejected" });
  });

  it("a service account's token is verified by the issuer's published keys, for many at once, whoever asked for them first and left", async () => {
    const token = issuer.token(issuer.claims(Math.floor(Date.now() / 1000), { sub: "system:serviceaccount:team-a:chat" }));
    const first = rawClient(Number(new URL(broker.url).port), `GET /openai/v1/models HTTP/1.1\r\nhost: egress\r\nx-api-key: ${token}\r\n\r\n`);
    await expect.poll(() => provider.seen.length, { interval: 2 }).toBeGreaterThan(0);
    setTimeout(() => first.socket.resetAndDestroy(), 30);
    const texts = await Promise.all(Array.from({ length: 8 }, () => readChat(openai("/openai/v1", token))));
    expect(new Set(texts)).toEqual(new Set([TEXT]));
    expect((await logged((line) => line["service_account"] === "chat"))["namespace"]).toBe("team-a");
  });
});

describe("failover", () => {
  it.each([503, 429])("goes from a %i to the second tier in the same call", async (status) => {
    behaviours.set("first", fail(status));
    expect(await readChat(openai("/group/v1"))).toBe(TEXT);
    expect([seenBy("first").length, seenBy("second").length]).toEqual([1, 1]);
    expect(seenBy("second")[0]?.headers.authorization).toBe("Bearer key-of-second");
  });

  it("goes on when the connection breaks before an answer, and when the first event is an error", async () => {
    behaviours.set("first", (_seen, _response, request) => void request.socket.destroy());
    expect(await readChat(openai("/group/v1"))).toBe(TEXT);
    behaviours.set(
      "first",
      (_seen, response) => void response.writeHead(200, { "content-type": "text/event-stream" }).end('data: {"error":{"message":"overloaded"}}\n\n'),
    );
    expect(await readChat(openai("/group/v1"))).toBe(TEXT);
    expect(seenBy("second")).toHaveLength(2);
  });

  it("does not send twice what may have been carried out", async () => {
    behaviours.set("first", (_seen, _response, request) => void request.socket.destroy());
    const response = await fetch(`${broker.url}/group/orders`, { method: "POST", headers: { "x-api-key": TOKEN }, body: "one order" });
    expect(response.status).toBe(502);
    expect(await response.text()).toContain("upstream_unavailable");
    expect(seenBy("second")).toEqual([]);
  });

  it("a hung provider costs the first-byte timeout, a silent stream the idle one", async () => {
    behaviours.set("hasty", hang);
    const response = await chat("/hasty");
    expect(response.status).toBe(504);
    expect(await response.text()).toContain("upstream_timeout");
    behaviours.set("hasty", (_seen, answer) => void answer.writeHead(200, { "content-type": "text/event-stream" }).write(chatChunk(0, "then nothing")));
    await expect(readChat(openai("/hasty/v1"))).rejects.toThrow();
  });
});

describe("the region lock", () => {
  it("serves from inside, and is never left by failover", async () => {
    expect((await chat("/locked")).status).toBe(200);
    behaviours.set("european", fail(503));
    const response = await chat("/locked");
    expect(response.status).toBe(503);
    await response.body?.cancel();
    expect(seenBy("american")).toEqual([]);
  });

  it("refuses a caller whose namespace is locked where no backend is known to lie inside", async () => {
    const response = await fetch(`${broker.url}/openai/v1/models`, { headers: { "x-api-key": OTHER_TOKEN } });
    expect([response.status, response.headers.get("x-egress-error")]).toEqual([403, "region_locked"]);
    await response.body?.cancel();
    expect(provider.seen).toEqual([]);
  });
});

describe("answers that break", () => {
  const dies: Behaviour = (_seen, response, request) => {
    response.writeHead(200, { "content-type": "text/event-stream" }).write(chatChunk(0, "Once"));
    setTimeout(() => request.socket.destroy(), 30);
  };

  it("in the middle of a stream: the SDK raises an error, and the error event is the last that it gets", async () => {
    behaviours.set("openai", dies);
    await expect(readChat(openai())).rejects.toThrow();
    const response = await chat("/openai", { stream: true });
    let text = "";
    const reading = (async () => {
      for await (const bytes of response.body ?? []) text += Buffer.from(bytes).toString();
    })();
    await expect(reading).rejects.toThrow();
    expect(text).toMatch(/Once[\s\S]*"upstream_unavailable"/);
    await logged((line) => line["outcome"] === "truncated" && line["request_id"] === response.headers.get("x-request-id"));
  });

  it("by an end without [DONE]: no clean end for the caller either", async () => {
    behaviours.set("openai", (_seen, response) => void response.writeHead(200, { "content-type": "text/event-stream" }).end(chatChunk(0, "Once")));
    await expect(readChat(openai())).rejects.toThrow();
  });

  it("a download that is cut is no whole download", async () => {
    behaviours.set("openai", (_seen, response, request) => {
      response.writeHead(200, { "content-type": "application/octet-stream", "content-length": "1000" }).write("part");
      setTimeout(() => request.socket.destroy(), 30);
    });
    const response = await fetch(`${broker.url}/openai/v1/files/f/content`, { headers: { "x-api-key": TOKEN } });
    await expect(response.arrayBuffer()).rejects.toThrow();
  });
});

describe("what a Worker must not do", () => {
  it("inflate what it hands on", async () => {
    const packed = gzipSync("a picture, packed");
    behaviours.set("openai", (_seen, response) => void response.writeHead(200, { "content-type": "text/plain", "content-encoding": "gzip" }).end(packed));
    const response = await fetch(`${broker.url}/openai/files/1`, { headers: { "x-api-key": TOKEN } });
    expect(response.headers.get("content-encoding")).toBe("gzip");
    expect(await response.text()).toBe("a picture, packed");
  });

  it("ask for a coding that the caller did not ask for", async () => {
    const client = rawClient(
      Number(new URL(broker.url).port),
      `GET /openai/files/1 HTTP/1.1\r\nhost: egress\r\nx-api-key: ${TOKEN}\r\nconnection: close\r\n\r\n`,
    );
    expect(await client.closed).toContain("echo GET /files/1");
    expect(seenBy("openai")[0]?.headers["accept-encoding"]).toBe("identity");
  });

  it("let the provider write on when the caller has left", async () => {
    let closed: Promise<number> | null = null;
    behaviours.set("openai", (seen, response) => {
      closed = seen.closed;
      response.writeHead(200, { "content-type": "text/event-stream" });
      const timer = setInterval(() => response.write(chatChunk(0, "more ")), 20);
      response.once("close", () => clearInterval(timer));
    });
    const leave = async () => {
      const leaving = new AbortController();
      const response = await chat("/openai", { stream: true }, { signal: leaving.signal });
      await response.body?.getReader().read();
      const left = performance.now();
      leaving.abort();
      return ((await closed) ?? Number.POSITIVE_INFINITY) - left;
    };
    expect(await leastOf(1_000, leave, 5)).toBeLessThan(1_000);
    await logged((line) => line["outcome"] === "caller_gone");
  });

  it("keep asking a provider that has not answered yet", async () => {
    behaviours.set("openai", hang);
    const body = JSON.stringify({ model: "gpt-test", messages });
    const { port } = new URL(broker.url);
    const head = `POST /openai/v1/chat/completions HTTP/1.1\r\nhost: egress\r\nx-api-key: ${TOKEN}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}`;
    const leave = async () => {
      const before = seenBy("openai").length;
      const client = rawClient(Number(port), `${head}\r\n\r\n${body}`);
      await expect.poll(() => seenBy("openai").length, { interval: 5 }).toBe(before + 1);
      const left = performance.now();
      // A workerd of one's own takes a mere FIN for a caller that still listens; Cloudflare's edge tells of both.
      client.socket.resetAndDestroy();
      return ((await seenBy("openai").at(-1)?.closed) ?? Number.POSITIVE_INFINITY) - left;
    };
    expect(await leastOf(1_000, leave, 5)).toBeLessThan(1_000);
  });

  it("read an endless answer ahead of a caller that does not read", async () => {
    let written = 0;
    behaviours.set("openai", (_seen, response) => {
      response.writeHead(200, { "content-type": "application/octet-stream" });
      const block = Buffer.alloc(65_536);
      const pump = (): void => {
        while (written < 200_000_000 && !response.destroyed) {
          written += block.length;
          if (!response.write(block)) return void response.once("drain", pump);
        }
      };
      pump();
    });
    const leaving = new AbortController();
    await fetch(`${broker.url}/openai/files/endless`, { headers: { "x-api-key": TOKEN }, signal: leaving.signal });
    for (let last = -1; last !== written; await new Promise((settle) => setTimeout(settle, 150))) last = written;
    leaving.abort();
    expect(written).toBeGreaterThan(0);
    expect(written).toBeLessThan(50_000_000);
  });

  it("honour silently less than the manifest asks: a CA of its own is refused with the reason", async () => {
    const response = await chat("/refused");
    expect(response.status).toBe(500);
    expect(response.headers.get("x-egress-error")).toBe("backend_invalid");
    await response.body?.cancel();
    expect(broker.stderr()).toMatch(/pinned.*tls\.validation\.caCertificateRefs needs custom-ca, which workers does not have/);
    expect(seenBy("pinned")).toEqual([]);
  });

  it("send a Host that the platform would replace: such a rule is refused", async () => {
    const response = await chat("/renamed");
    expect([response.status, response.headers.get("x-egress-error")]).toEqual([500, "route_rejected"]);
    await response.body?.cancel();
    expect(provider.seen).toEqual([]);
  });

  it("tell a prompt, a key or a token", () => {
    const told = broker.stdout() + broker.stderr();
    expect(told.length).toBeGreaterThan(1_000);
    for (const canary of ["canary-prompt", "key-of-", TOKEN]) expect(told).not.toContain(canary);
  });
});

describe("much at once", () => {
  it("a hundred streams, each whole and its own", async () => {
    behaviours.set("openai", (seen, response) => {
      const { user } = JSON.parse(seen.body) as { user: string }; // what the calls below send
      response.writeHead(200, { "content-type": "text/event-stream" });
      let sent = 0;
      const timer = setInterval(() => {
        response.write(chatChunk(sent, `${user}-${sent} `));
        sent += 1;
        if (sent < 5) return;
        clearInterval(timer);
        response.end("data: [DONE]\n\n");
      }, 10);
    });
    const texts = await Promise.all(
      Array.from({ length: 100 }, async (_, index) => {
        let text = "";
        const stream = await openai().chat.completions.create({ model: "gpt-test", messages, stream: true, user: `caller-${index}` });
        for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
        return text;
      }),
    );
    for (const [index, text] of texts.entries()) expect(text).toBe(Array.from({ length: 5 }, (_, part) => `caller-${index}-${part} `).join(""));
    expect(seenBy("openai")).toHaveLength(100);
  });

  it("a prompt of 200 KB arrives as it is, and an answer of 1 MB comes back as it is", async () => {
    const prompt = "ünïcödé ".repeat(20_000);
    const answer = "✓ words ".repeat(110_000);
    behaviours.set("openai", (seen, response) => {
      const sent = JSON.parse(seen.body) as { messages: { content: string }[] }; // what the call below sends
      const choice = { index: 0, finish_reason: "stop", message: { role: "assistant", content: sent.messages[0]?.content === prompt ? answer : "damaged" } };
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ id: "1", object: "chat.completion", choices: [choice] }));
    });
    const { choices } = await openai().chat.completions.create({ model: "gpt-test", messages: [{ role: "user", content: prompt }] });
    expect(choices[0]?.message.content === answer).toBe(true);
  });

  it("a download of 1 MB and bytes of every value", async () => {
    const bytes = Buffer.from(Array.from({ length: 1_048_576 }, (_, index) => (index * 31 + (index >> 8)) % 256));
    behaviours.set("openai", (_seen, response) => void response.writeHead(200, { "content-type": "application/octet-stream" }).end(bytes));
    const response = await fetch(`${broker.url}/openai/v1/files/f/content`, { headers: { "x-api-key": TOKEN } });
    expect(bytes.equals(Buffer.from(await response.arrayBuffer()))).toBe(true);
  });
});

describe("bodies and pages", () => {
  it("an upload passes, with its length and without", async () => {
    const headers = { "x-api-key": TOKEN, "content-type": "application/octet-stream" };
    const whole = await fetch(`${broker.url}/openai/v1/files`, { method: "POST", headers, body: new Uint8Array(300_000).fill(65) });
    expect(whole.headers.get("x-echo-length")).toBe("300000");
    const parts = new ReadableStream({
      start(controller) {
        for (let i = 0; i < 10; i += 1) controller.enqueue(new Uint8Array(30_000).fill(66));
        controller.close();
      },
    });
    const streamed = await fetch(`${broker.url}/openai/v1/files`, { method: "POST", headers, body: parts, duplex: "half" });
    expect(streamed.headers.get("x-echo-length")).toBe("300000");
    expect(seenBy("openai").map((seen) => seen.headers["content-length"])).toEqual(["300000", undefined]);
  });

  it("an upload is sent again to the second tier", async () => {
    behaviours.set("first", fail(503));
    const response = await fetch(`${broker.url}/group/files`, {
      method: "PUT",
      headers: { "x-api-key": TOKEN, "content-type": "application/octet-stream" },
      body: new Uint8Array(100_000).fill(65),
    });
    expect(response.headers.get("x-echo-length")).toBe("100000");
    expect(seenBy("second")).toHaveLength(1);
  });

  it("HEAD and 204 have no body", async () => {
    behaviours.set("openai", (seen, response) => void response.writeHead(seen.method === "HEAD" ? 200 : 204, { "x-here": "yes" }).end());
    for (const [method, status] of [
      ["HEAD", 200],
      ["DELETE", 204],
    ] as const) {
      const response = await fetch(`${broker.url}/openai/files/1`, { method, headers: { "x-api-key": TOKEN } });
      expect([response.status, response.headers.get("x-here"), await response.text()]).toEqual([status, "yes", ""]);
    }
  });

  it("says that it is ready, and keeps its status for operators", async () => {
    expect(await (await fetch(`${broker.url}/-/readyz`)).text()).toBe("ready\n");
    expect((await fetch(`${broker.url}/-/status`, { headers: { "x-api-key": TOKEN } })).status).toBe(401);
  });
});

describe("the manifests of the bundle, in an isolate of their own", () => {
  let fresh: WorkerBroker;
  beforeAll(async () => {
    const callers = { keys: [{ sha256: digest(TOKEN), namespace: "team-a", serviceAccount: "assistant" }] };
    const secrets = { SPILLWAY_CALLERS: JSON.stringify(callers), OPENAI_API_KEY: "key-of-the-account" };
    fresh = await startWorkerBroker({ bundle, manifests: null, secrets, worldPort: provider.port });
  });
  afterAll(() => fresh?.stop());

  it("serve many first calls at once, each with the account's key", async () => {
    const client = new OpenAI({ apiKey: TOKEN, baseURL: `${fresh.url}/v1`, maxRetries: 0 });
    const texts = await Promise.all(Array.from({ length: 20 }, () => readChat(client)));
    expect(new Set(texts)).toEqual(new Set([TEXT]));
    const seen = provider.seen.map(({ headers }) => `${headers.host} ${headers.authorization}`);
    expect(new Set(seen)).toEqual(new Set(["api.openai.com Bearer key-of-the-account"]));
    expect(fresh.stderr()).toBe("");
  });

  it("hand a redirect back, and follow none", async () => {
    behaviours.set("api", (_seen, response) => void response.writeHead(302, { location: "https://elsewhere.provider.example/" }).end());
    const response = await fetch(`${fresh.url}/v1/files`, { headers: { "x-api-key": TOKEN }, redirect: "manual" });
    expect([response.status, response.headers.get("location")]).toEqual([302, "https://elsewhere.provider.example/"]);
    await response.body?.cancel();
    expect(provider.seen).toHaveLength(1);
  });
});
