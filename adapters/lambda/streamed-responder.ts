import type { Delivery, DeliveryEnd, HeaderList, Responder } from "../../src/index.ts";
import { type Outlet, PacedDelivery } from "../delivery/paced-delivery.ts";
import { answerHeaders, isBodiless, joined } from "./answer-head.ts";
import { awsLambda, type ResponseStream, streamFailed } from "./runtime-client.ts";

/** Why an invocation ends as failed although its handler ran well: the platform then cuts the answer instead of ending it. */
export class BrokenAnswer extends Error {
  override readonly name = "BrokenAnswer";
}

/** The way back through the response stream of the runtime client. */
export class StreamedResponder implements Responder, Outlet {
  /** Not null: the answer broke after its head had left, and the invocation must end with this. */
  broken: BrokenAnswer | null = null;
  readonly #stream: ResponseStream;
  readonly #method: string;
  readonly #onGone: () => void;
  #head: { readonly status: number; readonly headers: HeaderList } | null = null;
  #delivery: PacedDelivery | null = null;
  #started = false;
  #ended = false;
  #gone = false;

  /** `onGone` is called once when the stream breaks before the answer is whole: nobody takes any more of it. */
  constructor(stream: ResponseStream, method: string, onGone: () => void) {
    this.#stream = stream;
    this.#method = method;
    this.#onGone = onGone;
    stream.on("error", (error) => {
      streamFailed(error);
      this.#leave();
    });
    stream.on("close", () => {
      if (!stream.writableFinished) this.#leave();
    });
    stream.on("drain", () => this.#delivery?.taken());
  }

  get started(): boolean {
    return this.#started;
  }

  get sent(): boolean {
    return this.#started;
  }

  reply(status: number, headers: HeaderList, body: Uint8Array | null): void {
    if (this.#started || this.#gone) return;
    this.#head = { status, headers };
    this.begin();
    if (body !== null && body.length > 0 && !isBodiless(this.#method, status)) this.write(body);
    this.end();
  }

  deliver(delivery: Delivery): Promise<DeliveryEnd> {
    return new Promise((resolve) => {
      this.#head = delivery;
      const running = new PacedDelivery(delivery, this, isBodiless(this.#method, delivery.status), resolve);
      this.#delivery = running;
      if (this.#gone) running.abandon("caller_gone");
      else running.start();
    });
  }

  /** Whatever happened, the stream is ended: a call whose caller left has no answer, but the platform waits for one. */
  finish(): void {
    if (!this.#started && !this.#gone) this.reply(499, [], null);
  }

  // -- Outlet

  begin(): void {
    const { status, headers } = this.#head ?? { status: 0, headers: [] };
    const prelude = { statusCode: status, ...joined(answerHeaders(status, headers)) };
    const lambda = awsLambda();
    if (lambda === null) throw new Error("the runtime client is gone");
    // The wrapped stream is the same one, told to write this before the first byte.
    lambda.HttpResponseStream.from(this.#stream, prelude);
    this.#started = true;
  }

  write(bytes: Uint8Array): boolean {
    this.#wrote = true;
    return this.#gone || this.#stream.write(bytes);
  }

  end(): void {
    this.#ended = true;
    if (this.#gone) return;
    // The prelude leaves with the first write, and an answer without a body has none.
    if (!this.#wrote) this.#stream.write("");
    this.#stream.end();
  }

  cut(): void {
    this.broken = new BrokenAnswer("the answer broke off after its head had left");
  }

  drop(): void {
    this.cut();
    // Its connection is the one by which the next answer would leave.
    this.#stream.destroy();
  }

  #wrote = false;

  #leave(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#delivery?.abandon("caller_gone");
    if (!this.#ended) this.#onGone();
  }
}
