import type { Delivery, DeliveryEnd, HeaderList, Responder } from "../../src/index.ts";
import { WorkerDelivery } from "./worker-delivery.ts";

/** `manual` says that the body has its content coding already: workerd would compress it a second time. */
type WorkerResponseInit = ResponseInit & { readonly encodeBody: "manual" };

/** Statuses whose answer has no body (Fetch standard, "null body status"). */
const BODILESS: ReadonlySet<number> = new Set([204, 205, 304]);
/** The platform frames the answer itself. */
const FRAMING: ReadonlySet<string> = new Set(["content-length", "transfer-encoding", "connection", "keep-alive"]);

/** The way back to a caller of a Worker: one `Response`, which is given to `answer` as soon as its head is certain. */
export class WorkerResponder implements Responder {
  readonly #bodiless: boolean;
  readonly #answer: (response: Response) => void;
  #started = false;

  constructor(method: string, answer: (response: Response) => void) {
    this.#bodiless = method === "HEAD";
    this.#answer = answer;
  }

  get started(): boolean {
    return this.#started;
  }

  /** Throws `RangeError` or `TypeError` for what the platform cannot send; nothing has begun then. */
  reply(status: number, headers: HeaderList, body: Uint8Array | null): void {
    if (!this.#started) this.#begin(status, headers, body);
  }

  deliver(delivery: Delivery): Promise<DeliveryEnd> {
    return new Promise((resolve) => {
      const bodiless = this.#bodiless || BODILESS.has(delivery.status);
      const begin = (body: ReadableStream<Uint8Array> | Uint8Array | null) => this.#begin(delivery.status, delivery.headers, body);
      new WorkerDelivery(delivery, bodiless, begin, resolve).start();
    });
  }

  #begin(status: number, list: HeaderList, body: ReadableStream<Uint8Array> | Uint8Array | null): void {
    const headers = new Headers();
    for (let i = 0; i + 1 < list.length; i += 2) {
      const name = list[i] ?? "";
      if (!FRAMING.has(name.toLowerCase())) headers.append(name, list[i + 1] ?? "");
    }
    const init: WorkerResponseInit = { status, headers, encodeBody: "manual" };
    const content = this.#bodiless || BODILESS.has(status) ? null : body;
    const response = new Response(content as ConstructorParameters<typeof Response>[0], init); // nobody here makes shared memory
    this.#started = true;
    this.#answer(response);
  }
}
