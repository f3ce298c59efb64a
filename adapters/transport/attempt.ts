import type { AnswerBody, AttemptFailure, BodyConsumer, CallSignal, HeaderList, OutboundRequest, Outcome, Peeked, UpgradedSender } from "../../src/index.ts";
import { ByteQueue } from "./byte-queue.ts";
import { GuardedConsumer } from "./guarded-consumer.ts";

/** The source is stopped while more than this many bytes of an answer wait for a consumer. */
const HELD_BYTES = 65_536;
const NOTHING = new Uint8Array(0);

/**
 * One attempt from dispatch to the last byte of its answer: holds the bytes until they are consumed, runs the two time
 * limits, and turns every end into a value. A wire (HTTP/1.1, HTTP/2) extends it and feeds it `headArrived`, `dataArrived`,
 * `ended` and `failed`; after the first of the latter two, or `cancel`, it hears and says nothing more.
 */
export abstract class Attempt implements AnswerBody {
  protected readonly request: OutboundRequest;
  protected done = false;
  readonly #signal: CallSignal;
  readonly #resolve: (outcome: Outcome) => void;
  #answered = false;
  #finished = false;
  #trailers: HeaderList | null = null;
  #failure: AttemptFailure | null = null;
  #consumer: BodyConsumer | null = null;
  #held = new ByteQueue();
  #paused = false;
  #sourceStopped = false;
  #chunks = 0;
  #peek: { readonly beyond: number; readonly resolve: (peeked: Peeked) => void } | null = null;
  #timer: NodeJS.Timeout | undefined;
  #timerPhase: "none" | "first_byte" | "idle" = "none";
  #armedAt = 0;
  #rearmed = false;

  constructor(request: OutboundRequest, signal: CallSignal, resolve: (outcome: Outcome) => void) {
    this.request = request;
    this.#signal = signal;
    this.#resolve = resolve;
    signal.addEventListener("abort", this);
  }

  /** Lets the source run again after `dataArrived` returned false, or `pauseSource`. */
  protected abstract resumeSource(): void;
  /** Stops the source between two of its chunks; what comes all the same is held. */
  protected abstract pauseSource(): void;
  /** Stops the source for good, at once. Called when the attempt ends before the source did. */
  protected abstract destroySource(): void;

  /** The signal aborted: the caller is gone, or the call's time is up. */
  handleEvent(): void {
    this.failed(abortFailure(this.#signal));
  }

  // -- from the wire

  protected headArrived(status: number, headers: HeaderList, address: string | null, protocol: string, sender: UpgradedSender | null = null): void {
    if (this.done || this.#answered) return;
    this.#answered = true;
    this.#resolve({ kind: "answer", status, headers, body: this, sender, peer: { address, protocol } });
  }

  /** False: the source must stop until `resumeSource`. */
  protected dataArrived(chunk: Uint8Array): boolean {
    if (this.done) return true;
    this.#chunks += 1;
    if (this.#consumer !== null && !this.#paused && this.#held.length === 0) {
      if (this.#timerPhase === "idle") this.#timer?.refresh();
      this.#consumer.chunk(chunk);
      // The consumer may have paused, or cancelled, inside `chunk`.
      this.#sourceStopped = this.#paused && !this.done;
      return !this.#sourceStopped;
    }
    this.#held.push(chunk);
    if (this.#peek !== null && this.#held.length > this.#peek.beyond) this.#answerPeek();
    this.#sourceStopped = this.#paused || this.#held.length > Math.max(HELD_BYTES, this.#peek?.beyond ?? 0);
    return !this.#sourceStopped;
  }

  protected ended(trailers: HeaderList | null = null): void {
    if (this.done) return;
    this.#finished = true;
    this.#trailers = trailers;
    this.#close();
  }

  protected failed(failure: AttemptFailure): void {
    if (this.done) return;
    this.#failure = failure;
    this.#close();
    this.destroySource();
  }

  /** The request is on the wire: the wait for the first byte of the answer's body begins. */
  protected startFirstByte(): void {
    const limit = this.request.timeouts.firstByteMs;
    // A head alone is not an answer (F7): only a consumer or bytes that wait for one end this wait.
    if (this.done || this.#consumer !== null || this.#held.length > 0 || limit === null) return;
    this.#arm("first_byte", limit);
  }

  protected stopFirstByte(): void {
    if (this.#timerPhase === "first_byte") this.#disarm();
  }

  protected get sourceStopped(): boolean {
    return this.#sourceStopped;
  }

  protected timedOut(): boolean {
    return this.#failure?.kind === "timeout";
  }

  // -- for the core

  peek(beyond: number): Peeked | Promise<Peeked> {
    if (this.#held.length > beyond || this.done) return this.#peeked();
    return new Promise((resolve) => {
      this.#peek = { beyond, resolve };
      this.#letSourceRun();
    });
  }

  consume(consumer: BodyConsumer): void {
    if (this.#consumer !== null) return;
    this.#consumer = new GuardedConsumer(consumer, this);
    this.#disarm();
    this.#flush();
  }

  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    // A caller that does not read is not a destination that does not send.
    if (this.#timerPhase === "idle") this.#disarm();
    if (this.#sourceStopped || this.done) return;
    this.#sourceStopped = true;
    this.pauseSource();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#flush();
  }

  cancel(): void {
    this.#consumer = SILENT;
    this.#held = new ByteQueue();
    if (this.done) return;
    this.#failure = { kind: "cancelled", message: "the answer was not wanted any more" };
    this.#close();
    this.destroySource();
  }

  // -- inside

  /** Nothing more comes from the wire. */
  #close(): void {
    this.done = true;
    this.#disarm();
    this.#signal.removeEventListener("abort", this);
    if (!this.#answered) {
      this.#answered = true;
      // `ended` before a head cannot be: the wires say `failed` then.
      this.#resolve(this.#failure ?? { kind: "protocol", message: "the answer ended before it began" });
      return;
    }
    if (this.#peek !== null) this.#answerPeek();
    if (this.#consumer !== null) this.#flush();
  }

  /** Gives the consumer what is held, then the end if it has come. */
  #flush(): void {
    const consumer = this.#consumer;
    if (consumer === null) return;
    while (this.#held.length > 0 && !this.#paused) consumer.chunk(this.#held.shift() ?? NOTHING);
    if (this.#paused || this.#consumer !== consumer) return;
    if (this.#failure !== null) {
      this.#consumer = SILENT;
      consumer.failed(this.#failure);
    } else if (this.#finished) {
      this.#consumer = SILENT;
      consumer.end(this.#trailers);
    } else {
      // Silence of one side says nothing of a connection that two sides speak on: whoever joins them counts it.
      if (this.request.timeouts.streamIdleMs !== null && this.request.upgrade === null) this.#arm("idle", this.request.timeouts.streamIdleMs);
      this.#letSourceRun();
    }
  }

  #letSourceRun(): void {
    if (!this.#sourceStopped || this.done) return;
    this.#sourceStopped = false;
    // Not at once: undici's parser must not be entered from inside another connection's callback.
    queueMicrotask(() => {
      if (!this.done && !this.#sourceStopped) this.resumeSource();
    });
  }

  #peeked(): Peeked {
    if (this.#held.length > 0) this.stopFirstByte();
    const pieces = this.#held.pieces();
    if (pieces.length > 1) this.#held = new ByteQueue([Buffer.concat(pieces)]);
    return { bytes: this.#held.pieces()[0] ?? NOTHING, ended: this.#finished, failure: this.#failure };
  }

  #answerPeek(): void {
    const waiting = this.#peek;
    this.#peek = null;
    waiting?.resolve(this.#peeked());
  }

  #arm(phase: "first_byte" | "idle", milliseconds: number): void {
    clearTimeout(this.#timer);
    this.#timerPhase = phase;
    this.#armedAt = performance.now();
    this.#timer = setTimeout(timeIsUp, milliseconds, this, milliseconds);
  }

  #disarm(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timerPhase = "none";
  }

  /** Called by the timer alone. */
  timeIsUp(milliseconds: number): void {
    const phase = this.#timerPhase;
    const timer = this.#timer;
    if (phase === "none") return;
    if (phase === "first_byte" && !this.#rearmed && performance.now() - this.#armedAt > milliseconds * 1.2) {
      // The loop was late, so the wait says nothing of the destination: once more (D9).
      this.#rearmed = true;
      this.#arm(phase, milliseconds);
      return;
    }
    // Timers run before sockets are read: what has arrived already must count.
    const chunks = this.#chunks;
    setImmediate(() => {
      if (this.#timer !== timer || this.#timerPhase !== phase || this.done) return;
      if (this.#chunks !== chunks && this.#peek === null) {
        if (phase === "first_byte") this.#arm(phase, milliseconds);
        return;
      }
      const what = phase === "idle" ? "nothing came for" : "no first byte within";
      this.failed({ kind: "timeout", phase, message: `${what} ${milliseconds} ms` });
    });
  }
}

function timeIsUp(attempt: Attempt, milliseconds: number): void {
  attempt.timeIsUp(milliseconds);
}

/** The core says that a call's time is up by aborting with a `TimeoutError`; every other reason means that nobody wants the answer. */
export function abortFailure(signal: CallSignal): AttemptFailure {
  const reason: unknown = signal.reason;
  const late = reason instanceof Error && reason.name === "TimeoutError";
  return late ? { kind: "timeout", phase: "total", message: "the call's time is up" } : { kind: "cancelled", message: "the answer is not wanted any more" };
}

/** Takes the place of the consumer when it must hear nothing more. */
const SILENT: BodyConsumer = { chunk: () => {}, end: () => {}, failed: () => {} };
