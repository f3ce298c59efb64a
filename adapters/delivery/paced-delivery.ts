import type { AttemptFailure, BodyConsumer, Delivery, DeliveryEnd } from "../../src/index.ts";

/** How long a caller may take nothing of what waits for it. */
const STALL_MS = 60_000;
const TRUNCATED = "The destination ended its answer before it was complete.";
const BROKEN = "The destination broke off its answer.";

/** What a platform gives an answer to leave by. */
export interface Outlet {
  /** True once the head is on its way: the broker cannot answer in place of the destination any more. */
  readonly sent: boolean;
  /** Takes the head, before the first byte. Throws when the platform cannot send it; nothing has begun then. */
  begin(): void;
  /** False: nothing more until `PacedDelivery.taken` is called. What was given is taken either way. */
  write(bytes: Uint8Array): boolean;
  /** The answer is whole. */
  end(): void;
  /** The answer is broken: what was written leaves, and its framing stays open, so that the caller notices (F8). */
  cut(): void;
  /** Nobody takes it: dropped at once. */
  drop(): void;
}

/**
 * One answer on its way: upstream body, codec, a platform's outlet, with back-pressure. The head leaves with the first byte. A broken
 * answer never ends properly: the dialect's error event is its last word, and then it is cut.
 */
export class PacedDelivery implements BodyConsumer {
  readonly #delivery: Delivery;
  readonly #outlet: Outlet;
  readonly #bodiless: boolean;
  readonly #done: (end: DeliveryEnd) => void;
  #begun = false;
  #written = 0;
  #waiting = false;
  #settled = false;
  #stall: ReturnType<typeof setTimeout> | undefined;

  constructor(delivery: Delivery, outlet: Outlet, bodiless: boolean, done: (end: DeliveryEnd) => void) {
    this.#delivery = delivery;
    this.#outlet = outlet;
    this.#bodiless = bodiless;
    this.#done = done;
  }

  start(): void {
    this.#delivery.body.consume(this);
  }

  /** The outlet has room again. */
  taken(): void {
    if (!this.#waiting || this.#settled) return;
    this.#waiting = false;
    clearTimeout(this.#stall);
    this.#delivery.body.resume();
  }

  /** The caller left (`caller_gone`), or cannot take this answer (`stalled`): the upstream is stopped. */
  abandon(kind: "caller_gone" | "stalled"): void {
    if (this.#settled) return;
    this.#delivery.body.cancel();
    this.#settle(kind, null);
  }

  // -- BodyConsumer

  chunk(bytes: Uint8Array): void {
    if (this.#settled || this.#bodiless) return;
    const { codec } = this.#delivery;
    const out = codec === null ? bytes : codec.chunk(bytes);
    if (out !== null) this.#write(out);
  }

  end(): void {
    if (this.#settled) return;
    const tail = this.#bodiless ? null : (this.#delivery.codec?.end() ?? null);
    if (tail?.bytes) this.#write(tail.bytes);
    if (this.#settled) return;
    if (tail !== null && !tail.complete) {
      this.#break("truncated", null, TRUNCATED);
      return;
    }
    if (!this.#begun && !this.#begin()) return;
    this.#outlet.end();
    this.#settle("complete", null);
  }

  failed(failure: AttemptFailure): void {
    if (!this.#settled) this.#break("upstream_failed", failure, BROKEN);
  }

  // -- writing

  #write(bytes: Uint8Array): void {
    if (bytes.length === 0 || (!this.#begun && !this.#begin())) return;
    const first = this.#written === 0;
    this.#written += bytes.length;
    const room = this.#outlet.write(bytes);
    if (first) this.#delivery.onFirstByte();
    if (room || this.#waiting || this.#settled) return;
    this.#waiting = true;
    this.#delivery.body.pause();
    this.#stall = setTimeout(() => {
      this.abandon("stalled");
      this.#outlet.drop();
    }, STALL_MS);
  }

  /** False: the head cannot be sent, and the delivery is over with nothing started. */
  #begin(): boolean {
    try {
      this.#outlet.begin();
      this.#begun = true;
      return true;
    } catch {
      // A status or a header that the platform will not send.
      this.#delivery.body.cancel();
      this.#settle("upstream_failed", { kind: "protocol", message: "the head of the answer cannot be handed on" });
      return false;
    }
  }

  #break(kind: "upstream_failed" | "truncated", failure: AttemptFailure | null, message: string): void {
    const event = this.#delivery.codec?.fail(message) ?? null;
    // Nothing has left: the broker answers in place of the destination.
    if (this.#outlet.sent) {
      if (event !== null) {
        this.#written += event.length;
        this.#outlet.write(event);
      }
      this.#outlet.cut();
    }
    this.#settle(kind, failure);
  }

  #settle(kind: DeliveryEnd["kind"], failure: AttemptFailure | null): void {
    if (this.#settled) return;
    this.#settled = true;
    clearTimeout(this.#stall);
    this.#done({ kind, bytes: this.#written, failure });
  }
}
