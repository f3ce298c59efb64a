import type { Socket } from "node:net";
import type { CallSignal, OutboundRequest, Outcome } from "../../src/index.ts";
import { Attempt } from "./attempt.ts";
import { failureOf, lateHandshakeFailure } from "./h1-failure.ts";
import type { H1Pool, Slot } from "./h1-pool.ts";
import { type BodyWatch, watchedBody } from "./outgoing-body.ts";
import { hasUnknownCoding } from "./unknown-coding.ts";
import { createUpgradedSocket } from "./upgraded-socket.ts";

/**
 * One attempt over HTTP/1.1. It is undici's dispatch handler itself, in the old style of version 7, whose headers are raw
 * buffers: the new style builds an object of headers for each answer and costs 20 to 40 % more (docs/design.md, "The hot path").
 */
export class H1Attempt extends Attempt implements BodyWatch {
  readonly #pool: H1Pool;
  readonly #slot: Slot;
  #abort: (() => void) | null = null;
  #resume: (() => void) | null = null;
  #headSeen = false;
  #headers: readonly string[] = [];
  #released = false;

  constructor(request: OutboundRequest, signal: CallSignal, resolve: (outcome: Outcome) => void, pool: H1Pool, slot: Slot) {
    super(request, signal, resolve);
    this.#pool = pool;
    this.#slot = slot;
  }

  dispatch(): void {
    const { body, headers, method, path, tls, upgrade } = this.request;
    const length = body.kind === "stream" ? body.length : null;
    this.#slot.client.dispatch(
      {
        method,
        path,
        // undici takes the length of what it cannot measure from here and nowhere else.
        headers: length === null ? (headers as string[]) : [...headers, "content-length", `${length}`], // undici reads the list, and its type lacks readonly
        // undici takes any async iterable; its type names the rest.
        body: body.kind === "bytes" ? body.bytes : body.kind === "stream" && length !== 0 ? (watchedBody(body, this) as unknown as Buffer) : null,
        // The same for every call of a pool, so that undici keeps the connection whatever Host says.
        ...(tls !== null ? { servername: tls.serverName } : {}),
        ...(upgrade !== null ? { upgrade } : {}),
      },
      this,
    );
  }

  // -- undici's handler

  onConnect(abort: () => void): void {
    this.#abort = abort;
    // Cancelled while it waited for the connection: undici has written nothing yet.
    if (this.done) abort();
  }

  /** All of the request is written. Not in undici's types, and called by it. */
  onRequestSent(): void {
    this.startFirstByte();
  }

  onHeaders(status: number, raw: Buffer[], resume: () => void): boolean {
    // A 101 with `Upgrade` comes as `onUpgrade`; without it there is no protocol to change to, and no answer follows.
    if (status === 101) this.failed({ kind: "protocol", message: "the destination changed the protocol without saying to which" });
    // 1xx are not answers; undici refuses 100 itself.
    if (status < 200) return true;
    this.#headSeen = true;
    this.#resume = resume;
    this.#slot.resume = resume;
    this.#headers = textOf(raw);
    if (hasUnknownCoding(this.#headers)) {
      this.failed({ kind: "protocol", message: "the destination answered in a transfer coding that nobody asked for" });
      return true;
    }
    this.headArrived(status, this.#headers, this.#slot.connection?.address ?? null, "http/1.1");
    return true;
  }

  onData(chunk: Buffer): boolean {
    // undici says so when it goes on after a stop, and would stop again.
    if (chunk.length === 0) return true;
    const wanted = this.dataArrived(chunk);
    // undici starts the next read before it parses this one, and would hold it too; a plain socket (`dial`) stops at once and goes
    // on when undici reads again.
    if (!wanted) this.pauseSource();
    return wanted;
  }

  onComplete(): void {
    // What lasts until the connection closes is whole, under TLS, only with a close_notify (RFC 9112 section 9.8), and Node does not tell that from a cut.
    const connection = this.#slot.connection;
    if (connection?.failed === true || (this.request.tls !== null && connection?.socket.readableEnded === true && lastsUntilClose(this.#headers))) {
      this.#release(false);
      this.failed({ kind: "reset", sent: true, message: "the destination closed the connection" });
      return;
    }
    this.#release(true);
    this.ended();
  }

  onError(error: unknown): void {
    const refused = this.#headSeen ? null : lateHandshakeFailure(this.#slot.connection, this.request.clientCertificate !== null);
    this.#release(false);
    this.failed(refused ?? failureOf(error, this.#abort !== null));
  }

  /** The 101: the connection is nobody's but this attempt's from here on. undici calls it only where the request asked for it. */
  onUpgrade(status: number, raw: Buffer[], socket: Socket): void {
    this.#headSeen = true;
    this.stopFirstByte();
    const upgraded = createUpgradedSocket(socket, {
      chunk: (bytes) => this.dataArrived(bytes),
      end: () => this.ended(),
      broken: () => this.failed({ kind: "reset", sent: true, message: "the destination broke the connection" }),
      closed: () => this.#release(false),
    });
    this.#resume = upgraded.resume;
    this.#abort = upgraded.destroy;
    if (this.done) upgraded.destroy();
    else this.headArrived(status, textOf(raw), socket.remoteAddress ?? null, "http/1.1", upgraded.sender);
  }

  // -- the attempt's wire

  protected override resumeSource(): void {
    this.#resume?.();
    // undici reads on by itself only where its parser was stopped too.
    if (this.#readsPlain() && !this.sourceStopped) this.#slot.connection?.socket.read(0);
  }

  protected override pauseSource(): void {
    if (this.#readsPlain()) this.#slot.connection?.socket.pause();
  }

  /** A socket of `dial` that undici reads: paused, it reads nothing more. */
  #readsPlain(): boolean {
    return this.request.tls === null && this.request.upgrade === null;
  }

  protected override destroySource(): void {
    if (this.#abort !== null) this.#abort();
  }

  // -- the streamed body

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

  #release(reusable: boolean): void {
    if (this.#released) return;
    this.#released = true;
    this.#pool.release(this.#slot, reusable);
  }
}

/** RFC 9112 section 6.3: nothing in the head says where the body ends. */
function lastsUntilClose(headers: readonly string[]): boolean {
  return !headers.some((text, i) => i % 2 === 0 && /^(?:content-length|transfer-encoding)$/i.test(text));
}

function textOf(raw: readonly Buffer[]): string[] {
  const headers: string[] = new Array(raw.length);
  for (let i = 0; i < raw.length; i += 1) headers[i] = raw[i]?.toString("latin1") ?? "";
  return headers;
}
