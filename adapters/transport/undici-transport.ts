import type { DegradedPort, EgressEvent, OutboundRequest, Transport, TransportFeature } from "../../src/index.ts";
import { type AddressBook, createAddressBook } from "./address-book.ts";
import { abortFailure } from "./attempt.ts";
import { H1Attempt } from "./h1-attempt.ts";
import { H2Attempt } from "./h2-attempt.ts";
import { createNameResolver, type Lookup, type ReverseLookup } from "./name-resolver.ts";
import { createPoolRegistry, type Pool } from "./pool-registry.ts";

export interface UndiciTransportOptions {
  /** All addresses of a name; by default the system's resolver, or the name servers that the manifest names. */
  readonly lookup?: Lookup;
  readonly reverse?: ReverseLookup;
  /** Milliseconds that never jump, for the age of look-ups. */
  readonly monotonic?: () => number;
  /** What was looked up and pinned, where that outlives the transport; by default it has its own. */
  readonly book?: AddressBook;
  /** Milliseconds since the Unix epoch, for the ends of certificates and revocation lists. */
  readonly now?: () => number;
  /** Told while a name is looked up in vain and its last addresses serve; of the book that the transport makes itself. */
  readonly degraded?: DegradedPort;
  /** Told of client certificates that cannot be used. */
  readonly emit?: (event: EgressEvent) => void;
}

/** What this transport can honour, for the compiler. */
export const NODE_TRANSPORT_FEATURES: ReadonlySet<TransportFeature> = new Set<TransportFeature>([
  "custom-ca",
  "client-cert",
  "crl",
  "spki-pin",
  "dns-pin",
  "dns-guard",
  "sni",
  "h2",
  "h2c",
  "plaintext",
  "service",
  "host-rewrite",
  "upgrade",
]);

/**
 * The transport of Node: undici for HTTP/1.1, node:http2 for HTTP/2 (undici 7 takes a reset HTTP/2 stream for a finished
 * one), and one guarded connect under both. Holds connections until `close`.
 */
export function createUndiciTransport(options: UndiciTransportOptions = {}): Transport {
  const own = createNameResolver();
  const resolver = { lookup: options.lookup ?? own.lookup, reverse: options.reverse ?? own.reverse };
  const registry = createPoolRegistry({
    book: options.book ?? createAddressBook(resolver.lookup, options.monotonic ?? (() => performance.now()), options.degraded),
    resolver,
    now: options.now ?? Date.now,
    emit: options.emit ?? (() => {}),
  });
  let closed = false;

  /** Null fails closed: a range or address that cannot be read permits nothing. */
  function poolFor(request: OutboundRequest): Pool | null {
    try {
      return registry.find(request);
    } catch {
      return null;
    }
  }

  return {
    features: NODE_TRANSPORT_FEATURES,
    dispatch: (request, signal) => {
      if (signal.aborted) return Promise.resolve(abortFailure(signal));
      if (closed) return Promise.resolve({ kind: "connect", detail: "other", message: "the transport is closed" });
      const pool = poolFor(request);
      if (pool === null) return Promise.resolve({ kind: "connect", detail: "denied", message: "the allowed addresses of the destination cannot be read" });
      return new Promise((resolve) => {
        if (pool.protocol === "h2") {
          new H2Attempt(request, signal, resolve, pool).dispatch();
          return;
        }
        const slot = pool.acquire();
        if (slot === null) resolve({ kind: "connect", detail: "full", message: "too many connections to this destination are in use" });
        else new H1Attempt(request, signal, resolve, pool, slot).dispatch();
      });
    },
    close: async () => {
      closed = true;
      registry.close();
    },
  };
}
