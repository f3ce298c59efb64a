import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { createServer as createHttpServer } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { anthropicApi } from "./anthropic-api.ts";
import type { Api, ApiAnswer } from "./api-answer.ts";
import { headerText, json, randomId } from "./api-answer.ts";
import { createControlServer } from "./control-server.ts";
import type { CallSeen } from "./fault-desk.ts";
import { createFaultDesk, type FaultDesk, maskKey } from "./fault-desk.ts";
import { asObject, asText } from "./json-fields.ts";
import { openaiApi } from "./openai-api.ts";
import { readBody } from "./read-body.ts";

export interface ProviderOptions {
  readonly name: string;
  readonly region: string;
  readonly speaks: readonly ("openai" | "anthropic")[];
  /** 0: any free port. */
  readonly port: number;
  /** Loopback port of the fault desk; 0: any free port. */
  readonly controlPort: number;
  /** PEM texts; null: plaintext HTTP. */
  readonly tls: { readonly certificate: string; readonly key: string } | null;
  readonly acceptedKeys: readonly string[];
  /** Milliseconds between two events of a stream. */
  readonly paceMs: number;
}

export interface Provider {
  readonly name: string;
  readonly port: number;
  readonly controlPort: number;
  close(): Promise<void>;
}

/** Milliseconds that a provider in mode `slow` thinks before its first byte. */
const SLOW_MS = 3000;
const APIS: readonly Api[] = [anthropicApi, openaiApi];

/** Starts one demo provider on loopback. Rejects when a port is taken. */
export async function startProvider(options: ProviderOptions): Promise<Provider> {
  const desk = createFaultDesk(options.acceptedKeys);
  const apis = APIS.filter((api) => options.speaks.includes(api.name));
  const listener = (request: IncomingMessage, response: ServerResponse) => {
    serveCall(options, apis, desk, request, response).catch(() => response.destroy());
  };
  const server = options.tls === null ? createHttpServer(listener) : createHttpsServer({ cert: options.tls.certificate, key: options.tls.key }, listener);
  const control = createControlServer(desk);
  const port = await listen(server, options.port);
  const controlPort = await listen(control, options.controlPort).catch(async (error: unknown) => {
    await close(server);
    throw error;
  });
  return {
    name: options.name,
    port,
    controlPort,
    close: async () => {
      await Promise.all([close(server), close(control)]);
    },
  };
}

async function serveCall(options: ProviderOptions, apis: readonly Api[], desk: FaultDesk, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = (request.url ?? "/").split("?", 1)[0] ?? "/";
  const headers = request.headers;
  const api = apis.find((one) => one.claims({ path, headers })) ?? apis[0] ?? openaiApi;
  const body = parse(await readBody(request));
  const credential = api.credential({ headers });
  const accepted = credential !== null && desk.accepts(credential.value);
  const seen: CallSeen = {
    at: new Date().toISOString(),
    method: request.method ?? "GET",
    path,
    model: asText(asObject(body)["model"]),
    stream: asObject(body)["stream"] === true,
    credential: credential === null ? null : { slot: credential.slot, masked: maskKey(credential.value), accepted },
    headers: maskedHeaders(request),
    mode: desk.take(),
    status: 0,
    end: null,
  };
  desk.record(seen);
  response.on("close", () => {
    seen.end ??= response.writableFinished ? "answered" : "caller left";
  });
  response.setHeader(api.requestIdHeader, randomId("req_"));
  response.setHeader("x-demo-provider", `${options.name}; region=${options.region}`);

  const answer = accepted
    ? decide(api, seen, () => api.answer({ method: seen.method, path, headers, body, provider: options, now: Math.floor(Date.now() / 1000) }))
    : json(401, api.error(401, credential === null ? "No API key was sent." : "The API key is not valid, or was revoked."));
  if (answer === null) {
    // `hang`: the connection stays open and silent until the caller gives up.
    seen.end = "hung";
    return;
  }
  if (seen.mode === "slow") await sleep(SLOW_MS);
  await send(answer, options.paceMs, seen, response);
}

/** The answer that the provider's mode allows; null: none at all. */
function decide(api: Api, seen: CallSeen, answer: () => ApiAnswer): ApiAnswer | null {
  switch (seen.mode) {
    case "hang":
      return null;
    case "401":
      return json(401, api.error(401, "The API key is not valid, or was revoked."));
    case "429":
      // Without Retry-After, as providers often send it.
      return json(429, api.error(429, "Rate limit reached: this demo provider was told to say so."));
    case "500":
    case "503":
    case "529":
      return json(Number(seen.mode), api.error(Number(seen.mode), "This demo provider was told to fail."));
    case "ok":
    case "slow":
    case "die-mid-stream":
      return answer();
  }
}

async function send(answer: ApiAnswer, paceMs: number, seen: CallSeen, response: ServerResponse): Promise<void> {
  const dies = seen.mode === "die-mid-stream";
  if (answer.kind === "json") {
    const bytes = Buffer.from(JSON.stringify(answer.body));
    seen.status = answer.status;
    response.writeHead(answer.status, { "content-type": "application/json", "content-length": bytes.length });
    if (!dies) {
      response.end(bytes);
      return;
    }
    response.write(bytes.subarray(0, Math.floor(bytes.length / 2)), () => die(seen, response));
    return;
  }
  seen.status = 200;
  response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" });
  const half = Math.floor(answer.events.length / 2);
  for (const [index, event] of answer.events.entries()) {
    if (response.destroyed) return;
    if (dies && index === half) {
      die(seen, response);
      return;
    }
    if (!response.write(event)) await drained(response);
    if (paceMs > 0) await sleep(paceMs);
  }
  response.end();
}

/** Breaks the connection without the end of its message, as a provider's crash does; what was written before still arrives. */
function die(seen: CallSeen, response: ServerResponse): void {
  seen.end = "died";
  setImmediate(() => response.socket?.destroySoon());
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off("drain", done).off("close", done);
      resolve();
    };
    response.on("drain", done).on("close", done);
  });
}

function parse(bytes: Buffer): unknown {
  if (bytes.length === 0) return undefined;
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    return undefined;
  }
}

const KEY_HEADERS: ReadonlySet<string> = new Set(["authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie", "proxy-authorization"]);

function maskedHeaders(request: IncomingMessage): Readonly<Record<string, string>> {
  const names = Object.keys(request.headersDistinct);
  return Object.fromEntries(
    names.map((name) => {
      const value = headerText(request.headers, name);
      return [name, KEY_HEADERS.has(name) ? maskKey(value.replace(/^Bearer +/i, "")) : value];
    }),
  );
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      server.off("error", reject);
      // A server that listens on TCP has an AddressInfo.
      resolve((server.address() as AddressInfo).port);
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
