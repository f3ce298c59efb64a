import type { ServerHttp2Stream } from "node:http2";
import { type BrokerPlace, type Exchange, isGrpc } from "../../src/index.ts";
import type { BodySource } from "./caller-message.ts";
import type { Http2Answer } from "./http2-answer.ts";
import { NodeExchange, serverNameOf } from "./node-exchange.ts";
import { originForm } from "./origin-form.ts";

/** The header section of a call over HTTP/2. */
export interface Http2Head {
  readonly method: string;
  readonly path: string;
  /** `:authority`, else Host; null: neither, or two that differ. */
  readonly authority: string | null;
  /** As in HTTP/1.1: Host stands for `:authority`, and no other pseudo-header. */
  readonly headers: readonly string[];
  readonly grpc: boolean;
}

export function readHttp2Head(raw: readonly string[]): Http2Head {
  let method = "";
  let path = "";
  let authority: string | null = null;
  let host: string | null = null;
  const headers: string[] = ["host", ""];
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] ?? "";
    const value = raw[i + 1] ?? "";
    if (name === ":method") method = value;
    else if (name === ":path") path = value;
    else if (name === ":authority") authority = value;
    // A second Host stays where it is, and is refused as any repeated header that counts once.
    else if (name === "host" && host === null) host = value;
    else if (!name.startsWith(":")) headers.push(name, value);
  }
  // RFC 9113 section 8.3.1: whoever reads the one and whoever reads the other must see the same host.
  const differ = authority !== null && host !== null && authority.toLowerCase() !== host.toLowerCase();
  const known = differ ? null : (authority ?? host);
  headers[1] = known ?? "";
  return { method, path, authority: known, headers, grpc: isGrpc("2.0", headers) };
}

/** One call over HTTP/2 as the broker takes it; its head has been checked. */
export function createHttp2Exchange(stream: ServerHttp2Stream, head: Http2Head, answer: Http2Answer, place: BrokerPlace): Exchange {
  const socket = stream.session?.socket;
  const serverName = socket === undefined ? null : serverNameOf(socket);
  return new NodeExchange(
    {
      method: head.method,
      target: originForm(head.path),
      scheme: serverName === null ? "http" : "https",
      serverName,
      authority: head.authority ?? "",
      headers: head.headers,
      port: socket?.localPort ?? null,
      remoteAddress: socket?.remoteAddress ?? null,
      protocol: "2.0",
    },
    bodyOf(stream, head),
    answer,
    place,
    null,
  );
}

function bodyOf(stream: ServerHttp2Stream, { headers, grpc }: Http2Head): BodySource {
  let declaredLength: number | null = null;
  let asked = false;
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] === "content-length") declaredLength = Number(headers[i + 1]);
    if (headers[i] === "expect") asked = true;
  }
  return {
    stream,
    declaredLength,
    present: !stream.endAfterHeaders,
    paced: !grpc,
    invite: () => {
      if (asked && !stream.headersSent) stream.additionalHeaders({ ":status": 100 });
    },
    isCut: () => stream.aborted || stream.rstCode !== 0,
  };
}
