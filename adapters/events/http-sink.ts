import { Agent, request } from "undici";
import type { Clock, EgressEvent, EventSink } from "../../src/index.ts";
import { toCloudEvent } from "./cloud-event.ts";

/** A sink that can be stopped and asked. */
export interface ClosableSink extends EventSink {
  /** Events that never arrived: the queue was full, or the receiver refused them or stayed away. */
  dropped(): number;
  /** Sends what waits, for at most `timeoutMs` (2 s when left out); the rest is counted as dropped. Never rejects. */
  close(timeoutMs?: number): Promise<void>;
}

export interface HttpSinkOptions {
  readonly url: string;
  /** CloudEvents `source`: a URI reference. */
  readonly source: string;
  readonly extensions: Readonly<Record<string, string>>;
  readonly after: Clock["after"];
  readonly random: () => number;
  /** Events that may wait. */
  readonly queueBound?: number;
  /** Events on their way at the same time. */
  readonly concurrency?: number;
  /** Sends per event, the first one included. */
  readonly maxAttempts?: number;
  /** Milliseconds for one send. */
  readonly timeoutMs?: number;
}

interface Waiting {
  readonly body: string;
  attempts: number;
}

const FIRST_DELAY_MS = 200;
const LONGEST_DELAY_MS = 10_000;

/** CloudEvents in structured mode to one URL (`K_SINK`), a few at a time over kept connections. `emit` never throws and never waits. */
export function createHttpSink(options: HttpSinkOptions): ClosableSink {
  const { url, source, extensions, after, random, queueBound = 1_000, concurrency = 4, maxAttempts = 5, timeoutMs = 10_000 } = options;
  const agent = new Agent({ connections: concurrency, pipelining: 1, headersTimeout: timeoutMs, bodyTimeout: timeoutMs, connect: { timeout: timeoutMs } });
  const stop = new AbortController();
  const queue: Waiting[] = [];
  let busy = 0;
  let dropped = 0;
  let closing = false;
  let idle: (() => void)[] = [];

  function pump(): void {
    while (busy < concurrency) {
      const next = queue.shift();
      if (next === undefined) break;
      busy += 1;
      void deliver(next).finally(() => {
        busy -= 1;
        pump();
      });
    }
    if (busy > 0) return;
    for (const resolve of idle) resolve();
    idle = [];
  }

  async function deliver(event: Waiting): Promise<void> {
    for (;;) {
      event.attempts += 1;
      const result = await send(event.body);
      if (result === "taken") return;
      if (result === "refused" || event.attempts >= maxAttempts || stop.signal.aborted) {
        dropped += 1;
        return;
      }
      await pause(random() * Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (event.attempts - 1)));
    }
  }

  async function send(body: string): Promise<"taken" | "refused" | "again"> {
    const limit = AbortSignal.any([stop.signal, AbortSignal.timeout(timeoutMs)]);
    try {
      const headers = { "content-type": "application/cloudevents+json; charset=utf-8" };
      const answer = await request(url, { method: "POST", headers, body, dispatcher: agent, signal: limit });
      // Read and thrown away within a bound, so that the connection can be used again.
      await answer.body.dump({ limit: 64 * 1024, signal: limit });
      if (answer.statusCode >= 200 && answer.statusCode < 300) return "taken";
      return answer.statusCode === 408 || answer.statusCode === 429 || answer.statusCode >= 500 ? "again" : "refused";
    } catch {
      return "again";
    }
  }

  function pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        cancel();
        stop.signal.removeEventListener("abort", end);
        resolve();
      };
      const cancel = after(ms, end);
      stop.signal.addEventListener("abort", end);
    });
  }

  function bodyOf(event: EgressEvent): string | null {
    try {
      return JSON.stringify(toCloudEvent(event, { id: crypto.randomUUID(), source, extensions }));
    } catch {
      return null;
    }
  }

  return {
    emit(event) {
      const body = closing || queue.length >= queueBound ? null : bodyOf(event);
      if (body === null) {
        dropped += 1;
        return;
      }
      queue.push({ body, attempts: 0 });
      pump();
    },
    dropped: () => dropped,
    async close(closeMs = 2_000) {
      closing = true;
      const sent = new Promise<void>((resolve) => {
        idle.push(resolve);
        pump();
      });
      let cancel = () => {};
      const late = new Promise<void>((resolve) => {
        cancel = after(closeMs, resolve);
      });
      await Promise.race([sent, late]);
      cancel();
      dropped += queue.length;
      queue.length = 0;
      stop.abort();
      await sent;
      await agent.destroy();
    },
  };
}
