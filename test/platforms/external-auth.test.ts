import { request as httpRequest } from "node:http";
import OpenAI from "openai";
import { afterEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { CALLER_TOKEN, OTHER_TOKEN, type TestManifests } from "../fakes/manifests.ts";
import { type Behaviour, type Provider, startProvider } from "../fakes/provider.ts";
import { type SocketBroker, startSocketBroker } from "../fakes/socket-broker.ts";

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

const yes: Behaviour = (_seen, response) => void response.writeHead(200, { "x-user": "ada", "x-extra": "1", "content-type": "text/html" }).end("fine");
const no =
  (status: number, headers: Record<string, string> = {}): Behaviour =>
  (_seen, response) =>
    void response.writeHead(status, headers).end("the reason, which is for the log of the authorization server");

interface World {
  readonly broker: SocketBroker;
  readonly auth: Provider;
  readonly provider: Provider;
}

interface WorldOptions {
  /** Members of `externalAuth` beside protocol and backendRef, as YAML flow without braces. */
  readonly filter?: string;
  readonly behaviour?: Behaviour;
  readonly rule?: string;
  readonly manifests?: Partial<TestManifests>;
  /** The port of another server, where nobody listens. */
  readonly authPort?: number;
  readonly authTimeouts?: string;
  readonly authRegion?: string;
}

async function start(options: WorldOptions = {}): Promise<World> {
  const auth = await startProvider({ behaviour: options.behaviour ?? yes });
  const provider = await startProvider({ behaviour: (seen, response) => void response.end(`${seen.method} ${seen.url} ${seen.body.length}`) });
  cleanUp.push(auth.close, provider.close);
  const filter = `{type: ExternalAuth, externalAuth: {protocol: HTTP, backendRef: {group: gateway.networking.x-k8s.io, kind: XBackend, name: auth}, ${options.filter ?? "http: {}"}}}`;
  const broker = await startSocketBroker({
    backends: [
      { name: "one", port: provider.port, key: "sk-of-the-broker", region: "eu-central-1" },
      {
        name: "auth",
        port: options.authPort ?? auth.port,
        region: options.authRegion ?? "eu-central-1",
        ...(options.authTimeouts === undefined ? {} : { timeouts: options.authTimeouts }),
      },
    ],
    rule: options.rule ?? `    filters: [${filter}]\n`,
    ...options.manifests,
  });
  cleanUp.push(broker.stop);
  return { broker, auth, provider };
}

const call = (world: World, path = "/v1/things?a=1", init: RequestInit & { readonly headers?: Record<string, string> } = {}) =>
  fetch(`http://127.0.0.1:${world.broker.port}${path}`, { ...init, headers: { authorization: `Bearer ${CALLER_TOKEN}`, ...init.headers } });

describe("an authorization server", () => {
  it("is asked before anything is sent, and its 200 lets the call pass, with its headers", async () => {
    const world = await start();
    const answer = await call(world, "/v1/things?a=1", { method: "POST", body: "hello", headers: { "x-own": "kept", "content-type": "text/plain" } });
    expect(answer.status).toBe(200);
    expect(await answer.text()).toBe("POST /v1/things?a=1 5");
    const [question] = world.auth.seen;
    expect(question).toMatchObject({ method: "POST", url: "/v1/things?a=1", body: "" });
    expect(question?.headers).toMatchObject({
      "content-length": "0",
      "x-egress-namespace": "team-a",
      "x-egress-service-account": "assistant",
      "x-egress-workload": "assistant-0",
    });
    // Nothing of the caller that the filter does not allow, and nothing that could call in its name.
    expect(JSON.stringify(question?.rawHeaders)).not.toContain(CALLER_TOKEN);
    expect(question?.headers["x-own"]).toBeUndefined();
    expect(question?.headers["content-type"]).toBeUndefined();
    const [sent] = world.provider.seen;
    expect(sent?.headers).toMatchObject({
      "x-user": "ada",
      "x-extra": "1",
      "x-own": "kept",
      "content-type": "text/plain",
      authorization: "Bearer sk-of-the-broker",
    });
    const line = await world.broker.line(0);
    expect(line).toMatchObject({ outcome: "ok", status: 200, auth_callout: { backend: "XBackend/team-a/auth", status: 200, outcome: "answer" } });
    expect(line["attempts"]).toHaveLength(1);
  });

  it("is asked for every call anew", async () => {
    const world = await start();
    for (let count = 0; count < 3; count += 1) await call(world);
    expect(world.auth.seen).toHaveLength(3);
  });

  it("sees what the filter allows, at the path that the filter says, and only what it may give is copied", async () => {
    const world = await start({ filter: "http: {path: /check/, allowedHeaders: [X-Tenant, Cookie, Authorization], allowedResponseHeaders: [X-User]}" });
    await call(world, "/v1/things?a=1", { headers: { "x-tenant": "t1", "x-other": "no", cookie: "a=b" } });
    const [question] = world.auth.seen;
    expect(question?.url).toBe("/check/v1/things?a=1");
    // The route is of the caller's own namespace, so its author may ask for the token.
    expect(question?.headers).toMatchObject({ "x-tenant": "t1", cookie: "a=b", authorization: `Bearer ${CALLER_TOKEN}` });
    expect(question?.headers["x-other"]).toBeUndefined();
    const [sent] = world.provider.seen;
    expect(sent?.headers["x-user"]).toBe("ada");
    expect(sent?.headers["x-extra"]).toBeUndefined();
  });

  it("of another namespace's route does not get the token, even where the filter asks for it", async () => {
    const world = await start({ filter: "http: {allowedHeaders: [Authorization, x-api-key]}" });
    await call(world, "/", { headers: { authorization: `Bearer ${OTHER_TOKEN}`, "x-api-key": OTHER_TOKEN } });
    expect(world.auth.seen[0]?.headers["x-egress-namespace"]).toBe("team-b");
    expect(JSON.stringify(world.auth.seen[0]?.rawHeaders)).not.toContain(OTHER_TOKEN);
  });

  it("gets an Authorization that is not the broker's token always, as the standard says", async () => {
    const world = await start();
    await call(world, "/", { headers: { authorization: "Bearer of-somebody-else", "x-api-key": CALLER_TOKEN } });
    expect(world.auth.seen[0]?.headers.authorization).toBe("Bearer of-somebody-else");
    expect(JSON.stringify(world.auth.seen[0]?.rawHeaders)).not.toContain(CALLER_TOKEN);
  });

  it("cannot set what frames the call, names its destination or speaks for the broker", async () => {
    const world = await start({
      behaviour: (_seen, response) =>
        void response
          .writeHead(200, {
            "transfer-encoding": "chunked",
            "content-encoding": "gzip",
            "x-egress-backend": "lie",
            "x-gateway-model-name": "lie",
            via: "1.1 lie",
            "set-cookie": "a=b",
            "x-good": "1",
          })
          .end(),
    });
    await call(world, "/", { method: "POST", body: "four" });
    const [sent] = world.provider.seen;
    expect(sent?.headers["content-length"]).toBe("4");
    for (const name of ["transfer-encoding", "content-encoding", "x-egress-backend", "x-gateway-model-name", "set-cookie", "cookie"])
      expect(sent?.headers[name]).toBeUndefined();
    expect(sent?.headers.via).not.toContain("lie");
    expect(sent?.headers["x-good"]).toBe("1");
  });
});

describe("a no", () => {
  it.each([
    [401, 401],
    [403, 403],
    [404, 404],
    [429, 429],
    [201, 403],
    [204, 403],
    [302, 403],
  ])("of %i goes to the caller as %i, and nothing is sent", async (said, told) => {
    const world = await start({
      behaviour: no(said, { "www-authenticate": 'Basic realm="inner"', "retry-after": "7", location: "http://elsewhere/", "x-secret": "inner" }),
    });
    const answer = await call(world, "/", { redirect: "manual" });
    expect(answer.status).toBe(told);
    expect(answer.headers.get("x-egress-error")).toBe("access_denied");
    expect(answer.headers.get("www-authenticate")).toBe('Basic realm="inner"');
    expect(answer.headers.get("retry-after")).toBe("7");
    expect(answer.headers.get("location")).toBeNull();
    expect(answer.headers.get("x-secret")).toBeNull();
    expect(await answer.text()).not.toContain("the reason");
    expect(world.provider.seen).toHaveLength(0);
    expect(await world.broker.line(0)).toMatchObject({ refusal: "access_denied", outcome: "refused", auth_callout: { status: said } });
    expect(world.broker.events.map((event) => event.type)).toContain("egress.denied");
  });

  it("is spoken in the words of the API that was called", async () => {
    const world = await start({ behaviour: no(403) });
    const client = new OpenAI({ apiKey: CALLER_TOKEN, baseURL: `http://127.0.0.1:${world.broker.port}/v1`, maxRetries: 0 });
    await expect(client.chat.completions.create({ model: "m", messages: [] })).rejects.toMatchObject({ status: 403, code: "access_denied" });
  });

  it.each<[string, WorldOptions]>([
    ["an error of its own", { behaviour: no(500) }],
    ["503", { behaviour: no(503) }],
    ["a broken connection", { behaviour: (_seen, response) => void response.destroy() }],
    ["no answer in time", { behaviour: () => {}, authTimeouts: "{firstByte: 200ms}" }],
    [
      "half an answer",
      { behaviour: (_seen, response) => void response.writeHead(200, { "content-length": "5" }).flushHeaders(), authTimeouts: "{firstByte: 200ms}" },
    ],
    ["nobody at its address", { authPort: 1 }],
  ])("is taken for said where the server gives %s", async (_, options) => {
    const world = await start(options);
    const answer = await call(world);
    expect(answer.status).toBe(503);
    expect(answer.headers.get("x-egress-error")).toBe("access_unavailable");
    expect(answer.headers.get("retry-after")).toBe("1");
    expect(world.provider.seen).toHaveLength(0);
    expect((await world.broker.line(0))["refusal"]).toBe("access_unavailable");
  });

  it("keeps a redirect from being told, and a WebSocket from being opened", async () => {
    const denying = `{type: ExternalAuth, externalAuth: {protocol: HTTP, backendRef: {group: gateway.networking.x-k8s.io, kind: XBackend, name: auth}, http: {}}}`;
    const world = await start({
      behaviour: no(401),
      manifests: {
        rules: `  - filters: [${denying}, {type: RequestRedirect, requestRedirect: {hostname: elsewhere.example}}]
    matches: [{path: {value: /moved}}]
  - filters: [${denying}]
    backendRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: one}]
`,
      },
    });
    expect((await call(world, "/moved", { redirect: "manual" })).status).toBe(401);
    world.auth.behave(yes);
    expect((await call(world, "/moved", { redirect: "manual" })).status).toBe(302);
    world.auth.behave(no(401));
    const status = await new Promise((resolve) => {
      const socket = new WebSocket(`ws://127.0.0.1:${world.broker.port}/x`, { headers: { authorization: `Bearer ${CALLER_TOKEN}` } });
      socket.on("unexpected-response", (_request, response) => resolve(response.statusCode));
      socket.on("error", () => {});
    });
    expect(status).toBe(401);
    expect(world.provider.seen).toHaveLength(0);
  });
});

describe("a body that is shown", () => {
  const filter = "http: {}, forwardBody: {maxSize: 10}";

  it("is the whole body with its type, by length and in chunks, and goes on to the destination", async () => {
    const world = await start({ filter });
    expect(await (await call(world, "/", { method: "POST", body: "0123456789", headers: { "content-type": "text/x" } })).text()).toBe("POST / 10");
    expect(world.auth.seen[0]).toMatchObject({ body: "0123456789", headers: { "content-length": "10", "content-type": "text/x" } });
    expect(await chunked(world, ["01234", "56789"])).toMatchObject({ status: 200, body: "POST / 10" });
    expect(world.auth.seen[1]?.body).toBe("0123456789");
    expect(world.provider.seen.map((one) => one.body)).toEqual(["0123456789", "0123456789"]);
  });

  it("refuses the call where it is larger than may be shown: half a body would be judged by half", async () => {
    const world = await start({ filter });
    const answer = await call(world, "/", { method: "POST", body: "0123456789a" });
    expect(answer.status).toBe(413);
    expect(answer.headers.get("x-egress-error")).toBe("request_too_large");
    expect(await chunked(world, ["0123456", "789a"])).toMatchObject({ status: 413 });
    expect(world.auth.seen).toHaveLength(0);
    expect(world.provider.seen).toHaveLength(0);
  });

  it("is none where there is none", async () => {
    const world = await start({ filter });
    expect((await call(world)).status).toBe(200);
    expect(world.auth.seen[0]?.body).toBe("");
  });
});

describe("a region lock", () => {
  const lock = (also = "") => `apiVersion: spillway.dev/v1alpha1
kind: RegionPolicy
metadata: {name: eu, namespace: egress-system}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: egress}]
  allow: {jurisdictions: [EU]}
${also}`;

  it("binds the question too: a server outside is not asked, and nothing is sent", async () => {
    const world = await start({ authRegion: "us-east-1", manifests: { more: lock() } });
    const answer = await call(world);
    expect(answer.status).toBe(403);
    expect(answer.headers.get("x-egress-error")).toBe("region_locked");
    expect(world.auth.seen).toHaveLength(0);
    expect(world.provider.seen).toHaveLength(0);
  });

  it("does not bind it where the policy says so", async () => {
    const world = await start({ authRegion: "us-east-1", manifests: { more: lock("  also: {authCallouts: false}\n") } });
    expect((await call(world)).status).toBe(200);
    expect(world.auth.seen).toHaveLength(1);
  });

  it("lets a server inside be asked", async () => {
    const world = await start({ manifests: { more: lock() } });
    expect((await call(world)).status).toBe(200);
    expect(world.auth.seen).toHaveLength(1);
  });
});

describe("a browser's preflight", () => {
  it("is answered without a question, for it shows no credential", async () => {
    const cors = "{type: CORS, cors: {allowOrigins: ['https://page.example'], allowMethods: [GET]}}";
    const auth = "{type: ExternalAuth, externalAuth: {protocol: HTTP, backendRef: {group: gateway.networking.x-k8s.io, kind: XBackend, name: auth}, http: {}}}";
    const world = await start({ rule: `    filters: [${cors}, ${auth}]\n`, behaviour: no(401) });
    const preflight = await fetch(`http://127.0.0.1:${world.broker.port}/x`, {
      method: "OPTIONS",
      headers: { origin: "https://page.example", "access-control-request-method": "GET" },
    });
    expect(preflight.status).toBe(204);
    expect(world.auth.seen).toHaveLength(0);
    const denied = await call(world, "/x", { headers: { origin: "https://page.example" } });
    expect(denied.status).toBe(401);
    expect(denied.headers.get("access-control-allow-origin")).toBe("https://page.example");
  });
});

/** POST with the chunked coding. */
function chunked(world: World, parts: readonly string[]): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { port: world.broker.port, method: "POST", path: "/", headers: { authorization: `Bearer ${CALLER_TOKEN}`, "transfer-encoding": "chunked" } },
      (response) => {
        let body = "";
        response.on("data", (part) => {
          body += part;
        });
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
      },
    );
    request.on("error", reject);
    for (const part of parts) request.write(part);
    request.end();
  });
}
