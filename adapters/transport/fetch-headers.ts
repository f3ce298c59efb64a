import type { OutboundRequest } from "../../src/index.ts";

/** The request's headers for `fetch`, which writes Host from the URL. Null: the request asks for another Host, which cannot be sent. */
export function fetchHeaders(request: OutboundRequest): Headers | null {
  const { scheme, hostname, port } = request.origin;
  const own = port === (scheme === "https" ? 443 : 80) ? hostname : `${hostname}:${port}`;
  const headers = new Headers();
  for (let i = 0; i + 1 < request.headers.length; i += 2) {
    const name = request.headers[i] ?? "";
    const value = request.headers[i + 1] ?? "";
    if (name.toLowerCase() !== "host") headers.append(name, value);
    else if (value !== own) return null;
  }
  // Whoever asked for no coding must get none; Cloudflare's network asks for its own where the header is missing.
  if (!headers.has("accept-encoding")) headers.set("accept-encoding", "identity");
  return headers;
}
