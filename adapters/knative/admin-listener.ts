import type { IncomingMessage, ServerResponse } from "node:http";
import type { AdminPages, EventPlatform } from "../../src/index.ts";

/**
 * The broker's own pages on Node. The two probes are answered here: they come before the first call, and the first Request and Response of a
 * process make Node load the whole of its fetch, which costs as much as Node's own start.
 */
export function createAdminListener(
  admin: AdminPages,
  ready: () => boolean,
  platform: EventPlatform,
  onFault: (id: string, error: unknown) => void,
): (request: IncomingMessage, response: ServerResponse) => void {
  let pages: Promise<(request: IncomingMessage, response: ServerResponse) => Promise<void>> | null = null;
  return (request, response) => {
    const probed = request.method === "GET" ? probe(request.url, ready) : null;
    if (probed !== null) {
      response.writeHead(probed.status, { "content-type": "text/plain;charset=UTF-8", "content-length": probed.text.length }).end(probed.text);
      return;
    }
    pages ??= import("@hono/node-server").then(({ getRequestListener }) => getRequestListener((asked) => admin(asked, platform)));
    pages
      .then((answer) => answer(request, response))
      .catch((error: unknown) => {
        onFault(crypto.randomUUID(), error);
        response.destroy();
      });
  };
}

/** Null: it is another page. The same words as the pages of every platform. */
function probe(url: string | undefined, ready: () => boolean): { readonly status: number; readonly text: string } | null {
  if (url === "/-/healthz") return { status: 200, text: "ok\n" };
  if (url !== "/-/readyz") return null;
  return ready() ? { status: 200, text: "ready\n" } : { status: 503, text: "not ready\n" };
}
