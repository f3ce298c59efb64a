import type { IncomingMessage, ServerResponse } from "node:http";
import type { AdminPages, EventPlatform } from "../../src/index.ts";
import { answerProbe } from "./answer-probe.ts";

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
    if (answerProbe(request, response, ready)) return;
    pages ??= import("@hono/node-server").then(({ getRequestListener }) => getRequestListener((asked) => admin(asked, platform)));
    pages
      .then((answer) => answer(request, response))
      .catch((error: unknown) => {
        onFault(crypto.randomUUID(), error);
        response.destroy();
      });
  };
}
