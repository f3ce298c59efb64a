import { Agent, request } from "node:http";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** Where a call goes, and what it says of itself. */
export interface Target {
  readonly port: number;
  readonly token: string;
}

/** One stream of a raw caller. */
export interface RawStream {
  readonly socket: Socket;
  /** `begun`: the head and the first event have come; `refused`: another status than 200, such as 503 to come again; `gone`: the connection ended before. */
  readonly begun: Promise<"begun" | "refused" | "gone">;
  /** Settles with the connection's end: whether the stream's own end came, and no error before it. */
  readonly whole: Promise<boolean>;
}

const BODY = JSON.stringify({ model: "smart", stream: true, messages: [{ role: "user", content: "hello" }] });

/** A streamed chat whose caller reads on, or stops reading once the first bytes are there. */
export function openStream({ port, token }: Target, what: string, id: string, options: { readonly stopReading: boolean }): RawStream {
  const socket = connect({ host: "127.0.0.1", port });
  let tail = "";
  let seen = false;
  let started: (begun: "begun" | "refused" | "gone") => void = () => {};
  const begun = new Promise<"begun" | "refused" | "gone">((settle) => {
    started = settle;
  });
  socket.setNoDelay(true);
  socket.on("error", () => {});
  socket.on("data", (bytes: Buffer) => {
    const text = tail + bytes.toString("latin1");
    tail = text.slice(-400);
    if (!seen && text.startsWith("HTTP/1.1 ") && !text.startsWith("HTTP/1.1 200")) {
      started("refused");
      return void socket.destroy();
    }
    if (!seen && !text.includes("data: ")) return;
    seen = true;
    started("begun");
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
      started("gone");
      settle(tail.includes("data: [DONE]"));
    });
  });
  return { socket, begun, whole };
}

/** Opens a stream, and comes back a second later where the proxy has no time for it, as `Retry-After: 1` says; null: refused twenty times. */
export async function openPatiently(
  target: Target,
  what: string,
  id: string,
  options: { readonly stopReading: boolean },
): Promise<{ readonly stream: RawStream | null; readonly refusals: number }> {
  for (let refusals = 0; refusals < 20; refusals += 1) {
    const stream = openStream(target, what, id, options);
    if ((await stream.begun) === "begun") return { stream, refusals };
    await sleep(1_000);
  }
  return { stream: null, refusals: 20 };
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
