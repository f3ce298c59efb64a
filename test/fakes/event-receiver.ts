import { createServer as createPlainServer, type RequestListener, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";

export type StructuredEvent = Readonly<Record<string, unknown>>;

export interface ReceivedRequest {
  readonly method: string;
  readonly contentType: string;
  readonly authorization: string | null;
  readonly events: readonly StructuredEvent[];
}

/** How a receiver answers: a status; `hang` never does; `cut` closes in the middle of its answer's head; `stall` answers 202 and never ends it; `redirect`. */
export type ReceiverMood = number | "hang" | "cut" | "stall" | "redirect";

/** Takes CloudEvents over HTTP on loopback, singly or in batches. */
export interface EventReceiver {
  readonly url: string;
  /** All requests whose body came whole. */
  readonly requests: readonly ReceivedRequest[];
  /** Events that were acknowledged, in the order of their arrival. */
  readonly taken: StructuredEvent[];
  /** For the next requests, one each; then `mood`. */
  readonly script: ReceiverMood[];
  mood: ReceiverMood;
  /** Resolves when so many requests have come. */
  arrived(count: number): Promise<void>;
  close(): Promise<void>;
}

/** `atPort` 0 takes a free one; another is one that was free a moment ago. */
export async function startEventReceiver(tls: { readonly key: string; readonly cert: string } | null = null, atPort = 0): Promise<EventReceiver> {
  const requests: ReceivedRequest[] = [];
  const taken: StructuredEvent[] = [];
  const waiters = new Set<() => void>();
  const script: ReceiverMood[] = [];
  const receiver = { mood: 202 as ReceiverMood }; // the widest type: tests set it
  const listener: RequestListener = async (request, response) => {
    const chunks: Uint8Array[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk);
    } catch {
      return;
    }
    const parsed: unknown = JSON.parse(Buffer.concat(chunks).toString());
    const events = (Array.isArray(parsed) ? parsed : [parsed]) as StructuredEvent[]; // CloudEvents or batches of them are all that comes
    requests.push({
      method: request.method ?? "",
      contentType: request.headers["content-type"] ?? "",
      authorization: request.headers.authorization ?? null,
      events,
    });
    const mood = script.shift() ?? receiver.mood;
    if (mood === "stall" || (typeof mood === "number" && mood < 300)) taken.push(...events);
    answer(response, mood);
    for (const check of waiters) check();
  };
  const server = tls === null ? createPlainServer(listener) : createTlsServer(tls, listener);
  await new Promise<void>((resolve) => server.listen(atPort, "127.0.0.1", resolve));
  // A TCP server's address is an AddressInfo once it listens.
  const { port } = server.address() as AddressInfo;
  return Object.assign(receiver, {
    url: `${tls === null ? "http" : "https"}://127.0.0.1:${port}/events`,
    requests,
    taken,
    script,
    arrived: (count: number) =>
      new Promise<void>((resolve) => {
        const check = () => {
          if (requests.length < count) return;
          waiters.delete(check);
          resolve();
        };
        waiters.add(check);
        check();
      }),
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
}

function answer(response: ServerResponse, mood: ReceiverMood): void {
  if (mood === "hang") return;
  if (mood === "cut") {
    response.socket?.end("HTTP/1.1 202 Acc");
    return;
  }
  if (mood === "stall") {
    response.writeHead(202).write("tha");
    return;
  }
  // To itself: whoever followed it would be taken in.
  if (mood === "redirect") response.writeHead(307, { location: "/elsewhere" }).end();
  else response.writeHead(mood, { "content-type": "text/plain" }).end(mood === 204 ? undefined : "sk-receiver-says");
}
