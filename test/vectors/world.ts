import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import type { Act, Answer } from "./vector.ts";

/** One call as it arrived in the world. */
export interface Seen {
  readonly backend: string;
  readonly method: string;
  readonly target: string;
  readonly headers: readonly string[];
  readonly body: Buffer;
}

/** What one case wants of the world, and what the world saw of it. */
export interface Scene {
  readonly acts: Readonly<Record<string, readonly Act[]>>;
  readonly seen: Seen[];
  /** What has come to the caller so far. */
  delivered: string;
  /** Called when more has been delivered. */
  readonly waiting: Set<() => void>;
}

/** All destinations of all cases, on one port of loopback: the host tells which, the header `x-case` for whom. */
export interface World {
  readonly port: number;
  open(id: string, acts: Scene["acts"]): Scene;
  close(): Promise<void>;
}

const WELL: Answer = { headers: ["content-type", "application/json"], chunks: ['{"well":true}'] };

export async function startWorld(): Promise<World> {
  const scenes = new Map<string, Scene>();
  const server = createServer({ maxHeaderSize: 65_536 }, (request, response) => {
    request.on("error", () => {});
    response.on("error", () => {});
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => void answer(request, response, Buffer.concat(parts)));
  });

  async function answer(request: IncomingMessage, response: ServerResponse, body: Buffer): Promise<void> {
    const { method = "", url: target = "", rawHeaders: headers } = request;
    const scene = scenes.get(String(request.headers["x-case"]));
    const backend = request.headers.host?.split(".")[0] ?? "";
    // A broker that is closed to everybody on Node has no closed port in workerd, where all connections come here.
    if (scene === undefined || backend.startsWith("closed")) {
      request.socket.destroy();
      return;
    }
    const times = scene.seen.filter((one) => one.backend === backend).length;
    scene.seen.push({ backend, method, target, headers, body });
    const acts = scene.acts[backend] ?? [WELL];
    await perform(acts[Math.min(times, acts.length - 1)] ?? WELL, scene, request, response);
  }

  await new Promise<void>((settle) => server.listen(0, "127.0.0.1", settle));
  return {
    port: (server.address() as AddressInfo).port, // listening on TCP
    open(id, acts) {
      const scene: Scene = { acts, seen: [], delivered: "", waiting: new Set() };
      scenes.set(id, scene);
      return scene;
    },
    close: () =>
      new Promise((settle) => {
        server.close(() => settle());
        server.closeAllConnections();
      }),
  };
}

async function perform(act: Act, scene: Scene, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (act === "hang") return;
  const { socket } = request;
  if (act === "break") {
    socket.destroy();
    return;
  }
  if (act.raw !== undefined) {
    socket.end(Buffer.from(act.raw, "latin1"));
    return;
  }
  const { status = 200, headers = [], end = "whole", length } = act;
  response.sendDate = false;
  response.writeHead(status, [...headers, ...(length === undefined ? [] : ["content-length", String(length)])]);
  // The head leaves by itself, as from a provider that thinks before it speaks.
  response.flushHeaders();
  let given = "";
  for (const part of partsOf(act)) {
    if (act.paced === true) await until(scene, given);
    await new Promise<void>((settle) => response.write(part, () => setImmediate(settle)));
    given += part.toString();
  }
  if (act.paced === true) await until(scene, given);
  if (end === "whole") response.end();
  if (end === "break") {
    // What was written must not be overtaken by the reset.
    await until(scene, "");
    socket.resetAndDestroy();
  }
}

function partsOf({ chunks = [], fill, gzip }: Answer): readonly Buffer[] {
  if (fill !== undefined) return [Buffer.alloc(fill, "x")];
  const parts = chunks.map((chunk) => Buffer.from(chunk));
  return gzip === true ? [gzipSync(Buffer.concat(parts))] : parts;
}

/** Waits until the caller has this much. */
function until(scene: Scene, text: string): Promise<void> {
  if (scene.delivered.includes(text)) return new Promise((settle) => setImmediate(settle));
  return new Promise((settle) => {
    const look = (): void => {
      if (!scene.delivered.includes(text)) return;
      scene.waiting.delete(look);
      settle();
    };
    scene.waiting.add(look);
  });
}
