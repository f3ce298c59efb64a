import type { RefusalCode } from "../../src/index.ts";

const HOST = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/;
const DEFAULT_PORT = /:(?:80|443)$/;

/**
 * The checks that a workerd of one's own leaves to us, as the Node server makes them; null: none fails. workerd joins Host and target to the URL without
 * looking at either, so that `Host: egress.example/openai` with `GET /files` would be a call of `/openai/files`.
 */
export function requestFault(request: Request): Response | null {
  const authority = authorityOf(request.url);
  // Missing only where another Worker has called this one, with a URL that it made itself.
  const host = request.headers.get("host") ?? authority;
  if (!HOST.test(host)) return refuse(400, "request_malformed", "The request has no Host that can be used.");
  if (bare(authority) !== bare(host)) return refuse(400, "request_malformed", "The request target is not a path.");
  if (request.headers.get("upgrade")?.toLowerCase() === "websocket") return refuse(501, "upgrade_unsupported", "A Worker carries no WebSockets.");
  return null;
}

/** What stands between `://` and the first `/` of a URL. Cut, not parsed: a parser would tidy up what is to be seen as it came. */
export function authorityOf(url: string): string {
  const start = url.indexOf("://") + 3;
  const slash = url.indexOf("/", start);
  return slash === -1 ? url.slice(start) : url.slice(start, slash);
}

function bare(authority: string): string {
  return authority.toLowerCase().replace(DEFAULT_PORT, "");
}

function refuse(status: number, code: RefusalCode, text: string): Response {
  const headers = { "content-type": "text/plain; charset=utf-8", "x-egress-error": code, "x-request-id": crypto.randomUUID() };
  return new Response(`${text}\n`, { status, headers });
}
