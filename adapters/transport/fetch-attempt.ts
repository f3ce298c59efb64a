import type { AnswerBody, AttemptFailure, BodyConsumer, OutboundRequest, Outcome, Peeked, Transport } from "../../src/index.ts";
import { abortFailure } from "./attempt.ts";
import { type BodyReader, bodyReader } from "./body-reader.ts";
import { type FetchBody, fetchBody } from "./fetch-body.ts";
import { fetchHeaders } from "./fetch-headers.ts";
import { GuardedConsumer } from "./guarded-consumer.ts";
import { hasUnknownCoding } from "./unknown-coding.ts";

/** No more is read ahead while this many bytes of an answer wait for a consumer. */
const HELD_BYTES = 65_536;
const NOTHING = new Uint8Array(0);

type CallSignal = Parameters<Transport["dispatch"]>[1];

/** `manual` keeps the body's content coding: workerd inflates otherwise, and the headers would then lie about the bytes. */
type WorkerRequestInit = RequestInit & { readonly encodeResponseBody: "manual" };

/**
 * One attempt over `fetch`, from dispatch to the last byte of its answer. Bytes are pulled from the platform's stream one
 * read at a time, only while somebody wants them. The first-byte limit covers the connecting too, which cannot be seen here.
 */
export class FetchAttempt implements AnswerBody {
  readonly #request: OutboundRequest;
  readonly #signal: CallSignal;
  readonly #fetch: typeof fetch;
  readonly #resolve: (outcome: Outcome) => void;
  readonly #controller = new AbortController();
  #body: FetchBody | null = null;
  #reader: BodyReader | null = null;
  #answered = false;
  #done = false;
  #finished = false;
  #failure: AttemptFailure | null = null;
  #consumer: BodyConsumer | null = null;
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #reading = false;
  #paused = false;
  #peek: { readonly beyond: number; readonly resolve: (peeked: Peeked) => void } | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerPhase: "none" | "first_byte" | "idle" = "none";
  #heardAt = 0;

  /** `send` is the platform's `fetch`, or that of a binding. */
  constructor(request: OutboundRequest, signal: CallSignal, send: typeof fetch, resolve: (outcome: Outcome) => void) {
    this.#request = request;
    this.#signal = signal;
    this.#fetch = send;
    this.#resolve = resolve;
  }

  dispatch(): void {
    if (this.#signal.aborted) {
      this.#fail(abortFailure(this.#signal));
      return;
    }
    this.#signal.addEventListener("abort", this.#onAbort);
    this.#send().catch(() => this.#fail(this.#opaque()));
  }

  async #send(): Promise<void> {
    const { origin, method, path, body } = this.#request;
    const headers = fetchHeaders(this.#request);
    if (headers === null) {
      // The platform writes Host from the URL: another one would be lost without a word, so nothing is sent at all.
      this.#fail({ kind: "connect", detail: "denied", message: "this platform cannot send a Host other than the destination's own" });
      return;
    }
    this.#body = fetchBody(body, () => this.#startFirstByte());
    const init: WorkerRequestInit = {
      method,
      headers,
      body: this.#body.init,
      redirect: "manual",
      // Cloudflare caches by URL: what one caller was given for its key must not be another's.
      cache: "no-store",
      signal: this.#controller.signal,
      encodeResponseBody: "manual",
    };
    const send = this.#fetch;
    const answer = await send(`${origin.scheme}://${origin.hostname}:${origin.port}${path}`, init);
    if (this.#done) {
      await answer.body?.cancel();
      return;
    }
    const list: string[] = [];
    answer.headers.forEach((value, name) => {
      list.push(name, value);
    });
    if (hasUnknownCoding(list)) {
      this.#fail({ kind: "protocol", message: "the destination answered in a transfer coding that nobody asked for" });
      await answer.body?.cancel();
      return;
    }
    this.#answered = true;
    this.#reader = answer.body === null ? null : bodyReader(answer.body);
    this.#resolve({ kind: "answer", status: answer.status, headers: list, body: this, sender: null, peer: { address: null, protocol: null } });
    if (this.#reader === null) this.#end();
    else this.#pump();
  }

  // -- for the core

  peek(beyond: number): Peeked | Promise<Peeked> {
    if (this.#heldBytes > beyond || this.#done) return this.#peeked();
    return new Promise((resolve) => {
      this.#peek = { beyond, resolve };
      this.#pump();
    });
  }

  consume(consumer: BodyConsumer): void {
    if (this.#consumer !== null) return;
    this.#consumer = new GuardedConsumer(consumer, this);
    this.#disarm();
    this.#flush();
  }

  pause(): void {
    this.#paused = true;
    // A caller that does not read is not a destination that does not send.
    if (this.#timerPhase === "idle") this.#disarm();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#flush();
  }

  cancel(): void {
    this.#consumer = SILENT;
    this.#held = [];
    this.#heldBytes = 0;
    this.#fail({ kind: "cancelled", message: "the answer was not wanted any more" });
  }

  // -- from the platform

  #pump(): void {
    if (this.#reader === null || this.#reading || this.#done || !this.#wanted()) return;
    this.#reading = true;
    this.#reader.read().then(this.#onRead, this.#onBroken);
  }

  #wanted(): boolean {
    if (this.#consumer !== null) return !this.#paused;
    return this.#heldBytes <= Math.max(HELD_BYTES, this.#peek?.beyond ?? 0);
  }

  readonly #onRead = (bytes: Uint8Array | null): void => {
    this.#reading = false;
    if (this.#done) return;
    if (bytes === null) {
      this.#end();
      return;
    }
    this.#heardAt = performance.now();
    if (this.#consumer !== null && !this.#paused && this.#heldBytes === 0) this.#consumer.chunk(bytes);
    else {
      this.#held.push(bytes);
      this.#heldBytes += bytes.length;
      if (this.#peek !== null && this.#heldBytes > this.#peek.beyond) this.#answerPeek();
    }
    this.#pump();
  };

  readonly #onBroken = (): void => {
    this.#reading = false;
    this.#fail({ kind: "reset", sent: true, message: "the destination broke off its answer" });
  };

  readonly #onAbort = (): void => {
    this.#fail(abortFailure(this.#signal));
  };

  /**
   * A Worker cannot tell a refused connection from a certificate that proves nothing, or from a connection that broke when
   * the request had left. So it is none of them for sure: tried elsewhere only where sending twice is safe, and a refusal
   * otherwise. Nothing is ever taken from a destination that did not prove itself.
   */
  #opaque(): AttemptFailure {
    if (this.#body?.broken() === true) return { kind: "request_body", message: "the request body broke off" };
    return { kind: "reset", sent: true, message: "the platform could not complete the request, and does not say why" };
  }

  #end(): void {
    if (this.#done) return;
    this.#finished = true;
    this.#close();
  }

  #fail(failure: AttemptFailure): void {
    if (this.#done) return;
    this.#failure = failure;
    this.#close();
    this.#controller.abort();
    this.#reader?.cancel();
  }

  // -- inside

  #close(): void {
    this.#done = true;
    this.#disarm();
    this.#signal.removeEventListener("abort", this.#onAbort);
    if (!this.#answered) {
      this.#answered = true;
      this.#resolve(this.#failure ?? this.#opaque());
      return;
    }
    if (this.#peek !== null) this.#answerPeek();
    this.#flush();
  }

  /** Gives the consumer what is held, then the end if it has come. */
  #flush(): void {
    const consumer = this.#consumer;
    if (consumer === null) return;
    while (this.#held.length > 0 && !this.#paused) {
      const bytes = this.#held.shift() ?? NOTHING;
      this.#heldBytes -= bytes.length;
      consumer.chunk(bytes);
    }
    if (this.#paused || this.#consumer !== consumer) return;
    if (this.#failure !== null) {
      this.#consumer = SILENT;
      consumer.failed(this.#failure);
    } else if (this.#finished) {
      this.#consumer = SILENT;
      consumer.end(null);
    } else {
      if (this.#request.timeouts.streamIdleMs !== null) this.#arm("idle", this.#request.timeouts.streamIdleMs);
      this.#pump();
    }
  }

  #peeked(): Peeked {
    if (this.#heldBytes > 0 && this.#timerPhase === "first_byte") this.#disarm();
    if (this.#held.length > 1) this.#held = [joined(this.#held, this.#heldBytes)];
    return { bytes: this.#held[0] ?? NOTHING, ended: this.#finished, failure: this.#failure };
  }

  #answerPeek(): void {
    const waiting = this.#peek;
    this.#peek = null;
    waiting?.resolve(this.#peeked());
  }

  #startFirstByte(): void {
    const limit = this.#request.timeouts.firstByteMs;
    if (this.#done || this.#consumer !== null || this.#heldBytes > 0 || limit === null) return;
    this.#arm("first_byte", limit);
  }

  #arm(phase: "first_byte" | "idle", ms: number): void {
    this.#disarm();
    this.#timerPhase = phase;
    this.#heardAt = performance.now();
    this.#wait(phase, ms, ms);
  }

  /** One timer that looks back when it fires: setting a new one for each chunk would cost more than the chunk. */
  #wait(phase: "first_byte" | "idle", limit: number, ms: number): void {
    this.#timer = setTimeout(() => {
      const left = phase === "idle" ? limit - (performance.now() - this.#heardAt) : 0;
      if (left > 1) this.#wait(phase, limit, left);
      else this.#fail({ kind: "timeout", phase, message: `${phase === "idle" ? "nothing came for" : "no first byte within"} ${limit} ms` });
    }, ms);
  }

  #disarm(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timerPhase = "none";
  }
}

/** Takes the place of the consumer when it must hear nothing more. */
const SILENT: BodyConsumer = { chunk: ignore, end: ignore, failed: ignore };

function ignore(): void {}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
