import { NODE_TRANSPORT_FEATURES } from "../../adapters/transport/undici-transport.ts";
import type { AnswerBody, AttemptFailure, BodyConsumer, Clock, HeaderList, OutboundRequest, Outcome, Peeked, Transport } from "../../src/index.ts";

/** What a destination does with one request. Chunks come one a microtask, each on its own. */
export type Step = AnswerStep | AttemptFailure | "hang" | ((request: OutboundRequest) => AnswerStep | AttemptFailure | "hang");

export interface AnswerStep {
  readonly status: number;
  readonly headers?: HeaderList;
  /** Bytes for what is no text. */
  readonly body?: string | readonly (string | Uint8Array)[];
  /** After the last chunk. `hang`: nothing more comes until somebody stops waiting. */
  readonly ending?: "end" | "hang" | AttemptFailure;
}

/** One request that came through the door, with its body read as the step was told to. */
export interface Dispatched {
  readonly request: OutboundRequest;
  /** The name of the backend, which is the first label of its hostname. */
  readonly to: string;
  readonly body: string | null;
  /** Null: no answer was given. */
  readonly answer: ScriptedBody | null;
}

/** An answer's body that remembers how it was treated. */
export interface ScriptedBody extends AnswerBody {
  readonly consumed: boolean;
  readonly cancelled: boolean;
  /** Nothing is left open: the end or a failure came, or it was cancelled. */
  readonly over: boolean;
}

export interface ScriptedTransport extends Transport {
  readonly sent: readonly Dispatched[];
  /** What the backend does next, in order; the last step repeats for ever. */
  script(backend: string, ...steps: Step[]): void;
  /** Listeners that are still registered on signals. */
  listening(): number;
}

/** A transport without sockets: obeys the scripts, the signal, and the first-byte and idle time limits by the clock that it is given. */
export function createScriptedTransport(clock: Clock): ScriptedTransport {
  const scripts = new Map<string, Step[]>();
  const sent: Dispatched[] = [];
  let listeners = 0;

  const listen = (signal: AbortSignal, heard: () => void): (() => void) => {
    listeners += 1;
    signal.addEventListener("abort", heard);
    let done = false;
    return () => {
      if (done) return;
      done = true;
      listeners -= 1;
      signal.removeEventListener("abort", heard);
    };
  };

  async function dispatch(request: OutboundRequest, signal: AbortSignal): Promise<Outcome> {
    const to = request.origin.hostname.split(".")[0] ?? "";
    if (signal.aborted) return abortFailure(signal);
    let body: string | null;
    try {
      body = await bodyText(request);
    } catch {
      sent.push({ request, to, body: null, answer: null });
      return { kind: "request_body", message: "the request body broke off" };
    }
    const steps = scripts.get(to) ?? [];
    const next = (steps.length > 1 ? steps.shift() : steps[0]) ?? { status: 200, body: `from ${to}` };
    const step = typeof next === "function" ? next(request) : next;
    if (step === "hang") {
      sent.push({ request, to, body, answer: null });
      return hang(request, signal);
    }
    if ("kind" in step) {
      sent.push({ request, to, body, answer: null });
      return step;
    }
    const answer = createBody(step, request, signal);
    sent.push({ request, to, body, answer });
    return {
      kind: "answer",
      status: step.status,
      headers: step.headers ?? [],
      body: answer,
      sender: null,
      peer: { address: "192.0.2.1", protocol: "http/1.1" },
    };
  }

  function hang(request: OutboundRequest, signal: AbortSignal): Promise<Outcome> {
    return new Promise((resolve) => {
      const finish = (failure: AttemptFailure) => {
        stopListening();
        stopTimer();
        resolve(failure);
      };
      const limit = request.timeouts.firstByteMs;
      const stopTimer = limit === null ? () => {} : clock.after(limit, () => finish({ kind: "timeout", phase: "first_byte", message: "no first byte" }));
      const stopListening = listen(signal, () => finish(abortFailure(signal)));
    });
  }

  function createBody(step: AnswerStep, request: OutboundRequest, signal: AbortSignal): ScriptedBody {
    const texts = step.body === undefined ? [] : typeof step.body === "string" ? [step.body] : step.body;
    const coming = texts.filter((text) => text.length > 0).map((text) => (typeof text === "string" ? new TextEncoder().encode(text) : text));
    const { firstByteMs, streamIdleMs } = request.timeouts;
    let held: Uint8Array[] = [];
    let consumer: BodyConsumer | null = null;
    let waiting: { readonly beyond: number; readonly resolve: (peeked: Peeked) => void } | null = null;
    let ended = false;
    let failure: AttemptFailure | null = null;
    let paused = false;
    let consumed = false;
    let cancelled = false;
    let running = false;
    let stopTimer = firstByteMs === null ? () => {} : clock.after(firstByteMs, () => fail({ kind: "timeout", phase: "first_byte", message: "no first byte" }));
    const stopListening = listen(signal, () => fail(abortFailure(signal)));
    const heldBytes = () => held.reduce((sum, part) => sum + part.byteLength, 0);
    const peeked = (): Peeked => {
      if (held.length > 1) held = [Buffer.concat(held)];
      return { bytes: held[0] ?? new Uint8Array(0), ended, failure };
    };
    const close = () => {
      stopTimer();
      stopListening();
      flush();
    };
    const fail = (cause: AttemptFailure) => {
      if (ended || failure !== null || cancelled) return;
      failure = cause;
      close();
    };
    const flush = () => {
      if (waiting !== null && (heldBytes() > waiting.beyond || ended || failure !== null)) {
        const { resolve } = waiting;
        waiting = null;
        resolve(peeked());
      }
      while (consumer !== null && !paused && held.length > 0) consumer.chunk(held.shift() ?? new Uint8Array(0));
      if (consumer === null || paused || cancelled) return;
      const last = consumer;
      if (failure !== null) {
        consumer = null;
        last.failed(failure);
      } else if (ended) {
        consumer = null;
        last.end(null);
      }
    };
    const run = () => {
      if (running || ended || failure !== null || cancelled) return;
      running = true;
      queueMicrotask(() => {
        running = false;
        if (ended || failure !== null || cancelled || paused) return;
        const chunk = coming.shift();
        if (chunk !== undefined) {
          held.push(chunk);
          stopTimer();
          stopTimer = streamIdleMs === null ? () => {} : clock.after(streamIdleMs, () => fail({ kind: "timeout", phase: "idle", message: "idle" }));
          flush();
          if (consumer !== null || waiting !== null) run();
          return;
        }
        const ending = step.ending ?? "end";
        if (ending === "hang") return;
        if (ending === "end") {
          ended = true;
          close();
        } else fail(ending);
      });
    };
    return {
      get consumed() {
        return consumed;
      },
      get cancelled() {
        return cancelled;
      },
      get over() {
        return ended || failure !== null || cancelled;
      },
      peek(beyond) {
        if (heldBytes() > beyond || ended || failure !== null) return peeked();
        run();
        return new Promise((resolve) => {
          waiting = { beyond, resolve };
        });
      },
      consume(next) {
        if (consumed) throw new Error("a body was consumed twice");
        consumed = true;
        consumer = next;
        flush();
        run();
      },
      pause() {
        paused = true;
      },
      resume() {
        paused = false;
        flush();
        run();
      },
      cancel() {
        cancelled = true;
        consumer = null;
        held = [];
        stopTimer();
        stopListening();
      },
    };
  }

  return {
    features: NODE_TRANSPORT_FEATURES,
    sent,
    script: (backend, ...steps) => void scripts.set(backend, steps),
    listening: () => listeners,
    dispatch,
    close: async () => {},
  };
}

function abortFailure(signal: AbortSignal): AttemptFailure {
  const reason: unknown = signal.reason;
  const late = reason instanceof Error && reason.name === "TimeoutError";
  return late ? { kind: "timeout", phase: "total", message: "the call's time is up" } : { kind: "cancelled", message: "not wanted any more" };
}

async function bodyText(request: OutboundRequest): Promise<string | null> {
  const { body } = request;
  if (body.kind === "none") return null;
  if (body.kind === "bytes") return Buffer.from(body.bytes).toString();
  const parts: Uint8Array[] = [];
  for await (const part of body.open()) parts.push(part);
  return Buffer.concat(parts).toString();
}
