import type { Transport, TransportFeature } from "../../src/index.ts";
import { FetchAttempt } from "./fetch-attempt.ts";

/**
 * What `fetch` of a Worker can honour, for the compiler. The platform makes the TLS handshake and the look-up itself: no roots,
 * pins, client certificates or addresses of our own, and no say in the protocol.
 */
export const FETCH_TRANSPORT_FEATURES: ReadonlySet<TransportFeature> = new Set<TransportFeature>(["plaintext"]);

/** The transport of Cloudflare Workers, over the platform's `fetch`. Holds nothing between calls: the platform keeps the connections. */
export function createFetchTransport(): Transport {
  return {
    features: FETCH_TRANSPORT_FEATURES,
    dispatch: (request, signal) => new Promise((resolve) => new FetchAttempt(request, signal, resolve).dispatch()),
    close: () => Promise.resolve(),
  };
}
