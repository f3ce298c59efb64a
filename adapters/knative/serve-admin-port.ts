import { createServer } from "node:http";
import { answerProbe } from "./answer-probe.ts";

export interface AdminPort {
  readonly port: number;
  close(): void;
}

export interface AdminPortOptions {
  readonly metricsText: () => string;
  readonly ready: () => boolean;
  readonly port: number;
  readonly host: string;
}

/**
 * Serves `/-/metrics` on a port of its own, which is for the network to guard, and the two probes. The event loop takes one new connection of a port in each of its turns, so
 * that a probe at the port of calls waits behind all callers that connect: an instance with more of them than it can serve would be ended as dead.
 * Rejects when it cannot listen there.
 */
export function serveAdminPort({ metricsText, ready, port, host }: AdminPortOptions): Promise<AdminPort> {
  const server = createServer((request, response) => {
    if (answerProbe(request, response, ready)) return;
    if (request.url !== "/-/metrics") {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" }).end(metricsText());
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      const address = server.address();
      // A port was asked for: no pipe, so that the address is never a text.
      resolve({ port: typeof address === "object" && address !== null ? address.port : port, close: () => void server.close() });
    });
  });
}
