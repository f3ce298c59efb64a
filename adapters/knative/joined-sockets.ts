import type { Socket } from "node:net";
import type { AttemptFailure, BodyConsumer, Joining, JoiningEnd } from "../../src/index.ts";
import { FrameEdges } from "./frame-edges.ts";

/** How long the last bytes of either side may take to leave. */
const LAST_BYTES_MS = 5_000;
/** Status 1001, "going away" (RFC 6455 section 7.4.1), as the server's close frame. */
const GOING_AWAY = Uint8Array.of(0x88, 0x02, 0x03, 0xe9);

/**
 * A caller's connection and a destination's after the 101, joined: what one says the other gets, as bytes. Each waits for the other to read, so that
 * memory holds no more than the two sockets do. Ends when either side ends or breaks, when both are silent for too long, or when it is cut.
 */
export class JoinedSockets implements BodyConsumer {
  readonly #socket: Socket;
  readonly #joining: Joining;
  readonly #done: (end: JoiningEnd) => void;
  readonly #toCaller = new FrameEdges();
  readonly #toDestination = new FrameEdges();
  #bytes = 0;
  #bytesSent = 0;
  #over = false;
  #idle: NodeJS.Timeout | undefined;
  #lastBytes: NodeJS.Timeout | undefined;

  constructor(socket: Socket, joining: Joining, done: (end: JoiningEnd) => void) {
    this.#socket = socket;
    this.#joining = joining;
    this.#done = done;
  }

  start(): void {
    const { body, sender, idleMs } = this.#joining;
    const socket = this.#socket;
    if (idleMs !== null) this.#idle = setTimeout(() => this.#stop("idle", null), idleMs);
    socket.setNoDelay(true);
    socket.setTimeout(0);
    socket.on("data", this.#heard).on("drain", this.#drained).on("end", this.#callerEnded).on("close", this.#callerClosed);
    sender.onDrain(() => void socket.resume());
    socket.resume();
    body.consume(this);
  }

  /** The server stops and cannot wait. */
  cut(): void {
    this.#stop("cut", null);
  }

  // -- the destination speaks

  chunk(bytes: Uint8Array): void {
    if (this.#over || this.#socket.destroyed) return;
    this.#idle?.refresh();
    if (this.#bytes === 0) this.#joining.onFirstByte();
    this.#bytes += bytes.length;
    this.#toCaller.passed(bytes);
    if (!this.#socket.write(bytes)) this.#joining.body.pause();
  }

  end(): void {
    this.#finish("complete", null);
  }

  failed(failure: AttemptFailure): void {
    if (failure.kind === "timeout" && failure.phase === "total") this.#stop("cut", failure);
    else this.#finish(failure.kind === "cancelled" ? "caller_gone" : "upstream_failed", failure);
  }

  // -- the caller speaks

  readonly #heard = (bytes: Buffer): void => {
    if (this.#over) return;
    this.#idle?.refresh();
    this.#bytesSent += bytes.length;
    this.#toDestination.passed(bytes);
    if (!this.#joining.sender.write(bytes)) this.#socket.pause();
  };

  readonly #drained = (): void => {
    if (!this.#over) this.#joining.body.resume();
  };

  /** The destination may answer the last word, and then ends too: its transport waits no longer than we do. */
  readonly #callerEnded = (): void => {
    if (this.#over) return;
    this.#joining.sender.end();
    this.#lastBytes ??= setTimeout(() => this.#finish("complete", null), LAST_BYTES_MS);
  };

  readonly #callerClosed = (): void => {
    const inOrder = this.#lastBytes !== undefined;
    clearTimeout(this.#lastBytes);
    this.#joining.body.cancel();
    this.#settle(inOrder ? "complete" : "caller_gone", null);
  };

  // -- endings

  /** Ends both sides with a close frame where one can stand: neither the caller nor the destination is at fault. */
  #stop(kind: JoiningEnd["kind"], failure: AttemptFailure | null): void {
    if (this.#over) return;
    if (this.#toCaller.atEdge && !this.#socket.destroyed) this.#socket.write(GOING_AWAY);
    if (this.#toDestination.atEdge) this.#joining.sender.write(masked(GOING_AWAY));
    this.#finish(kind, failure);
  }

  #finish(kind: JoiningEnd["kind"], failure: AttemptFailure | null): void {
    if (this.#over) return;
    const socket = this.#socket;
    // Told at once: a server that stops waits for no socket to be told what it has carried.
    this.#settle(kind, failure);
    this.#joining.sender.end();
    // What was taken from the destination still has to reach the caller.
    if (!socket.writableEnded) socket.end();
    // What the caller says now is for nobody; read, so that its end is seen.
    socket.resume();
    clearTimeout(this.#lastBytes);
    this.#lastBytes = setTimeout(() => socket.destroy(), LAST_BYTES_MS);
    if (socket.destroyed) this.#callerClosed();
  }

  #settle(kind: JoiningEnd["kind"], failure: AttemptFailure | null): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#idle);
    this.#done({ kind, bytes: this.#bytes, bytesSent: this.#bytesSent, failure });
  }
}

/** As a client's frame, which must be masked by a key that nobody can guess (RFC 6455 section 5.3). */
function masked(frame: Uint8Array): Uint8Array {
  const [head = 0, length = 0, ...payload] = frame;
  const mask = crypto.getRandomValues(new Uint8Array(4));
  return Uint8Array.of(head, 0x80 | length, ...mask, ...payload.map((byte, index) => byte ^ (mask[index % 4] ?? 0)));
}
