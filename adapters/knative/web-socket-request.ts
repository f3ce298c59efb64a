import type { IncomingMessage } from "node:http";
import { originForm } from "./origin-form.ts";

/** Whether the request names the one protocol to which the broker changes. */
export function asksForWebSocket(request: IncomingMessage): boolean {
  return request.headers.upgrade?.toLowerCase() === "websocket";
}

/**
 * Whether HTTP may end on this connection with the request's head. Asked for a request with `Connection: Upgrade` alone. Everything else stays with
 * the parser, body and all: where the parser stopped at an `h2c` or at a body, what follows would be read by nobody or as something else (T10).
 */
export function mayUpgrade(request: IncomingMessage): boolean {
  const { headers, method, url = "" } = request;
  if (method !== "GET" || !asksForWebSocket(request) || originForm(url).startsWith("/-/")) return false;
  return headers["transfer-encoding"] === undefined && (headers["content-length"] ?? "0") === "0";
}
