import type { ClientHttp2Stream, OutgoingHttpHeaders } from "node:http2";
import type { AttemptFailure, CallSignal, HeaderList, OutboundRequest, Outcome } from "../../src/index.ts";
import { Attempt } from "./attempt.ts";
import { ConnectFailure } from "./connect-failure.ts";
import { lateHandshakeFailure } from "./h1-failure.ts";
import type { H2Pool, Session } from "./h2-pool.ts";
import { type BodyWatch, watchedBody } from "./outgoing-body.ts";

const MAX_HEADER_BYTES = 32_768;
/** Error codes of RFC 9113 section 7. */
const NO_ERROR = 0;
/** A flag of HEADERS frames (RFC 9113 section 6.2). */
const END_STREAM = 1;
const REFUSED_STREAM = 7;
const CANCEL = 8;

/** One attempt over HTTP/2: one stream. An answer is whole only if the destination ended the stream itself and the length it declared is there. */
export class H2Attempt extends Attempt implements BodyWatch {
  readonly #pool: H2Pool;
  #stream: ClientHttp2Stream | null = null;
  #session: Session | null = null;
  /** All of a streamed body was given to the stream. */
  #sent = false;
  #declared: number | null = null;
  #received = 0;
  #headSeen = false;
  /** The destination has ended the stream itself, by END_STREAM. */
  #endSeen = false;
  #trailers: HeaderList | null = null;

  constructor(request: OutboundRequest, signal: CallSignal, resolve: (outcome: Outcome) => void, pool: H2Pool) {
    super(request, signal, resolve);
    this.#pool = pool;
  }

  dispatch(): void {
    this.#pool.acquire().then(
      (session) => this.#open(session),
      (error: unknown) => {
        this.failed(error instanceof ConnectFailure ? error.failure : { kind: "connect", detail: "other", message: "the connection could not be made" });
      },
    );
  }

  #open(session: Session): void {
    if (this.done) {
      this.#pool.release(session);
      return;
    }
    const { body } = this.request;
    const bare = body.kind === "none" || (body.kind === "bytes" && body.bytes.length === 0) || (body.kind === "stream" && body.length === 0);
    let stream: ClientHttp2Stream;
    try {
      // Node ends the stream when it resets it, and a body that was broken off would pass for a whole one: waiting for trailers, it does not.
      stream = session.http2.request(toHttp2(this.request), { endStream: bare, waitForTrailers: !bare && body.kind === "stream" });
    } catch {
      session.retired = true;
      this.#pool.release(session);
      this.failed({ kind: "reset", sent: false, message: "the connection was closed before the request was sent" });
      return;
    }
    this.#stream = stream;
    this.#session = session;
    stream.once("close", () => {
      this.#pool.release(session);
      this.failed(this.#broken());
    });
    stream.on("wantTrailers", () => {
      if (this.#sent) stream.sendTrailers({});
    });
    stream.on("error", () => {
      // `close` follows and says what there is to say.
    });
    stream.on("response", (_headers, flags, raw) => this.#head(raw, flags, session));
    stream.on("trailers", (_headers: unknown, _flags: unknown, raw: readonly string[] = []) => this.#tail(raw));
    stream.on("data", (chunk: Buffer) => {
      this.#received += chunk.length;
      if (!this.dataArrived(chunk)) stream.pause();
    });
    this.#watchEnd(stream);
    stream.on("end", () => {
      if (!this.#endSeen || stream.rstCode !== NO_ERROR || stream.aborted) return;
      if (this.#declared !== null && this.#declared !== this.#received && this.request.method !== "HEAD") {
        this.failed({ kind: "protocol", message: "the answer is shorter or longer than it declared" });
      } else {
        this.#whole();
      }
    });
    if (bare) this.startFirstByte();
    else if (body.kind === "bytes") {
      stream.end(body.bytes);
      this.startFirstByte();
    } else if (body.kind === "stream") {
      void this.#write(stream, watchedBody(body, this), body.length);
    }
  }

  /** Node ends what is read of a stream that is reset with NO_ERROR as it ends a whole one, but has marked it as closed before: END_STREAM comes to an open one. */
  #watchEnd(stream: ClientHttp2Stream): void {
    const push = stream.push;
    stream.push = (chunk, encoding) => {
      if (chunk === null && !stream.closed) this.#endSeen = true;
      return push.call(stream, chunk, encoding);
    };
  }

  async #write(stream: ClientHttp2Stream, chunks: AsyncIterable<Uint8Array>, declared: number | null): Promise<void> {
    try {
      let length = 0;
      for await (const chunk of chunks) {
        if (stream.destroyed) return;
        length += chunk.length;
        if (declared !== null && length > declared) break;
        if (!stream.write(chunk)) await writable(stream);
      }
      // nghttp2 counts what comes, not what goes.
      if (declared !== null && length !== declared) {
        this.failed({ kind: "request_body", message: "the request body is shorter or longer than the caller declared" });
        return;
      }
      this.#sent = !this.done;
      stream.end();
      this.startFirstByte();
    } catch {
      // `broken` has said so.
      stream.close(CANCEL);
    }
  }

  #head(raw: readonly string[], flags: number, session: Session): void {
    let status = 0;
    const headers: string[] = [];
    for (let i = 0; i < raw.length; i += 2) {
      const name = raw[i] ?? "";
      const value = raw[i + 1] ?? "";
      if (name === ":status") status = Number(value);
      if (name === "content-length") this.#declared = Number(value);
      if (!name.startsWith(":")) headers.push(name, value);
    }
    if (sizeOf(raw) > MAX_HEADER_BYTES) {
      this.failed(TOO_LARGE);
      return;
    }
    this.#headSeen = true;
    this.headArrived(status, headers, session.connection.address, "h2");
    // A head that is all of the answer is handed on as one: gRPC reads its status in it only then. A HEAD request may declare a length that does not follow.
    if ((flags & END_STREAM) !== 0 && ((this.#declared ?? 0) === 0 || this.request.method === "HEAD")) this.#whole();
  }

  #tail(raw: readonly string[]): void {
    if (sizeOf(raw) > MAX_HEADER_BYTES) this.failed(TOO_LARGE);
    else this.#trailers = [...raw];
  }

  /** The destination is done; what it has not taken of the request it does not want (RFC 9113 section 8.1). */
  #whole(): void {
    this.ended(this.#trailers);
    const stream = this.#stream;
    if (stream !== null && !stream.writableEnded) stream.close(CANCEL);
  }

  #broken(): AttemptFailure {
    const refused = this.#headSeen ? null : lateHandshakeFailure(this.#session?.connection ?? null, this.request.clientCertificate !== null);
    if (refused !== null) return refused;
    // RFC 9113 section 8.7: nothing of the request was looked at, as with those beyond the last stream that a GOAWAY names.
    const untouched = !this.#headSeen && this.#stream?.rstCode === REFUSED_STREAM;
    return { kind: "reset", sent: !untouched, message: "the destination closed the stream" };
  }

  protected override resumeSource(): void {
    this.#stream?.resume();
  }

  protected override pauseSource(): void {
    this.#stream?.pause();
  }

  protected override destroySource(): void {
    // A connection on which a call timed out may be dead: nothing new goes on it.
    if (this.#session !== null && this.timedOut()) this.#session.retired = true;
    this.#stream?.close(CANCEL);
  }

  handedOver(): void {
    this.startFirstByte();
  }

  waiting(): void {
    this.stopFirstByte();
  }

  broken(): void {
    this.failed({ kind: "request_body", message: "the request body broke off" });
  }

  stopped(): boolean {
    return this.done;
  }
}

function sizeOf(raw: readonly string[]): number {
  return raw.reduce((sum, text) => sum + text.length, 0);
}

const TOO_LARGE: AttemptFailure = { kind: "protocol", message: "the header section of the answer is too large" };

/** HTTP/2 has `:authority` in place of Host, and lower-case names (RFC 9113 section 8.2). */
function toHttp2(request: OutboundRequest): OutgoingHttpHeaders {
  // Without what every object has: a header may be called `constructor`.
  const headers: OutgoingHttpHeaders = Object.create(null);
  Object.assign(headers, { ":method": request.method, ":scheme": request.origin.scheme, ":path": request.path });
  addAll(headers, request.headers);
  const { body } = request;
  const length = body.kind === "bytes" ? body.bytes.length : body.kind === "stream" ? body.length : null;
  if (length !== null) headers["content-length"] = length;
  return headers;
}

function addAll(headers: OutgoingHttpHeaders, list: HeaderList): void {
  for (let i = 0; i < list.length; i += 2) {
    const name = (list[i] ?? "").toLowerCase();
    const value = list[i + 1] ?? "";
    if (name === "host") {
      headers[":authority"] = value;
      continue;
    }
    const known = headers[name];
    headers[name] = known === undefined ? value : `${known as string}, ${value}`; // only strings are put in here
  }
}

function writable(stream: ClientHttp2Stream): Promise<void> {
  return new Promise((resolve) => {
    const go = (): void => {
      stream.off("drain", go).off("close", go);
      resolve();
    };
    stream.on("drain", go).on("close", go);
  });
}
