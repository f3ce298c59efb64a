import { STATUS_CODES } from "node:http";
import type { Delivery, DeliveryEnd, HeaderList, Responder } from "../../src/index.ts";
import { type Outlet, PacedDelivery } from "../delivery/paced-delivery.ts";
import { answerHeaders, isBodiless, joined } from "./answer-head.ts";
import type { FrontDoor } from "./http-event.ts";

/** What a handler that does not stream answers a front door. */
export interface BufferedAnswer {
  readonly statusCode: number;
  readonly statusDescription?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly multiValueHeaders?: Readonly<Record<string, readonly string[]>>;
  readonly cookies?: readonly string[];
  readonly body: string;
  readonly isBase64Encoded: boolean;
}

const MIB = 1024 * 1024;
/** Bytes of the whole answer as JSON. A load balancer takes one MiB, Lambda itself six. */
const LIMITS: Readonly<Record<FrontDoor, number>> = { v2: 6 * MIB, v1: 6 * MIB, alb: MIB, "alb-multi": MIB };
const TEXT = /^(?:text\/|application\/(?:[\w.+-]+\+)?(?:json|xml|javascript)\b|application\/(?:x-ndjson|x-www-form-urlencoded)\b)/i;

/** The way back for front doors that take an answer as one piece. */
export class BufferedResponder implements Responder, Outlet {
  readonly sent = false;
  readonly #door: FrontDoor;
  readonly #method: string;
  #head: { readonly status: number; readonly headers: HeaderList } | null = null;
  #delivery: PacedDelivery | null = null;
  #parts: Uint8Array[] = [];
  #bytes = 0;
  #answer: BufferedAnswer | null = null;

  constructor(door: FrontDoor, method: string) {
    this.#door = door;
    this.#method = method;
  }

  get started(): boolean {
    return this.#answer !== null;
  }

  /** What goes back, once the call is over. */
  answer(): BufferedAnswer {
    return this.#answer ?? this.#shape(499, [], new Uint8Array(0));
  }

  reply(status: number, headers: HeaderList, body: Uint8Array | null): void {
    this.#answer ??= this.#shape(status, headers, isBodiless(this.#method, status) ? null : body);
  }

  deliver(delivery: Delivery): Promise<DeliveryEnd> {
    return new Promise((resolve) => {
      this.#head = delivery;
      this.#parts = [];
      this.#bytes = 0;
      this.#delivery = new PacedDelivery(delivery, this, isBodiless(this.#method, delivery.status), resolve);
      this.#delivery.start();
    });
  }

  // -- Outlet

  begin(): void {
    // Looked at now, so that what is not HTTP is found before the body is read.
    if (this.#head !== null) answerHeaders(this.#head.status, this.#head.headers);
  }

  write(bytes: Uint8Array): boolean {
    this.#bytes += bytes.length;
    if (this.#bytes <= LIMITS[this.#door]) this.#parts.push(bytes);
    else this.#tooLarge();
    return true;
  }

  end(): void {
    if (this.#answer !== null || this.#head === null) return;
    const { status, headers } = this.#head;
    const answer = this.#shape(status, headers, Buffer.concat(this.#parts, this.#bytes));
    // As the runtime client will write it: JSON escapes what stands in the text.
    if (Buffer.byteLength(JSON.stringify(answer)) > LIMITS[this.#door]) this.#tooLarge();
    else this.#answer = answer;
  }

  cut(): void {
    // Nothing has left: the broker answers in place of the destination.
  }

  drop(): void {
    this.#parts = [];
  }

  /** The platform would answer with an error of its own that says nothing. */
  #tooLarge(): void {
    if (this.#answer !== null) return;
    this.#parts = [];
    const detail = `The answer is larger than the ${LIMITS[this.#door] / MIB} MiB that Lambda can hand back in one piece. Call the broker by a function URL that streams.`;
    const body = JSON.stringify({ type: "https://spillway.dev/errors/upstream_unavailable", title: "The answer is too large", status: 502, detail });
    const headers = ["content-type", "application/problem+json", "cache-control", "no-store", "x-egress-error", "upstream_unavailable"];
    this.#answer = this.#shape(502, headers, new TextEncoder().encode(body));
    // The destination did nothing wrong.
    this.#delivery?.abandon("stalled");
  }

  #shape(status: number, list: HeaderList, bytes: Uint8Array | null): BufferedAnswer {
    const headers = answerHeaders(status, list);
    const body = bodyText(headers, bytes ?? new Uint8Array(0));
    if (this.#door === "v2") return { statusCode: status, ...joined(headers), ...body };
    if (this.#door === "v1") return { statusCode: status, multiValueHeaders: Object.fromEntries(headers), ...body };
    const statusDescription = `${status} ${STATUS_CODES[status] ?? "Unknown"}`;
    if (this.#door === "alb-multi") return { statusCode: status, statusDescription, multiValueHeaders: Object.fromEntries(headers), ...body };
    // Without multi-value headers a load balancer takes one cookie: the first.
    const { headers: single, cookies } = joined(headers);
    const [cookie] = cookies;
    return { statusCode: status, statusDescription, headers: cookie === undefined ? single : { ...single, "set-cookie": cookie }, ...body };
  }
}

/** As text where it is certainly text in UTF-8, else in base64. */
function bodyText(headers: ReadonlyMap<string, readonly string[]>, bytes: Uint8Array): Pick<BufferedAnswer, "body" | "isBase64Encoded"> {
  const [type = ""] = headers.get("content-type") ?? [];
  if (bytes.length === 0) return { body: "", isBase64Encoded: false };
  if (!headers.has("content-encoding") && TEXT.test(type)) {
    try {
      return { body: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes), isBase64Encoded: false };
    } catch {
      // Another charset, or a lie.
    }
  }
  return { body: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64"), isBase64Encoded: true };
}
