import { joinBytes } from "../lib/utf8.ts";
import type { CallSignal } from "../model/call-signal.ts";
import type { Delivery, DeliveryEnd, Responder } from "../model/exchange.ts";
import type { HeaderList } from "../model/http.ts";
import type { AttemptFailure, BodyConsumer } from "../model/outcome.ts";

/** A whole answer, held because an event has no connection on which it could stream. */
export interface CollectedAnswer {
  readonly status: number;
  readonly headers: HeaderList;
  /** At most the bound. */
  readonly body: Uint8Array;
  /** Bytes that came; more than `body` has when it was cut. */
  readonly bytes: number;
}

/**
 * A way back that collects. Nothing counts as sent before all has come, so that an answer that breaks off is refused as a whole and the
 * event is delivered again. What exceeds `maxBytes` is counted and thrown away: usage stands at the end of an answer.
 */
export function createCollectingResponder(maxBytes: number, signal: CallSignal): Responder & { readonly answer: () => CollectedAnswer | null } {
  let answer: CollectedAnswer | null = null;
  return {
    answer: () => answer,
    get started() {
      return answer !== null;
    },
    reply(status, headers, body) {
      answer ??= { status, headers, body: (body ?? new Uint8Array()).subarray(0, maxBytes), bytes: body?.length ?? 0 };
    },
    deliver: (delivery) =>
      new Promise((resolve) => {
        const collecting = new Collecting(delivery, maxBytes, signal, (end, body) => {
          if (end.kind === "complete") answer ??= { status: delivery.status, headers: delivery.headers, body, bytes: end.bytes };
          resolve(end);
        });
        collecting.start();
      }),
  };
}

class Collecting implements BodyConsumer {
  readonly #delivery: Delivery;
  readonly #maxBytes: number;
  readonly #signal: CallSignal;
  readonly #done: (end: DeliveryEnd, body: Uint8Array) => void;
  readonly #parts: Uint8Array[] = [];
  #kept = 0;
  #bytes = 0;
  #over = false;

  constructor(delivery: Delivery, maxBytes: number, signal: CallSignal, done: (end: DeliveryEnd, body: Uint8Array) => void) {
    this.#delivery = delivery;
    this.#maxBytes = maxBytes;
    this.#signal = signal;
    this.#done = done;
  }

  start(): void {
    this.#signal.addEventListener("abort", this);
    if (this.#signal.aborted) this.handleEvent();
    else this.#delivery.body.consume(this);
  }

  /** Nobody waits for the event any more. */
  handleEvent(): void {
    this.#delivery.body.cancel();
    this.#end("caller_gone", null);
  }

  chunk(bytes: Uint8Array): void {
    const { codec } = this.#delivery;
    const out = codec === null ? bytes : codec.chunk(bytes);
    if (out !== null) this.#keep(out);
  }

  end(): void {
    const tail = this.#delivery.codec?.end() ?? null;
    if (tail?.bytes) this.#keep(tail.bytes);
    this.#end(tail === null || tail.complete ? "complete" : "truncated", null);
  }

  failed(failure: AttemptFailure): void {
    this.#delivery.codec?.fail("The destination broke off its answer.");
    this.#end("upstream_failed", failure);
  }

  #keep(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    if (this.#bytes === 0) this.#delivery.onFirstByte();
    this.#bytes += bytes.length;
    const room = this.#maxBytes - this.#kept;
    if (room <= 0) return;
    // A copy: the platform may use its buffer again.
    const part = bytes.slice(0, room);
    this.#kept += part.length;
    this.#parts.push(part);
  }

  #end(kind: DeliveryEnd["kind"], failure: AttemptFailure | null): void {
    if (this.#over) return;
    this.#over = true;
    this.#signal.removeEventListener("abort", this);
    this.#done({ kind, bytes: this.#bytes, failure }, joinBytes(this.#parts));
  }
}
