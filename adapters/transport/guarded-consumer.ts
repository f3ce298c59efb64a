import type { AnswerBody, AttemptFailure, BodyConsumer, HeaderList } from "../../src/index.ts";

const UNREADABLE: AttemptFailure = { kind: "protocol", message: "the destination's answer cannot be read" };

/**
 * A consumer that never throws. What reads an answer on its way may fail on what a destination has thought of (JSON too deep for its writer), and it is
 * called from the callbacks of sockets, where an exception would end the process or leave the call open for ever: the answer breaks off instead.
 */
export class GuardedConsumer implements BodyConsumer {
  readonly #consumer: BodyConsumer;
  readonly #body: AnswerBody;
  #broken = false;

  constructor(consumer: BodyConsumer, body: AnswerBody) {
    this.#consumer = consumer;
    this.#body = body;
  }

  chunk(bytes: Uint8Array): void {
    if (this.#broken) return;
    try {
      this.#consumer.chunk(bytes);
    } catch {
      this.#break();
    }
  }

  end(trailers: HeaderList | null): void {
    if (this.#broken) return;
    try {
      this.#consumer.end(trailers);
    } catch {
      this.#break();
    }
  }

  failed(failure: AttemptFailure): void {
    if (!this.#broken) this.#consumer.failed(failure);
  }

  #break(): void {
    this.#broken = true;
    this.#body.cancel();
    this.#consumer.failed(UNREADABLE);
  }
}
