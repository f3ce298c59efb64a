import type { ServerHttp2Stream } from "node:http2";
import type { Duplex } from "node:stream";
import { HEAD_BOUNDS } from "../../src/index.ts";
import { Http2Answer } from "./http2-answer.ts";
import { createHttp2Exchange, readHttp2Head } from "./http2-exchange.ts";
import { createHttp2Sessions } from "./http2-sessions.ts";
import { cutShort } from "./node-responder.ts";
import type { NodeServerOptions } from "./node-server.ts";
import { BROKEN, type Fault, requestFault } from "./request-fault.ts";

/** The calls that come over HTTP/2, checked as those over HTTP/1.1. */
export interface Http2Calls {
  /** Takes over a connection that speaks HTTP/2. */
  accept(socket: Duplex): void;
  /** No new calls; each connection closes with its last one. */
  drain(): void;
  /** Ends the answers under way as broken ones. */
  cut(): void;
  destroy(): void;
}

export function createHttp2Calls({ place, onExchange, onAdmin, onFault }: NodeServerOptions): Http2Calls {
  const open = new Set<Http2Answer>();

  function take(stream: ServerHttp2Stream, raw: readonly string[]): void {
    const head = readHttp2Head(raw);
    const answer = new Http2Answer(stream, head.method, head.grpc);
    open.add(answer);
    stream.once("close", () => open.delete(answer));
    try {
      const fault = faultOf(head);
      if (fault !== null) refuse(answer, fault);
      else if (head.path.startsWith("/-/")) takeAdmin(stream, raw);
      else onExchange(createHttp2Exchange(stream, head, answer, place));
    } catch (error) {
      const id = crypto.randomUUID();
      onFault(id, error);
      if (answer.headersSent) answer.destroy();
      else refuse(answer, BROKEN, id);
    }
  }

  /** The broker's own pages are no hot path: Node's own look-alikes of node:http serve them. */
  function takeAdmin(stream: ServerHttp2Stream, raw: readonly string[]): void {
    const { Http2ServerRequest, Http2ServerResponse } = process.getBuiltinModule("node:http2");
    const headers = Object.fromEntries(Array.from({ length: raw.length / 2 }, (_, i) => [raw[i * 2] ?? "", raw[i * 2 + 1] ?? ""]));
    onAdmin(new Http2ServerRequest(stream, headers, {}, raw), new Http2ServerResponse(stream));
  }

  const sessions = createHttp2Sessions(take);
  return {
    accept: sessions.accept,
    drain: sessions.drain,
    cut: () => {
      for (const answer of open) cutShort(answer);
    },
    destroy: sessions.destroy,
  };
}

function faultOf({ method, path, authority, headers }: ReturnType<typeof readHttp2Head>): Fault | null {
  if (method === "CONNECT") return { status: 405, code: "request_malformed", text: "This is no tunnel." };
  // Node tells callers of the bound, and takes up to 64 KiB all the same.
  let bytes = path.length;
  for (const text of headers) bytes += text.length;
  if (bytes > HEAD_BOUNDS.bytes) return { status: 431, code: "request_malformed", text: "The headers of the request are too large." };
  return requestFault({ rawHeaders: headers, headers: { host: authority ?? undefined }, url: path });
}

function refuse(answer: Http2Answer, fault: Fault, id: string = crypto.randomUUID()): void {
  const text = `${fault.text}\n`;
  answer.writeHead(fault.status, ["content-type", "text/plain; charset=utf-8", "x-egress-error", fault.code, "x-request-id", id]);
  answer.end(Buffer.from(text));
}
