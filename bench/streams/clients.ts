import { Agent, request } from "node:http";
import { connect, type Socket } from "node:net";

/** Where a call goes, and what it says of itself. */
export interface Target {
  readonly port: number;
  readonly token: string;
}

/** One stream of a raw caller. */
export interface RawStream {
  readonly socket: Socket;
  /** Bytes of the head and the first event have come. */
  readonly begun: Promise<boolean>;
  /** Settles with the connection's end: whether the stream's own end came, and no error before it. */
  readonly whole: Promise<boolean>;
}

const BODY = JSON.stringify({ model: "smart", stream: true, messages: [{ role: "user", content: "hello" }] });

/** A streamed chat whose caller reads on, or stops reading once the first bytes are there. */
export function openStream({ port, token }: Target, what: string, id: string, options: { readonly stopReading: boolean }): RawStream {
  const socket = connect({ host: "127.0.0.1", port });
  let tail = "";
  let seen = false;
  let started: (begun: boolean) => void = () => {};
  const begun = new Promise<boolean>((settle) => {
    started = settle;
  });
  socket.setNoDelay(true);
  socket.on("error", () => {});
  socket.on("data", (bytes: Buffer) => {
    const text = tail + bytes.toString("latin1");
    tail = text.slice(-400);
    if (!seen && !text.includes("data: ")) return;
    seen = true;
    started(true);
    if (options.stopReading) socket.pause();
  });
  socket.write(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer ${token}\r\ncontent-type: application/json\r\nx-bench-do: ${what}\r\nx-bench-id: ${id}\r\ncontent-length: ${Buffer.byteLength(BODY)}\r\n\r\n${BODY}`,
  );
  const whole = new Promise<boolean>((settle) => {
    const look = (): void => {
      if (tail.includes("data: [DONE]")) settle(true);
    };
    socket.on("data", look);
    socket.once("close", () => {
      started(false);
      settle(tail.includes("data: [DONE]"));
    });
  });
  return { socket, begun, whole };
}

const agent = new Agent({ keepAlive: true, maxSockets: 8 });

/** Milliseconds until the first byte of the body of a small call, and its status; a GET of `path` where one is given. */
export function smallCall({ port, token }: Target, path: string | null = null): Promise<{ readonly ms: number; readonly status: number }> {
  return new Promise((settle, reject) => {
    const began = performance.now();
    const asked = request(
      {
        host: "127.0.0.1",
        port,
        agent,
        method: path === null ? "POST" : "GET",
        path: path ?? "/v1/chat/completions",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      },
      (answer) => {
        let ms = -1;
        answer.on("data", () => {
          if (ms < 0) ms = performance.now() - began;
        });
        answer.once("end", () => settle({ ms: ms < 0 ? performance.now() - began : ms, status: answer.statusCode ?? 0 }));
        answer.once("error", reject);
      },
    );
    asked.once("error", reject);
    asked.end(path === null ? JSON.stringify({ model: "smart", messages: [{ role: "user", content: "hello" }] }) : undefined);
  });
}

/** Runs work for 0, 1, ... count - 1, so many at a time. */
export async function inTurns<Result>(count: number, atOnce: number, work: (index: number) => Promise<Result>): Promise<readonly Result[]> {
  const results: Result[] = new Array(count);
  let next = 0;
  await Promise.all(
    Array.from({ length: Math.min(count, atOnce) }, async () => {
      while (next < count) {
        const index = next;
        next += 1;
        results[index] = await work(index);
      }
    }),
  );
  return results;
}

/** The value below which this share of the values lies; NaN of none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
