import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { destinationKey, type Plan, pieceOf, ROLES, type Role, usageOf } from "./tenants.ts";

/** What a destination does to a part of its calls. */
export const MOODS = ["slow", "failing", "dying", "lying", "hanging"] as const;
export type Mood = (typeof MOODS)[number];

/** The destinations of all tenants, one server a role. */
export interface Upstreams {
  readonly ports: Readonly<Record<Role, number>>;
  /** Calls that came with another tenant's key or name, or with none: each is a leak. */
  readonly crossed: string[];
  /** Keys of these generations are good; all others are answered 401. */
  accept(tenant: string, generations: readonly number[]): void;
  /** This share of the calls to a role meets this mood; null: all are served well. */
  set(role: Role, mood: Mood | null, share: number): void;
  /** Answers that are not over. */
  open(): number;
  /** Connections that are open. */
  connections(): number;
  close(): Promise<void>;
}

export async function startUpstreams(random: () => number): Promise<Upstreams> {
  const crossed: string[] = [];
  const good = new Map<string, readonly number[]>();
  const moods = new Map<Role, { readonly mood: Mood; readonly share: number }>();
  const open = new Set<ServerResponse>();
  let connections = 0;

  function serve(role: Role, request: IncomingMessage, response: ServerResponse, body: Buffer): void {
    const host = String(request.headers.host).split(":")[0] ?? "";
    const [, tenant = ""] = host.split(".");
    const [, ofKey = "", generation = ""] = String(request.headers.authorization).split(".");
    const plan = role === "files" ? null : planOf(body);
    const named = plan?.tenant ?? String(request.headers["x-soak-tenant"] ?? "");
    if (tenant !== ofKey || tenant !== named || !host.startsWith(role)) {
      crossed.push(`${role}: host ${host}, key of ${ofKey}, call of ${named}`);
      return void response.writeHead(500).end();
    }
    if (destinationKey(tenant, Number(generation)) !== String(request.headers.authorization).slice("Bearer ".length))
      crossed.push(`${role}: a key that is no key`);
    if (!(good.get(tenant) ?? []).includes(Number(generation))) {
      return void response
        .writeHead(401, { "content-type": "application/json" })
        .end('{"error":{"message":"this key is no longer good","type":"invalid_request_error"}}');
    }
    const { mood, share } = moods.get(role) ?? { mood: null, share: 0 };
    const meets = mood !== null && random() < share ? mood : null;
    if (meets === "hanging") return;
    if (meets === "failing") {
      fail(response, random);
      return;
    }
    const go = (): void => {
      if (plan === null) answerFile(request, response, body, meets, random);
      else if (isStreamed(body)) stream(response, plan, meets, random);
      else answerChat(response, plan, meets, random);
    };
    if (meets === "slow") setTimeout(go, 200 + 800 * random());
    else go();
  }

  const servers: Server[] = [];
  const ports: Record<Role, number> = { primary: 0, second: 0, files: 0 };
  for (const role of ROLES) {
    const server = createServer((request, response) => {
      const parts: Buffer[] = [];
      open.add(response);
      response.on("error", () => {}).once("close", () => open.delete(response));
      request.on("error", () => {}).on("data", (bytes: Buffer) => parts.push(bytes));
      request.once("end", () => serve(role, request, response, Buffer.concat(parts)));
    });
    server.keepAliveTimeout = 5_000;
    server.on("connection", (socket) => {
      connections += 1;
      socket.once("close", () => {
        connections -= 1;
      });
    });
    await new Promise<void>((settle) => server.listen(0, "127.0.0.1", 4_096, settle));
    ports[role] = (server.address() as AddressInfo).port; // listening on TCP
    servers.push(server);
  }
  return {
    ports,
    crossed,
    accept: (tenant, generations) => void good.set(tenant, generations),
    set: (role, mood, share) => void (mood === null ? moods.delete(role) : moods.set(role, { mood, share })),
    open: () => open.size,
    connections: () => connections,
    close: async () => {
      await Promise.all(
        servers.map(
          (server) =>
            new Promise<void>((settle) => {
              server.close(() => settle());
              server.closeAllConnections();
            }),
        ),
      );
    },
  };
}

/** The plan that a caller put into its prompt, whichever API it was written in. */
function planOf(body: Buffer): Plan | null {
  const found = /soak:(\{.*?\})/.exec(body.toString().replaceAll("\\", ""));
  return found?.[1] === undefined ? null : (JSON.parse(found[1]) as Plan); // as calls.ts writes it
}

function isStreamed(body: Buffer): boolean {
  return (JSON.parse(body.toString()) as { stream?: boolean }).stream === true; // an OpenAI request
}

function fail(response: ServerResponse, random: () => number): void {
  const status = [429, 500, 502, 503, 503, 529, 408][Math.floor(random() * 7)] ?? 500;
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (random() < 0.3) headers["retry-after"] = random() < 0.5 ? "1" : "garbage";
  response.writeHead(status, headers).end('{"error":{"message":"made up","type":"server_error"}}');
}

const frame = (plan: Plan) => ({ id: `chatcmpl-${plan.id}`, created: 1, model: "soak" });
const usage = (plan: Plan) => ({
  prompt_tokens: usageOf(plan).input,
  completion_tokens: usageOf(plan).output,
  total_tokens: usageOf(plan).input + usageOf(plan).output,
});

function answerChat(response: ServerResponse, plan: Plan, mood: Mood | null, random: () => number): void {
  const content = Array.from({ length: plan.chunks }, (_, index) => pieceOf(plan, index)).join("");
  const message = { role: "assistant", content, refusal: null };
  const text = JSON.stringify({
    ...frame(plan),
    object: "chat.completion",
    choices: [{ index: 0, message, finish_reason: "stop", logprobs: null }],
    usage: usage(plan),
  });
  sendWhole(response, text, mood, random);
}

function answerFile(request: IncomingMessage, response: ServerResponse, body: Buffer, mood: Mood | null, random: () => number): void {
  const digest = createHash("sha256").update(body).digest("hex");
  sendWhole(response, JSON.stringify({ path: request.url, bytes: body.length, digest }), mood, random);
}

/** Sends an answer of known length, or less of it. */
function sendWhole(response: ServerResponse, text: string, mood: Mood | null, random: () => number): void {
  if (mood === "dying" && random() < 0.4) return void response.destroy();
  if (mood === "lying" && random() < 0.4) return void response.socket?.end("HTTP/1.1 2OO Fine\r\n\r\nnothing");
  const cut = mood === "dying" || mood === "lying";
  response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
  if (!cut) return void response.end(text);
  response.write(text.slice(0, Math.floor(text.length * random())));
  setTimeout(() => response.destroy(), 20);
}

/** Sends the chunks of a stream at their pace, or dies or lies on the way. */
function stream(response: ServerResponse, plan: Plan, mood: Mood | null, random: () => number): void {
  if (mood === "dying" && random() < 0.2) return void response.destroy();
  const lie = mood === "lying" ? Math.floor(random() * 3) : -1;
  response.writeHead(200, { "content-type": "text/event-stream" });
  if (lie === 0) return void response.end('data: {"error":{"message":"overloaded","type":"server_error"}}\n\n');
  const event = (value: object) => response.write(`data: ${JSON.stringify({ ...frame(plan), object: "chat.completion.chunk", ...value })}\n\n`);
  const stopAt = mood === "dying" || lie > 0 ? Math.floor(random() * plan.chunks) : plan.chunks;
  let index = 0;
  const step = (): void => {
    while (!response.destroyed) {
      if (index === stopAt && stopAt < plan.chunks) {
        // A clean end without the marker, a chunk that is none, or nothing any more.
        if (lie === 1) return void response.end();
        if (lie === 2) response.socket?.write("zzz\r\n");
        return void setTimeout(() => response.destroy(), 20);
      }
      if (index === plan.chunks) {
        event({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] });
        event({ choices: [], usage: usage(plan) });
        return void response.end("data: [DONE]\n\n");
      }
      const delta = index === 0 ? { role: "assistant", content: pieceOf(plan, index) } : { content: pieceOf(plan, index) };
      const flows = event({ choices: [{ index: 0, delta, finish_reason: null }] });
      index += 1;
      if (plan.gapMs > 0) return void setTimeout(step, plan.gapMs);
      if (!flows) return void response.once("drain", step);
    }
  };
  step();
}
