import { createServer } from "node:http";

export interface MetricsServer {
  readonly port: number;
  close(): void;
}

/** Serves `/-/metrics` on a port of its own, which is for the network to guard. Rejects when it cannot listen there. */
export function serveMetrics(metricsText: () => string, port: number, host: string): Promise<MetricsServer> {
  const server = createServer((request, response) => {
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
