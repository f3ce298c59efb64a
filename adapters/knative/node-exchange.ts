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
import { createIncomingBody } from "./node-incoming-body.ts";
import { NodeResponder } from "./node-responder.ts";
import { originForm } from "./origin-form.ts";

/** One call of node:http as the broker takes it. The server has checked Host and the request target. `joiner`: of a WebSocket's handshake; null: it is none. */
export function createNodeExchange(request: IncomingMessage, response: ServerResponse, place: BrokerPlace, joiner: Joiner | null): Exchange {
  return new NodeExchange(request, response, place, joiner);
}

class NodeExchange implements Exchange {
  readonly method: string;
  readonly target: string;
  readonly scheme: "http" | "https";
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
  readonly #response: ServerResponse;
  #controller: CallAbort | null = null;

  constructor(request: IncomingMessage, response: ServerResponse, place: BrokerPlace, joiner: Joiner | null) {
    const { socket } = request;
    this.method = request.method ?? "";
    this.target = originForm(request.url ?? "");
    this.scheme = "encrypted" in socket ? "https" : "http";
    this.authority = request.headers.host ?? "";
    this.headers = request.rawHeaders;
    this.port = socket.localPort ?? null;
    this.remoteAddress = socket.remoteAddress ?? null;
    this.protocol = request.httpVersion;
    this.place = place;
    this.body = createIncomingBody(request, response);
    this.responder = new NodeResponder(request, response);
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
