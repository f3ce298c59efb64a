import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createHttp2Server, type Http2Server } from "node:http2";

/** A Service of the manifests, as far as an echo server needs it. */
export interface EchoService {
  readonly namespace: string;
  readonly name: string;
  readonly ports: readonly { readonly port: number; readonly h2c: boolean }[];
}

/** What a request looked like when it arrived; the suite's own JSON. */
export interface EchoedRequest {
  readonly path: string;
  readonly host: string;
  readonly method: string;
  readonly proto: string;
  readonly headers: Readonly<Record<string, readonly string[]>>;
  readonly namespace: string;
  readonly pod: string;
}

export interface EchoWorld {
  /** Address of a Service by `namespace/name`. */
  readonly addresses: ReadonlyMap<string, string>;
  /** All that arrived since the last `forget`. */
  received(): readonly EchoedRequest[];
  forget(): void;
  close(): Promise<void>;
}

/** One echo server a Service, each on a loopback address of its own, so that all keep the ports of their manifests. Linux has the whole of 127/8. */
export async function startEchoes(services: readonly EchoService[]): Promise<EchoWorld> {
  const block = `127.${randomInt(1, 250)}.${randomInt(1, 250)}`;
  const addresses = new Map<string, string>();
  const servers: (Server | Http2Server)[] = [];
  let received: EchoedRequest[] = [];
  for (const [index, service] of services.entries()) {
    const address = `${block}.${index + 1}`;
    addresses.set(`${service.namespace}/${service.name}`, address);
    const answer = (request: IncomingMessage, response: ServerResponse) => {
      const echoed = echo(service, request);
      received.push(echoed);
      request.resume();
      void reply(echoed, request, response);
    };
    for (const { port, h2c } of service.ports) {
      // The compatibility API of node:http2 has the same members, and nothing else of them is used here.
      const server = h2c
        ? createHttp2Server((request, response) => answer(request as unknown as IncomingMessage, response as unknown as ServerResponse))
        : createServer(answer);
      server.listen(port, address);
      await once(server, "listening");
      servers.push(server);
    }
  }
  return {
    addresses,
    received: () => received,
    forget: () => {
      received = [];
    },
    close: async () => {
      for (const server of servers) {
        server.close();
        if ("closeAllConnections" in server) server.closeAllConnections();
      }
    },
  };
}

/** The request as the suite writes it down. */
export function echo(service: EchoService, request: IncomingMessage): EchoedRequest {
  const headers: Record<string, string[]> = {};
  const { rawHeaders } = request;
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? "").toLowerCase();
    headers[name] = [...(headers[name] ?? []), rawHeaders[at + 1] ?? ""];
  }
  return {
    path: request.url ?? "",
    host: request.headers.host ?? request.headers[":authority"]?.toString() ?? "",
    method: request.method ?? "",
    proto: `HTTP/${request.httpVersion}`,
    headers,
    namespace: service.namespace,
    pod: `${service.name}-0`,
  };
}

/** Answers as the suite's echo server does, with the wait and the headers that the request asks for. */
export async function reply(echoed: EchoedRequest, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const delay = new URL(echoed.path, "http://echo").searchParams.get("delay");
  if (delay !== null) await new Promise((resolve) => setTimeout(resolve, delay.endsWith("ms") ? Number.parseFloat(delay) : Number.parseFloat(delay) * 1_000));
  for (const entry of [request.headers["x-echo-set-header"] ?? []].flat().flatMap((value) => value.split(","))) {
    const colon = entry.indexOf(":");
    if (colon > 0) response.appendHeader(entry.slice(0, colon).trim(), entry.slice(colon + 1).trim());
  }
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(echoed));
}
