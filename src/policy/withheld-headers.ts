/** Belong to the connection or to the broker itself: neither a question to an authorization server nor its answer may set them. */
export const WITHHELD_HEADERS: readonly string[] = [
  "connection",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "expect",
  "host",
  "via",
  "cdn-loop",
  "x-gateway-model-name",
];
