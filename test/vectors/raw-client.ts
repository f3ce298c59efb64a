import { connect } from "node:net";

/** An answer as it came over the wire. */
export interface RawAnswer {
  readonly status: number;
  /** Flat list, in latin-1, as it stood there. */
  readonly headers: readonly string[];
  readonly body: Buffer;
  /** The framing was complete. */
  readonly whole: boolean;
}

/** Longest that a case may take, in milliseconds. */
const PATIENCE_MS = 20_000;

/**
 * Sends bytes and gives back the one answer that comes, not made prettier than it is. `onBody` hears what of the body has come
 * so far. `bodiless`: the answer to HEAD has no body whatever its head says.
 */
export function sendRaw(port: number, bytes: Buffer, bodiless: boolean, onBody: (body: string) => void): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port, noDelay: true });
    let received: Buffer = Buffer.alloc(0);
    const finish = (answer: RawAnswer | null): void => {
      clearTimeout(timer);
      socket.destroy();
      if (answer === null) reject(new Error(`no answer that can be read: ${JSON.stringify(received.toString("latin1").slice(0, 300))}`));
      else resolve(answer);
    };
    const timer = setTimeout(() => finish(parse(received, bodiless, true)), PATIENCE_MS);
    socket.on("data", (part) => {
      received = Buffer.concat([received, part]);
      const answer = parse(received, bodiless, false);
      if (answer === null) return;
      onBody(answer.body.toString());
      if (answer.whole) finish(answer);
    });
    socket.on("error", () => {});
    socket.on("close", () => finish(parse(received, bodiless, true)));
    socket.write(bytes);
  });
}

/** What there is of an answer; null: no whole head yet. `closed`: nothing more will come. */
function parse(received: Buffer, bodiless: boolean, closed: boolean): RawAnswer | null {
  const end = received.indexOf("\r\n\r\n");
  if (end === -1) return null;
  const [first = "", ...lines] = received.subarray(0, end).toString("latin1").split("\r\n");
  const status = Number(/^HTTP\/1\.1 (\d{3})(?: |$)/.exec(first)?.[1] ?? 0);
  const rest = received.subarray(end + 4);
  if (status >= 100 && status < 200) return parse(rest, bodiless, closed);
  const headers = lines.flatMap((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
  const none = bodiless || status === 204 || status === 304;
  if (none) return { status, headers, body: rest, whole: true };
  const value = (name: string) => headers.findLast((_, index) => index % 2 === 1 && headers[index - 1]?.toLowerCase() === name) ?? null;
  if (value("transfer-encoding") !== null) return { status, headers, ...unchunked(rest) };
  const length = value("content-length");
  if (length !== null) return { status, headers, body: rest, whole: rest.length === Number(length) };
  return { status, headers, body: rest, whole: closed };
}

function unchunked(bytes: Buffer): { readonly body: Buffer; readonly whole: boolean } {
  const parts: Buffer[] = [];
  for (let at = 0; ; ) {
    const line = bytes.indexOf("\r\n", at);
    if (line === -1) break;
    const size = Number.parseInt(bytes.subarray(at, line).toString("latin1"), 16);
    if (Number.isNaN(size)) break;
    if (size === 0) return { body: Buffer.concat(parts), whole: bytes.indexOf("\r\n", line + 2) !== -1 };
    parts.push(bytes.subarray(line + 2, Math.min(line + 2 + size, bytes.length)));
    at = line + 4 + size;
    if (at > bytes.length) break;
  }
  return { body: Buffer.concat(parts), whole: false };
}
