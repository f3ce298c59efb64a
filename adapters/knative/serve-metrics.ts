import { createServer, type Server } from "node:http";

/** Serves `/-/metrics` on a port of its own. Rejects when it cannot listen there. */
export function serveMetrics(metricsText: () => string, port: number, host: string): Promise<Server> {
  const server = createServer((request, response) => {
    if (request.url !== "/-/metrics") {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" }).end(metricsText());
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => resolve(server));
  });
}
