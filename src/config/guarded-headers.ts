/**
 * Headers that no manifest may set, add or remove: framing and hop-by-hop fields (RFC 9110 section 7.6.1; writing them is how request smuggling
 * begins), the loop guard (RFC 8586 section 2), the name of the destination, and the model header that the broker itself sets.
 */
export const GUARDED_HEADERS: ReadonlySet<string> = new Set([
  "host",
  "content-length",
  "transfer-encoding",
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "upgrade",
  "cdn-loop",
  "via",
  "x-gateway-model-name",
]);

/** Whether no manifest may touch this header; the name in lower case. `Egress-*` is what brokers say to each other. */
export function isGuardedHeader(lowerName: string): boolean {
  return GUARDED_HEADERS.has(lowerName) || lowerName.startsWith("egress-");
}
