import type { OutboundRequest, Transport, TransportFeature } from "../../src/index.ts";
import { FetchAttempt } from "./fetch-attempt.ts";

/**
 * What `fetch` of a Worker can honour, for the compiler. The platform makes the TLS handshake and the look-up itself: no roots,
 * pins or addresses of our own, client certificates only as bindings, and no say in the protocol.
 */
export const FETCH_TRANSPORT_FEATURES: ReadonlySet<TransportFeature> = new Set<TransportFeature>(["plaintext", "client-cert-binding"]);

/**
 * The transport of Cloudflare Workers, over the platform's `fetch`. Holds nothing between calls: the platform keeps the connections.
 * `bindings` are the Worker's own: one of kind `mtls_certificates` presents its certificate to the backends that ask for it.
 */
export function createFetchTransport(bindings: Readonly<Record<string, unknown>> = {}): Transport {
  return {
    features: FETCH_TRANSPORT_FEATURES,
    dispatch: (request, signal) => {
      const send = senderFor(request, bindings);
      // Never without the certificate: what would be sent is meant for a destination that knows who asks.
      if (send === null) return Promise.resolve({ kind: "connect", detail: "tls", message: "the binding of the client certificate is not there" });
      return new Promise((resolve) => new FetchAttempt(request, signal, send, resolve).dispatch());
    },
    close: () => Promise.resolve(),
  };
}

/** Null: the request needs a binding that is not there, or is no fetcher. */
function senderFor(request: OutboundRequest, bindings: Readonly<Record<string, unknown>>): typeof fetch | null {
  const name = request.tls?.clientCertificateBinding ?? null;
  // Called as a function of its own: workerd refuses `fetch` as a method of something else.
  if (name === null) return (input, init) => fetch(input, init);
  const binding = Object.hasOwn(bindings, name) ? bindings[name] : null;
  return isFetcher(binding) ? (input, init) => binding.fetch(input, init) : null;
}

function isFetcher(binding: unknown): binding is { readonly fetch: typeof fetch } {
  return typeof binding === "object" && binding !== null && "fetch" in binding && typeof binding.fetch === "function";
}
