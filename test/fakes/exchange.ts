import {
  type BodyConsumer,
  type BrokerPlace,
  type Delivery,
  type DeliveryEnd,
  type Exchange,
  type HeaderList,
  type IncomingBody,
  NOTHING_ATTESTED,
  type Responder,
  type StreamBody,
} from "../../src/index.ts";

export interface ExchangeOptions {
  readonly method?: string;
  readonly target?: string;
  readonly authority?: string;
  readonly headers?: HeaderList;
  readonly body?: string;
  /** Where the broker runs; unknown when left out. */
  readonly place?: BrokerPlace;
  /** False: no content-length, as with the chunked coding. */
  readonly declared?: boolean;
  /** The caller's request breaks off before its body is whole. */
  readonly breaksOff?: boolean;
}

/** What the caller got. */
export interface Received {
  readonly status: number;
  readonly headers: HeaderList;
  readonly body: string;
  /** The answer ended properly by its framing. */
  readonly whole: boolean;
}

/** An exchange in memory, with the caller at its other end. */
export interface FakeExchange {
  readonly exchange: Exchange;
  /** Null while not even a head has left. */
  received(): Received | null;
  /** Values of a header of the answer. */
  header(name: string): readonly string[];
  /** How often an answer was begun: more than once is a bug. */
  answers(): number;
  /** How often the body was asked for; more than once is a bug. */
  bodyReads(): number;
  /** The caller hangs up. */
  leave(): void;
  /** Listeners that are registered on the caller's signal. */
  listening(): number;
  /** Runs when the first byte has come. */
  onByte(callback: () => void): void;
}

export function createFakeExchange(options: ExchangeOptions = {}): FakeExchange {
  const caller = new AbortController();
  const listening = countListeners(caller.signal);
  let status = 0;
  let headers: HeaderList = [];
  let whole = false;
  let answers = 0;
  let bodyReads = 0;
  let gotByte = () => {};
  const parts: Uint8Array[] = [];
  const method = options.method ?? (options.body === undefined ? "GET" : "POST");

  const begin = (withStatus: number, withHeaders: HeaderList) => {
    answers += 1;
    status = withStatus;
    headers = withHeaders;
  };
  const took = (bytes: Uint8Array) => {
    parts.push(bytes);
    gotByte();
  };
  const responder: Responder = {
    get started() {
      return answers > 0;
    },
    reply(withStatus, withHeaders, body) {
      begin(withStatus, withHeaders);
      if (body !== null && method !== "HEAD") parts.push(body);
      whole = true;
    },
    deliver: (delivery) => deliver(delivery, caller.signal, { method, begin, bytes: took, end: () => (whole = true) }),
  };
  const text = options.body;
  const bytes = new TextEncoder().encode(text ?? "");
  const body: IncomingBody = {
    declaredLength: options.declared === false || text === undefined ? null : bytes.byteLength,
    present: text !== undefined,
    async collect(maxBytes) {
      bodyReads += 1;
      if (options.breaksOff === true) return "aborted";
      return bytes.byteLength > maxBytes ? "too_large" : bytes;
    },
    stream(maxBytes, replayBytes) {
      bodyReads += 1;
      return streamOf(bytes, maxBytes, replayBytes, options);
    },
  };
  return {
    exchange: {
      method,
      target: options.target ?? "/",
      scheme: "http",
      authority: options.authority ?? "egress.example",
      headers: options.headers ?? [],
      port: 80,
      remoteAddress: "192.0.2.99",
      protocol: "1.1",
      ...NOTHING_ATTESTED,
      place: options.place ?? NOTHING_ATTESTED.place,
      signal: caller.signal,
      body,
      responder,
      waitUntil: () => {},
    },
    received: () => (answers === 0 ? null : { status, headers, body: Buffer.concat(parts).toString(), whole }),
    header: (name) => headers.flatMap((field, index) => (index % 2 === 0 && field.toLowerCase() === name ? [headers[index + 1] ?? ""] : [])),
    answers: () => answers,
    bodyReads: () => bodyReads,
    leave: () => caller.abort(),
    listening,
    onByte: (callback) => {
      gotByte = callback;
    },
  };
}

/** Counts from now on. Every listener that is added is to be removed, whether it was called or not. */
function countListeners(signal: AbortSignal): () => number {
  const known = new Set<unknown>();
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  const counting: Pick<AbortSignal, "addEventListener" | "removeEventListener"> = {
    addEventListener: (...call: Parameters<AbortSignal["addEventListener"]>) => {
      known.add(call[1]);
      add(...call);
    },
    removeEventListener: (...call: Parameters<AbortSignal["removeEventListener"]>) => {
      known.delete(call[1]);
      remove(...call);
    },
  };
  Object.assign(signal, counting);
  return () => known.size;
}

interface Way {
  readonly method: string;
  readonly begin: (status: number, headers: HeaderList) => void;
  readonly bytes: (bytes: Uint8Array) => void;
  readonly end: () => void;
}

/** As a platform does it: the head waits for the first byte, and a break before that leaves the answer to the broker. */
function deliver(delivery: Delivery, gone: AbortSignal, way: Way): Promise<DeliveryEnd> {
  return new Promise((resolve) => {
    const { body, codec, status } = delivery;
    const bodiless = way.method === "HEAD" || status === 204 || status === 304;
    let written = 0;
    let started = false;
    let settled = false;
    const settle = (kind: DeliveryEnd["kind"], failure: DeliveryEnd["failure"] = null) => {
      if (settled) return;
      settled = true;
      gone.removeEventListener("abort", left);
      resolve({ kind, bytes: written, failure });
    };
    const head = () => {
      if (!started) way.begin(status, delivery.headers);
      started = true;
    };
    const write = (bytes: Uint8Array | null) => {
      if (bytes === null || bytes.byteLength === 0 || bodiless) return;
      head();
      if (written === 0) delivery.onFirstByte();
      written += bytes.byteLength;
      way.bytes(bytes);
    };
    const left = () => {
      body.cancel();
      settle("caller_gone");
    };
    const consumer: BodyConsumer = {
      chunk: (bytes) => {
        if (!settled) write(codec === null ? bytes : codec.chunk(bytes));
      },
      end: () => {
        if (settled) return;
        const last = bodiless ? null : (codec?.end() ?? null);
        write(last?.bytes ?? null);
        if (last !== null && !last.complete) {
          if (started) write(codec?.fail("truncated") ?? null);
          settle("truncated");
          return;
        }
        head();
        way.end();
        settle("complete");
      },
      failed: (failure) => {
        if (settled) return;
        if (started) write(codec?.fail("broken") ?? null);
        settle("upstream_failed", failure);
      },
    };
    if (gone.aborted) {
      left();
      return;
    }
    gone.addEventListener("abort", left);
    body.consume(consumer);
  });
}

function streamOf(bytes: Uint8Array, maxBytes: number, replayBytes: number, options: ExchangeOptions): StreamBody {
  let read = 0;
  return {
    kind: "stream",
    length: options.declared === false ? null : bytes.byteLength,
    replayable: () => read <= replayBytes,
    overflowed: () => read > maxBytes,
    async *open() {
      if (read > replayBytes) throw new Error("the body cannot be opened again");
      for (let at = 0; at < bytes.byteLength; at += 1_000) {
        read = Math.max(read, Math.min(at + 1_000, bytes.byteLength));
        if (read > maxBytes) throw new Error("the body is too large");
        if (options.breaksOff === true && at > 0) throw new Error("the caller left");
        yield bytes.subarray(at, at + 1_000);
      }
    },
  };
}
