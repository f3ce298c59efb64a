import type { Delivery, DeliveryEnd, HeaderList, Responder } from "../../src/index.ts";
import type { CallerAnswer } from "./caller-message.ts";
import { NodeDelivery } from "./node-delivery.ts";
import { withLength } from "./with-length.ts";

/** A short text leaves in one write with its head, where bytes would be a second one; a longer one is not worth the copy. */
const ONE_WRITE_BYTES = 4_096;

/** What must happen to an answer under way when the server stops. */
const cuts = new WeakMap<CallerAnswer, () => void>();

/** Says what is to happen to this answer when the server stops; null: nothing any more. */
export function onCut(response: CallerAnswer, cut: (() => void) | null): void {
  if (cut === null) cuts.delete(response);
  else cuts.set(response, cut);
}

/** Ends an answer under way as a broken one, so that no caller takes it for whole. */
export function cutShort(response: CallerAnswer): void {
  cuts.get(response)?.();
}

/** The way back to a caller. */
export class NodeResponder implements Responder {
  readonly #response: CallerAnswer;

  constructor(response: CallerAnswer) {
    this.#response = response;
  }

  get started(): boolean {
    return this.#response.headersSent;
  }

  reply(status: number, headers: HeaderList, body: Uint8Array | null): void {
    const response = this.#response;
    if (response.headersSent || response.destroyed) return;
    response.writeHead(status, withLength(headers, status, body?.length ?? 0));
    if (body === null || body.length === 0) response.end();
    else if (body.length <= ONE_WRITE_BYTES) response.end(Buffer.from(body.buffer, body.byteOffset, body.length).toString("latin1"), "latin1");
    else response.end(body);
  }

  deliver(delivery: Delivery): Promise<DeliveryEnd> {
    return new Promise((resolve) => {
      const running = new NodeDelivery(this.#response, delivery, (end) => {
        onCut(this.#response, null);
        resolve(end);
      });
      onCut(this.#response, () => running.cut());
      running.start();
    });
  }
}
