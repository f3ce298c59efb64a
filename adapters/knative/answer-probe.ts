import type { IncomingMessage, ServerResponse } from "node:http";

/** Answers `/-/healthz` and `/-/readyz` in the same words as the pages of every platform. False: it is another page. */
export function answerProbe(request: IncomingMessage, response: ServerResponse, ready: () => boolean): boolean {
  const probed = request.method === "GET" ? readProbe(request.url, ready) : null;
  if (probed === null) return false;
  response.writeHead(probed.status, { "content-type": "text/plain;charset=UTF-8", "content-length": probed.text.length }).end(probed.text);
  return true;
}

function readProbe(url: string | undefined, ready: () => boolean): { readonly status: number; readonly text: string } | null {
  if (url === "/-/healthz") return { status: 200, text: "ok\n" };
  if (url !== "/-/readyz") return null;
  return ready() ? { status: 200, text: "ready\n" } : { status: 503, text: "not ready\n" };
}
