import { connect, type Socket } from "node:net";
import { type ConnectionOptions, connect as connectTls } from "node:tls";

/** How an answer ended, as a careful client can tell: its framing is complete, the connection broke before that, or neither in time. */
export type Ending = "clean" | "aborted" | "timeout";

/** What came back for bytes that went out as they are. */
export interface RawAnswer {
  /** Of the last answer that is not 1xx; 0: none came. */
  readonly status: number;
  /** Of every answer on the connection, 1xx too: more than one for one request is a smuggled second. */
  readonly statuses: readonly number[];
  /** As on the wire, names lower-case. */
  readonly headers: readonly (readonly [string, string])[];
  /** Without its framing, as latin1. */
  readonly body: string;
  readonly end: Ending;
  /** Milliseconds from the first byte out until the end. */
  readonly ms: number;
  /** All that came, framing included, as latin1. */
  readonly raw: string;
}

export interface RawCall {
  readonly socket: Socket;
  /** All that came so far, framing included, as latin1. */
  received(): string;
  /** Settles when the answer is complete, the connection is over, or the time is. Never rejects. */
  readonly answer: Promise<RawAnswer>;
}

export interface RawCallOptions {
  readonly port: number;
  /** Left out: plaintext. */
  readonly tls?: ConnectionOptions;
  /** Milliseconds until it is given up; 20,000 by default. */
  readonly ms?: number;
  /** Half-closes the connection once all is sent. */
  readonly halfClose?: boolean;
  /** Goes on reading after a complete answer, until the connection is over or the time is: what follows may be a second answer. */
  readonly untilClose?: boolean;
}

/** One connection, these bytes, and what comes back. Nothing is added, checked or repaired. */
export function rawCall(bytes: string | Buffer, options: RawCallOptions): RawCall {
  const { port, tls, ms = 20_000, halfClose = false, untilClose = false } = options;
  const socket = tls === undefined ? connect({ host: "127.0.0.1", port }) : connectTls({ host: "127.0.0.1", port, ...tls });
  const started = performance.now();
  let text = "";
  const answer = new Promise<RawAnswer>((settle) => {
    const end = (ending: Ending) => {
      clearTimeout(timer);
      const read = readAnswers(text, ending !== "timeout");
      settle({ ...read.last, statuses: read.statuses, end: ending, ms: performance.now() - started, raw: text });
      socket.destroy();
    };
    const timer = setTimeout(() => end(untilClose && readAnswers(text, false).whole ? "clean" : "timeout"), ms);
    socket.on("data", (data: Buffer) => {
      text += data.toString("latin1");
      if (!untilClose && readAnswers(text, false).whole) end("clean");
    });
    socket.on("error", () => {
      // A broken connection is an answer here.
    });
    socket.on("close", (hadError) => end(!hadError && readAnswers(text, true).whole ? "clean" : "aborted"));
    socket.on("end", () => end(readAnswers(text, true).whole ? "clean" : "aborted"));
  });
  socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
  if (halfClose) socket.end();
  return { socket, received: () => text, answer };
}

/** The bytes of a request with `content-length`. */
export function requestBytes(request: {
  readonly method?: string;
  readonly path?: string;
  readonly host?: string;
  readonly headers?: readonly (readonly [string, string])[];
  readonly body?: string | Buffer;
}): Buffer {
  const { method = "POST", path = "/v1/chat/completions", host = "broker.test", headers = [], body = "" } = request;
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const length = bytes.length === 0 && method === "GET" ? "" : `content-type: application/json\r\ncontent-length: ${bytes.length}\r\n`;
  return Buffer.concat([Buffer.from(`${method} ${path} HTTP/1.1\r\nhost: ${host}\r\n${lines}${length}\r\n`, "latin1"), bytes]);
}

/** The first value of a header; null: it is not there. */
export function headerOf(answer: RawAnswer, name: string): string | null {
  return answer.headers.find(([known]) => known === name)?.[1] ?? null;
}

/** Whether the text tells of an error in the words of a stream or of an API. */
export function tellsError(answer: RawAnswer): boolean {
  return /"error"\s*:|^event:\s*error/m.test(answer.body);
}

/** Whether these bytes, after which the connection ended, begin with a whole answer, as a lenient client reads them; what follows it does not matter. */
export function beginsWhole(text: string): boolean {
  // Parsers pass over line ends before an answer.
  let at = /^[\r\n]*/.exec(text)?.[0].length ?? 0;
  for (;;) {
    const one = readOne(text, at, true);
    if (one === null) return false;
    if (one.status >= 200) return one.whole;
    at = one.end;
  }
}

interface OneAnswer {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
}

const NOTHING: OneAnswer = { status: 0, headers: [], body: "" };

/** `closed`: the other side has ended the connection, which ends an answer without a length. */
function readAnswers(text: string, closed: boolean): { readonly last: OneAnswer; readonly statuses: readonly number[]; readonly whole: boolean } {
  const statuses: number[] = [];
  let last = NOTHING;
  let whole = false;
  for (let at = 0; at < text.length; ) {
    const one = readOne(text, at, closed);
    // Bytes that are no answer, behind a whole one, are told as the status 0.
    if (one === null) return { last, statuses: /^H?T?T?P?/.exec(text.slice(at))?.[0] === "" ? [...statuses, 0] : statuses, whole: false };
    statuses.push(one.status);
    at = one.end;
    if (one.status < 200) continue;
    last = one;
    whole = one.whole;
    if (!whole) break;
  }
  return { last, statuses, whole };
}

/** The answer that begins at `at`; null: there is no whole head. */
function readOne(text: string, at: number, closed: boolean): (OneAnswer & { readonly whole: boolean; readonly end: number }) | null {
  const end = text.indexOf("\r\n\r\n", at);
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(text.slice(at, at + 16))?.[1] ?? 0);
  if (status === 0 || end === -1) return null;
  const headers = text
    .slice(at, end)
    .split("\r\n")
    .slice(1)
    .map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()] as const);
  if (status < 200) return { status, headers, body: "", whole: true, end: end + 4 };
  const body = readBody(text, end + 4, status, headers, closed);
  return { status, headers, body: body.text, whole: body.whole, end: body.end };
}

function readBody(text: string, start: number, status: number, headers: OneAnswer["headers"], closed: boolean) {
  const header = (name: string) => headers.find(([known]) => known === name)?.[1];
  if (status === 204 || status === 304) return { text: "", whole: true, end: start };
  if (header("transfer-encoding")?.toLowerCase() === "chunked") return readChunked(text, start);
  const length = header("content-length");
  if (length === undefined) return { text: text.slice(start), whole: closed, end: text.length };
  const end = start + Number(length);
  return { text: text.slice(start, end), whole: text.length >= end, end };
}

function readChunked(text: string, start: number) {
  let body = "";
  for (let at = start; ; ) {
    const line = text.indexOf("\r\n", at);
    const size = line === -1 ? Number.NaN : Number.parseInt(text.slice(at, line), 16);
    if (Number.isNaN(size)) return { text: body, whole: false, end: text.length };
    const next = line + 2 + size;
    body += text.slice(line + 2, next);
    if (text.length < next + 2) return { text: body, whole: false, end: text.length };
    if (size === 0) return { text: body, whole: true, end: next + 2 };
    at = next + 2;
  }
}
