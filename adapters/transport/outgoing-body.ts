import type { StreamBody } from "../../src/index.ts";

/** What the sender of a streamed body reports. */
export interface BodyWatch {
  /** The destination holds us up: it has bytes to take. */
  handedOver(): void;
  /** We wait for the caller. */
  waiting(): void;
  /** The caller's body broke off; its own error is not passed on. */
  broken(): void;
  /** True once nobody wants the rest. */
  stopped(): boolean;
}

/** The body's chunks, telling at each moment which side is the slow one: only the destination's silence counts against it. */
export async function* watchedBody(body: StreamBody, watch: BodyWatch): AsyncGenerator<Uint8Array> {
  try {
    watch.waiting();
    for await (const chunk of body.open()) {
      if (watch.stopped()) return;
      watch.handedOver();
      yield chunk;
      watch.waiting();
    }
  } catch {
    watch.broken();
    throw new Error("the request body broke off");
  }
}
