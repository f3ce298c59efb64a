import { createServer } from "node:net";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI, { APIError } from "openai";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type LambdaProcess, startLambda } from "../fakes/lambda-runtime.ts";
import { leastTime } from "../fakes/least-time.ts";
import { CALLER_TOKEN, OTHER_TOKEN, testManifests } from "../fakes/manifests.ts";
import { answerWell, chatChunk, fail, hang, type Provider, startProvider, WORDS } from "../fakes/provider.ts";

const KEY = "sk-real-provider-key-of-the-test";
const TEXT = WORDS.join("");
const ROLE = "arn:aws:sts::123456789012:assumed-role/assistant/session-1";
const messages = [{ role: "user" as const, content: "Tell me a canary-prompt" }];
const backend = (name: string) => `{group: gateway.networking.x-k8s.io, kind: XBackend, name: ${name}}`;
const rule = (prefix: string, target: string, more = "") =>
  `  - name: ${prefix.slice(1)}\n    matches: [{path: {type: PathPrefix, value: ${prefix}}}]\n    filters: [{type: URLRewrite, urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /}}}${more}]\n    backendRefs: [${target}]`;

let provider: Provider;
let second: Provider;
let lambda: LambdaProcess;
let manifests: string;

beforeAll(async () => {
  [provider, second] = await Promise.all([startProvider(), startProvider()]);
  const refusing = await freePort();
  manifests = testManifests({
    backends: [
      { name: "openai", port: provider.port, key: KEY, api: "OpenAI", region: "eu-central-1" },
      { name: "anthropic", port: provider.port, key: KEY, keyHeader: "x-api-key", api: "Anthropic" },
      { name: "second", port: second.port, api: "OpenAI", region: "us-east-1" },
      { name: "refusing", port: refusing, api: "OpenAI" },
      { name: "plain", port: provider.port },
    ],
    group: ["openai", "second"],
    groupSpec: "  health: {consecutiveFailures: 1000, evictFor: 1ms, maxEvictFor: 1ms}",
    rules: [
      rule("/openai", backend("openai")),
      rule("/anthropic", backend("anthropic")),
      rule("/group", "{group: spillway.dev, kind: BackendGroup, name: group}"),
      rule("/refusing", backend("refusing")),
      rule(
        "/plain",
        backend("plain"),
        ", {type: ResponseHeaderModifier, responseHeaderModifier: {add: [{name: set-cookie, value: a=1}, {name: x-one, value: one}]}}",
      ),
      rule("/home", backend("openai")),
      rule("/away", backend("openai")),
    ].join("\n"),
    more: [region("home", "eu-central-1"), region("away", "eu-west-1")].join("\n---\n"),
  }).replace("identity: {", `identity: {principals: [{type: AWSIAM, name: "${ROLE.replace("session-1", "*")}", namespace: team-a, serviceAccount: by-role}], `);
  lambda = await startLambda({ manifests, timeoutMs: 3_000 });
});
afterAll(async () => {
  await lambda?.stop();
  await Promise.all([provider?.close(), second?.close()]);
});
beforeEach(() => {
  for (const one of [provider, second]) {
    one.behave(answerWell);
    one.seen.length = 0;
  }
});

function region(name: string, allowed: string): string {
  return `apiVersion: spillway.dev/v1alpha1\nkind: RegionPolicy\nmetadata: {name: ${name}, namespace: team-a}\nspec:\n  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: route, sectionName: ${name}}]\n  allow: {regions: [eu-central-1, ${allowed}]}\n  also: {brokerRegion: true}`;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((settle) => server.listen(0, "127.0.0.1", settle));
  const address = server.address();
  await new Promise<void>((settle) => server.close(() => settle()));
  return typeof address === "object" && address !== null ? address.port : 0;
}

const openai = (path = "/openai/v1", apiKey = CALLER_TOKEN) => new OpenAI({ apiKey, baseURL: `${lambda.url}${path}`, maxRetries: 0 });
const anthropic = () => new Anthropic({ apiKey: CALLER_TOKEN, baseURL: `${lambda.url}/anthropic`, maxRetries: 0 });
const bearer = { authorization: `Bearer ${CALLER_TOKEN}` };

async function readChat(client: OpenAI): Promise<string> {
  let text = "";
  for await (const chunk of await client.chat.completions.create({ model: "gpt-test", messages, stream: true })) text += chunk.choices[0]?.delta.content ?? "";
  return text;
}

describe("official SDKs through a function URL", () => {
  it("openai: a completion; the provider sees its own key and host, and nothing of the front door", async () => {
    const { data, response } = await openai().chat.completions.create({ model: "gpt-test", messages }).withResponse();
    expect(data.choices[0]?.message.content).toBe(TEXT);
    expect(response.headers.get("x-egress-backend")).toBe("XBackend/team-a/openai");
    const [seen] = provider.seen;
    expect(seen?.headers.authorization).toBe(`Bearer ${KEY}`);
    expect(seen?.headers.host).toMatch(/^openai\.provider\.example/);
    expect(JSON.stringify(seen?.rawHeaders)).not.toContain(CALLER_TOKEN);
    expect(Object.keys(seen?.headers ?? {}).filter((name) => /^x-(?:amzn|forwarded)-/.test(name))).toEqual([]);
    const line = await lambda.call((call) => call["request_id"] === response.headers.get("x-request-id"));
    expect(line).toMatchObject({ outcome: "ok", namespace: "team-a", input_tokens: 11 });
  });

  it("openai and anthropic: streams", async () => {
    expect(await readChat(openai())).toBe(TEXT);
    let text = "";
    const stream = anthropic().messages.stream({ model: "claude-test", max_tokens: 100, messages });
    for await (const event of stream) if (event.type === "content_block_delta" && event.delta.type === "text_delta") text += event.delta.text;
    expect(text).toBe(TEXT);
    expect((await anthropic().messages.create({ model: "claude-test", max_tokens: 100, messages })).content[0]).toMatchObject({ text: TEXT });
  });

  it("hands on each chunk when it comes", async () => {
    const arrived: string[] = [];
    let next = (): void => {};
    provider.behave((_seen, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      let index = 0;
      // The next chunk is sent when the caller has told that it has the one before.
      next = () => {
        if (index < WORDS.length) response.write(chatChunk(index, WORDS[index] ?? ""));
        else response.end("data: [DONE]\n\n");
        index += 1;
      };
      next();
    });
    for await (const chunk of await openai().chat.completions.create({ model: "gpt-test", messages, stream: true })) {
      arrived.push(chunk.choices[0]?.delta.content ?? "");
      next();
    }
    expect(arrived).toEqual(WORDS);
  });

  it("fails over, and a refused connection is the broker's own error", async () => {
    provider.behave(fail(503));
    expect(await readChat(openai("/group/v1"))).toBe(TEXT);
    expect([provider.seen.length, second.seen.length]).toEqual([1, 1]);
    const refused = await readChat(openai("/refusing/v1")).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(APIError);
    expect(refused).toMatchObject({ status: 502, code: "upstream_unavailable" });
  });
});

describe("callers", () => {
  it("without a credential or with a wrong one are refused", async () => {
    expect((await fetch(`${lambda.url}/openai/v1/models`)).status).toBe(401);
    const wrong = await openai("/openai/v1", "wrong-token")
      .models.list()
      .catch((error: unknown) => error);
    expect(wrong).toMatchObject({ status: 401, code: "identity_rejected" });
    expect(provider.seen).toEqual([]);
  });

  it("whom IAM has authenticated need no other credential, and their signature ends here", async () => {
    const byRole = await startLambda({ manifests, principal: ROLE });
    try {
      const signed = {
        authorization: "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261123/eu-central-1/lambda/aws4_request, SignedHeaders=host, Signature=00",
        "x-amz-date": "20261123T000000Z",
        "x-amz-security-token": "session-token",
        "x-amz-content-sha256": "00",
      };
      const answer = await fetch(`${byRole.url}/plain/things?b=2&X-Amz-Signature=00&X-Amz-Security-Token=session-token&a=1`, { headers: signed });
      expect(await answer.text()).toBe("echo GET /things?b=2&a=1");
      expect(JSON.stringify(provider.seen[0]?.rawHeaders)).not.toMatch(/AWS4|session-token|x-amz/i);
      expect(await byRole.call((call) => call["outcome"] === "ok")).toMatchObject({ namespace: "team-a", service_account: "by-role" });
      // A credential that is shown counts alone.
      expect((await fetch(`${byRole.url}/plain/things`, { headers: { "x-api-key": "wrong" } })).status).toBe(401);
      const other = await fetch(`${byRole.url}/plain/things`, { headers: { ...signed, "x-api-key": OTHER_TOKEN } });
      expect(other.status).toBe(200);
    } finally {
      await byRole.stop();
    }
  });

  it("are locked into the region in which the function runs", async () => {
    expect((await openai("/home/v1").models.list()).data).toHaveLength(1);
    const abroad = await startLambda({ manifests, env: { AWS_REGION: "us-east-1" } });
    try {
      const refused = await fetch(`${abroad.url}/home/v1/models`, { headers: bearer });
      expect([refused.status, refused.headers.get("x-egress-error")]).toEqual([403, "region_locked"]);
    } finally {
      await abroad.stop();
    }
  });
});

describe("bodies and heads", () => {
  it("a request of 200 KB and an answer of 1 MB arrive as they are", async () => {
    const big = Buffer.alloc(1024 * 1024, 0);
    for (let i = 0; i < big.length; i += 1) big[i] = (i * 31 + (i >> 8)) % 256;
    provider.behave((_seen, response) => void response.writeHead(200, { "content-type": "application/octet-stream" }).end(big));
    const sent = `${JSON.stringify({ text: "ü".repeat(100_000) })}`;
    const answer = await fetch(`${lambda.url}/plain/big`, { method: "POST", headers: { ...bearer, "content-type": "application/json" }, body: sent });
    expect(Buffer.from(await answer.arrayBuffer()).equals(big)).toBe(true);
    expect(provider.seen[0]?.body).toBe(sent);
  });

  it("binary requests arrive as they are", async () => {
    const bytes = Buffer.from([0, 255, 254, 128, 10, 13, 0, 195, 40]);
    provider.behave((_seen, response, request) => {
      response.writeHead(200, { "content-type": "image/png", "x-length": request.headers["content-length"] ?? "" }).end(bytes);
    });
    const answer = await fetch(`${lambda.url}/plain/image`, { method: "PUT", headers: { ...bearer, "content-type": "image/png" }, body: bytes });
    expect(Buffer.from(await answer.arrayBuffer()).equals(bytes)).toBe(true);
    expect(answer.headers.get("x-length")).toBe(`${bytes.length}`);
    expect(answer.headers.get("content-type")).toBe("image/png");
  });

  it("cookies stay apart, other repeated headers are joined, and no framing of the destination's goes on", async () => {
    provider.behave((_seen, response) => void response.writeHead(200, ["x-one", "zero", "x-two", "1", "x-two", "2", "content-length", "2"]).end("ok"));
    const answer = await fetch(`${lambda.url}/plain/cookies`, { headers: bearer });
    expect(await answer.text()).toBe("ok");
    expect(answer.headers.getSetCookie()).toEqual(["a=1"]);
    expect([answer.headers.get("x-one"), answer.headers.get("x-two")]).toEqual(["zero,one", "1, 2"]);
    expect([answer.headers.get("content-length"), answer.headers.get("transfer-encoding")]).toEqual([null, "chunked"]);
  });

  it("answers without a body have a head: HEAD, 204, 304, an empty 200", async () => {
    for (const [method, status] of [
      ["HEAD", 200],
      ["GET", 204],
      ["GET", 304],
      ["GET", 200],
    ] as const) {
      provider.behave((_seen, response) => void response.writeHead(status, { "x-head": "yes" }).end());
      const answer = await fetch(`${lambda.url}/plain/empty`, { method, headers: bearer });
      expect([answer.status, answer.headers.get("x-head"), await answer.text()]).toEqual([status, "yes", ""]);
    }
  });

  it("path and query go on as they came", async () => {
    const answer = await fetch(`${lambda.url}/plain/a%2Fb/%C3%BC;v=1?x=%2F&y=a+b&x=2&flag`, { headers: bearer });
    expect(await answer.text()).toBe("echo GET /a%2Fb/%C3%BC;v=1?x=%2F&y=a+b&x=2&flag");
  });

  it("the broker's own pages answer", async () => {
    expect(await (await fetch(`${lambda.url}/-/readyz`)).text()).toBe("ready\n");
    expect((await fetch(`${lambda.url}/-/status`)).status).toBe(401);
  });
});

describe("what breaks", () => {
  it("an upstream that dies in mid-stream is noticed by the SDK, and the environment serves on", async () => {
    provider.behave((_seen, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(chatChunk(0, "Once"), () => setTimeout(() => response.destroy(), 20));
    });
    await expect(readChat(openai())).rejects.toThrow();
    const call = await lambda.call((line) => line["outcome"] === "truncated");
    expect(call).toMatchObject({ streaming: true });
    provider.behave(answerWell);
    expect(await readChat(openai())).toBe(TEXT);
    expect(lambda.environments()).toBe(1);
  });

  it("an answer of known length that breaks off is cut, never ended", async () => {
    provider.behave((_seen, response) => {
      response.writeHead(200, { "content-type": "application/octet-stream", "content-length": "1000" });
      response.write("half", () => setTimeout(() => response.destroy(), 20));
    });
    const answer = await fetch(`${lambda.url}/plain/half`, { headers: bearer });
    await expect(answer.text()).rejects.toThrow();
    expect(lambda.environments()).toBe(1);
  });

  it("a stream whose end marker never came is cut after the dialect's error event", async () => {
    provider.behave((_seen, response) => void response.writeHead(200, { "content-type": "text/event-stream" }).end(chatChunk(0, "Once")));
    const answer = await fetch(`${lambda.url}/openai/v1/chat/completions`, {
      method: "POST",
      headers: { ...bearer, "content-type": "application/json" },
      body: JSON.stringify({ model: "gpt-test", messages, stream: true }),
    });
    const seen: string[] = [];
    const decoder = new TextDecoder();
    await expect(
      (async () => {
        for await (const part of answer.body ?? []) seen.push(decoder.decode(part, { stream: true }));
      })(),
    ).rejects.toThrow();
    expect(seen.join("")).toContain("Once");
    expect(seen.join("")).toContain("upstream_unavailable");
  });

  it("a provider that hangs is answered with 504 before Lambda would end the environment", async () => {
    provider.behave(hang);
    const late = await openai()
      .chat.completions.create({ model: "gpt-test", messages })
      .catch((error: unknown) => error);
    expect(late).toMatchObject({ status: 504, code: "upstream_timeout" });
    provider.behave(answerWell);
    expect(await readChat(openai())).toBe(TEXT);
    expect(lambda.environments()).toBe(1);
  });

  it("a stream that outlasts the function is cut before Lambda would", async () => {
    provider.behave((_seen, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      const timer = setInterval(() => response.write(chatChunk(0, "on")), 100);
      response.on("close", () => clearInterval(timer));
    });
    await expect(readChat(openai())).rejects.toThrow();
    provider.behave(answerWell);
    expect(await readChat(openai())).toBe(TEXT);
    expect(lambda.environments()).toBe(1);
  });

  it("a caller that leaves takes nobody with it: Lambda does not tell, and the answer is read to its end", async () => {
    const leave = new AbortController();
    provider.behave((_seen, response) => {
      response.writeHead(200, { "content-type": "text/plain" });
      response.write("first");
      leave.signal.addEventListener("abort", () => setTimeout(() => response.end("x".repeat(200_000)), 50));
    });
    const answer = await fetch(`${lambda.url}/plain/leave`, { headers: bearer, signal: leave.signal });
    await answer.body?.getReader().read();
    leave.abort();
    const call = await lambda.call((line) => line["path"] === "/plain/leave" || line["response_bytes"] === 200_005);
    expect(call).toMatchObject({ outcome: "ok" });
    provider.behave(answerWell);
    expect(await readChat(openai())).toBe(TEXT);
    expect(lambda.environments()).toBe(1);
  });

  it("a connection to the Runtime API that breaks cancels the upstream, and the environment serves on", async () => {
    const cut = await startLambda({ manifests, cutWhenCallerLeaves: true });
    try {
      const leave = new AbortController();
      provider.behave((_seen, response) => {
        response.writeHead(200, { "content-type": "text/plain" });
        response.write("first");
      });
      const answer = await fetch(`${cut.url}/plain/leave`, { headers: bearer, signal: leave.signal });
      await answer.body?.getReader().read();
      leave.abort();
      await provider.seen[0]?.closed;
      expect(await cut.call((line) => line["outcome"] === "caller_gone")).toMatchObject({ response_bytes: 5 });
      provider.behave(answerWell);
      expect(await (await fetch(`${cut.url}/plain/next`, { headers: bearer })).text()).toBe("echo GET /next");
      expect(cut.environments()).toBe(1);
    } finally {
      await cut.stop();
    }
  });
});

describe("many calls", () => {
  it("100 streams, one after the other", async () => {
    const texts = await Promise.all(Array.from({ length: 100 }, () => readChat(openai())));
    expect(texts.every((text) => text === TEXT)).toBe(true);
    expect(lambda.environments()).toBe(1);
  });

  it("100 streams at once in one environment, as Managed Instances have it", async () => {
    const parallel = await startLambda({ manifests, concurrency: 100 });
    try {
      const client = new OpenAI({ apiKey: CALLER_TOKEN, baseURL: `${parallel.url}/openai/v1`, maxRetries: 0 });
      const texts = await Promise.all(Array.from({ length: 100 }, () => readChat(client)));
      expect(texts.every((text) => text === TEXT)).toBe(true);
      provider.behave(async (seen, response, request) => {
        if (seen.url.endsWith("/slow")) setTimeout(() => response.end("slow"), 300);
        else await answerWell(seen, response, request);
      });
      const tenAtOnce = () => Promise.all(Array.from({ length: 10 }, async () => (await fetch(`${parallel.url}/plain/slow`, { headers: bearer })).text()));
      expect(await leastTime(1_500, tenAtOnce, 5)).toBeLessThan(1_500);
      // A stream that goes on holds up nobody, although the runtime client has one connection for all answers.
      let finish = (): void => {};
      provider.behave((seen, response) => {
        if (!seen.url.endsWith("/long")) return void response.end("short");
        response.write("first");
        finish = () => response.end("last");
      });
      const long = await fetch(`${parallel.url}/plain/long`, { headers: bearer });
      expect(await (await fetch(`${parallel.url}/plain/short`, { headers: bearer })).text()).toBe("short");
      finish();
      expect(await long.text()).toBe("firstlast");
      expect(parallel.environments()).toBe(1);
    } finally {
      await parallel.stop();
    }
  });
});
