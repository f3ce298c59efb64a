import type { OutgoingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { HeaderList } from "../../src/index.ts";
import type { CallerAnswer } from "./caller-message.ts";

/** How long the rest of a request is read and dropped after the answer. */
const LINGER_MS = 2_000;
const NO_ERROR = 0;

/** A stream of HTTP/2 as the way back to a caller: what the delivery of an answer asks of a `ServerResponse`, and trailers. */
export class Http2Answer implements CallerAnswer {
  readonly req: CallerAnswer["req"];
  readonly eager: boolean;
  headersSent = false;
  readonly #stream: ServerHttp2Stream;
  #head: OutgoingHttpHeaders = {};
  #begun = false;
  #trailers: HeaderList | null = null;
  #ended = false;

  constructor(stream: ServerHttp2Stream, method: string, grpc: boolean) {
    this.#stream = stream;
    this.req = { method, httpVersion: "2.0" };
    this.eager = grpc;
    stream.once("finish", () => this.#linger());
    stream.on("wantTrailers", () => this.#sendTrailers());
  }

  get destroyed(): boolean {
    return this.#stream.destroyed;
  }

  get writableEnded(): boolean {
    return this.#ended;
  }

  /** Node ends the writable side of a stream that was reset, too: only an end of ours counts. */
  get writableFinished(): boolean {
    return this.#ended && this.#stream.writableFinished && !this.#stream.aborted;
  }

  /** What waits for the caller's window. */
  get socket(): CallerAnswer["socket"] {
    return this.#stream;
  }

  writeHead(status: number, headers: readonly string[]): void {
    // Of a gRPC answer the trailers are the end, and a length would only contradict them.
    this.#head = toHttp2(status, headers, this.eager);
    this.headersSent = true;
  }

  flushHeaders(): void {
    this.#begin(false);
  }

  /** Nothing is known by a name of its own here: the head is a list. */
  hasHeader(): boolean {
    return false;
  }

  write(bytes: Uint8Array, written?: () => void): boolean {
    this.#begin(false);
    return this.#stream.write(bytes, written);
  }

  end(bytes?: Uint8Array | string, encoding: "latin1" = "latin1"): void {
    if (this.#ended) return;
    this.#ended = true;
    const empty = bytes === undefined || bytes.length === 0;
    // A head that is all of the answer says so itself: gRPC tells an answer of trailers only by it.
    this.#begin(empty && this.#trailers === null);
    if (empty) this.#stream.end();
    else this.#stream.end(bytes, encoding);
  }

  addHttp2Trailers(trailers: HeaderList): void {
    this.#trailers = trailers;
  }

  /** RST_STREAM with INTERNAL_ERROR. Not `close`, which may end the stream properly first. */
  destroy(): void {
    this.#stream.destroy(new Error("the answer broke off"));
  }

  on(event: "close" | "drain" | "finish", listener: () => void): this {
    this.#stream.on(event, listener);
    return this;
  }

  once(event: "close" | "drain" | "finish", listener: () => void): this {
    this.#stream.once(event, listener);
    return this;
  }

  off(event: "close" | "drain" | "finish", listener: () => void): this {
    this.#stream.off(event, listener);
    return this;
  }

  #begin(whole: boolean): void {
    if (this.#begun || this.#stream.destroyed || this.#stream.closed) return;
    this.#begun = true;
    try {
      // Waiting for trailers also keeps Node from ending a stream that is to be reset.
      this.#stream.respond(this.#head, whole ? { endStream: true } : { waitForTrailers: true });
    } catch {
      this.destroy();
    }
  }

  #sendTrailers(): void {
    if (!this.#ended || this.#stream.destroyed || this.#stream.closed) return;
    try {
      this.#stream.sendTrailers(this.#trailers === null ? {} : fields(this.#trailers));
    } catch {
      this.destroy();
    }
  }

  /** A caller that goes on sending after its answer is heard for a moment and then told to stop (RFC 9113 section 8.1). */
  #linger(): void {
    const stream = this.#stream;
    if (!this.#ended || stream.readableEnded || stream.destroyed) return;
    const timer = setTimeout(() => stream.close(NO_ERROR), LINGER_MS);
    stream.once("close", () => clearTimeout(timer));
    stream.resume();
  }
}

function toHttp2(status: number, headers: readonly string[], grpc: boolean): OutgoingHttpHeaders {
  const object = fields(headers);
  object[":status"] = status;
  if (grpc) delete object["content-length"];
  return object;
}

/** Names in lower case; repeated ones joined, as RFC 9110 section 5.3 allows, but for cookies. */
function fields(list: readonly string[]): OutgoingHttpHeaders {
  // Without what every object has: a header may be called `constructor`.
  const object: OutgoingHttpHeaders = Object.create(null);
  for (let i = 0; i < list.length; i += 2) {
    const name = (list[i] ?? "").toLowerCase();
    const value = list[i + 1] ?? "";
    const known = object[name];
    if (known === undefined) object[name] = value;
    else if (name === "set-cookie")
      object[name] = [known, value].flat() as string[]; // only strings are put in here
    else object[name] = `${known as string}, ${value}`; // the same
  }
  return object;
}
