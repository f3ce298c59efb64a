import type { Readable } from "node:stream";
import type { HeaderList } from "../../src/index.ts";

/** What an answer leaves by. A `ServerResponse` of node:http is one as it is; `Http2Answer` makes a stream of HTTP/2 look like it. */
export interface CallerAnswer {
  readonly req: { readonly method?: string | undefined; readonly httpVersion: string };
  readonly headersSent: boolean;
  readonly destroyed: boolean;
  readonly writableEnded: boolean;
  /** All of it was handed on, and the caller was there to take it. */
  readonly writableFinished: boolean;
  /** What waits below for the caller. */
  readonly socket: { readonly writableLength: number; uncork(): void } | null;
  /** Throws when the head cannot be written; nothing has left then. */
  writeHead(status: number, headers: string[]): unknown;
  flushHeaders(): void;
  hasHeader(name: string): boolean;
  write(bytes: Uint8Array, written?: () => void): boolean;
  end(bytes?: Uint8Array): unknown;
  /** Bytes written as letters. */
  end(text: string, encoding: "latin1"): unknown;
  /** The answer stays open for ever: the caller sees that it is broken. */
  destroy(): unknown;
  on(event: "close" | "drain" | "finish", listener: () => void): this;
  once(event: "close" | "drain" | "finish", listener: () => void): this;
  off(event: "close" | "drain" | "finish", listener: () => void): this;
  /** True: the head leaves without waiting for the first byte of the body. */
  readonly eager?: boolean;
  /** To be called before `end`. Left out: the protocol has none that the caller would see. */
  addHttp2Trailers?(trailers: HeaderList): void;
}

/** A request body as its protocol gives it. */
export interface BodySource {
  readonly stream: Readable;
  /** From `content-length`. */
  readonly declaredLength: number | null;
  readonly present: boolean;
  /** False: the caller may keep silent for as long as the call may take (gRPC streams). */
  readonly paced: boolean;
  /** Asks for the body where the caller waits for that (`Expect: 100-continue`). */
  invite(): void;
  /** Whether a body that has ended was cut off. */
  isCut(): boolean;
}
