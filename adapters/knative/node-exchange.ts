import type { IncomingMessage, ServerResponse } from "node:http";
import {
  type BrokerPlace,
  type CallAbort,
  type CallSignal,
  createCallAbort,
  type Exchange,
  type HeaderList,
  type IncomingBody,
  type Joiner,
  type Responder,
} from "../../src/index.ts";
import type { BodySource, CallerAnswer } from "./caller-message.ts";
import { createIncomingBody, http1Body } from "./node-incoming-body.ts";
import { NodeResponder } from "./node-responder.ts";
import { originForm } from "./origin-form.ts";

/** What the head of a call and its connection say. */
export type CallHead = Pick<Exchange, "method" | "target" | "scheme" | "serverName" | "authority" | "headers" | "port" | "remoteAddress" | "protocol">;

/** One call of node:http as the broker takes it. The server has checked Host and the request target. `joiner`: of a WebSocket's handshake; null: it is none. */
export function createNodeExchange(request: IncomingMessage, response: ServerResponse, place: BrokerPlace, joiner: Joiner | null): Exchange {
  const { socket } = request;
  const serverName = serverNameOf(socket);
  const head: CallHead = {
    method: request.method ?? "",
    target: originForm(request.url ?? ""),
    scheme: serverName === null ? "http" : "https",
    serverName,
    authority: request.headers.host ?? "",
    headers: request.rawHeaders,
    port: socket.localPort ?? null,
    remoteAddress: socket.remoteAddress ?? null,
    protocol: request.httpVersion,
  };
  return new NodeExchange(head, http1Body(request, response), response, place, joiner);
}

/** The name of the certificate that the caller asked for, empty for none; null: the connection is not encrypted. */
export function serverNameOf(socket: object): string | null {
  if (!("encrypted" in socket)) return null;
  // Not by `in`: what stands for the socket of an HTTP/2 session says no to it.
  const name: unknown = Reflect.get(socket, "servername");
  return typeof name === "string" ? name.toLowerCase() : "";
}

/** One call of a server on Node, whatever its protocol. */
export class NodeExchange implements Exchange {
  readonly method: string;
  readonly target: string;
  readonly scheme: "http" | "https";
  readonly serverName: string | null;
  readonly authority: string;
  readonly headers: HeaderList;
  readonly port: number | null;
  readonly remoteAddress: string | null;
  readonly protocol: string;
  readonly principal = null;
  readonly place: BrokerPlace;
  readonly remainingMs = null;
  readonly routeName = null;
  readonly body: IncomingBody;
  readonly responder: Responder;
  readonly joiner: Joiner | null;
  readonly #response: CallerAnswer;
  #controller: CallAbort | null = null;

  constructor(head: CallHead, body: BodySource, response: CallerAnswer, place: BrokerPlace, joiner: Joiner | null) {
    this.method = head.method;
    this.target = head.target;
    this.scheme = head.scheme;
    this.serverName = head.serverName;
    this.authority = head.authority;
    this.headers = head.headers;
    this.port = head.port;
    this.remoteAddress = head.remoteAddress;
    this.protocol = head.protocol;
    this.place = place;
    this.body = createIncomingBody(body);
    this.responder = new NodeResponder(response);
    this.joiner = joiner;
    this.#response = response;
  }

  /** Made when somebody asks. */
  get signal(): CallSignal {
    if (this.#controller === null) {
      const controller = createCallAbort();
      const response = this.#response;
      this.#controller = controller;
      if (response.destroyed && !response.writableFinished) controller.abort();
      else {
        response.once("close", () => {
          if (!response.writableFinished) controller.abort();
        });
      }
    }
    return this.#controller.signal;
  }

  /** A server's process lives on by itself; only the rejection must not end it. */
  waitUntil(work: Promise<unknown>): void {
    work.catch(() => {
      // The work reports its own failures.
    });
  }
}
