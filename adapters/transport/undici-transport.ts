import { lookup } from "node:dns/promises";
import type { OutboundRequest, Transport, TransportFeature } from "../../src/index.ts";
import { createAddressBook, type Lookup } from "./address-book.ts";
import { abortFailure } from "./attempt.ts";
import { H1Attempt } from "./h1-attempt.ts";
import { H2Attempt } from "./h2-attempt.ts";
import { createPoolRegistry, type Pool } from "./pool-registry.ts";

export interface UndiciTransportOptions {
  /** All addresses of a name; the system's resolver by default. */
  readonly lookup?: Lookup;
  /** Milliseconds that never jump, for the age of look-ups. */
  readonly monotonic?: () => number;
}

/** What this transport can honour, for the compiler: no CRL and no key pins. */
export const NODE_TRANSPORT_FEATURES: ReadonlySet<TransportFeature> = new Set<TransportFeature>([
  "custom-ca",
  "client-cert",
  "dns-pin",
  "dns-guard",
  "sni",
  "h2",
  "h2c",
  "plaintext",
  "service",
  "host-rewrite",
]);

/**
 * The transport of Node: undici for HTTP/1.1, node:http2 for HTTP/2 (undici 7 takes a reset HTTP/2 stream for a finished
 * one), and one guarded connect under both. Holds connections until `close`.
 */
export function createUndiciTransport(options: UndiciTransportOptions = {}): Transport {
  const book = createAddressBook(options.lookup ?? systemLookup, options.monotonic ?? (() => performance.now()));
  const registry = createPoolRegistry(book);
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
        if (slot === null) resolve({ kind: "connect", detail: "other", message: "too many connections to this destination are in use" });
        else new H1Attempt(request, signal, resolve, pool, slot).dispatch();
      });
    },
    close: async () => {
      closed = true;
      registry.close();
    },
  };
}

/** getaddrinfo, as every other program on the machine: `/etc/hosts` and the cluster's search path count. */
async function systemLookup(hostname: string): Promise<readonly string[]> {
  const answers = await lookup(hostname, { all: true, order: "verbatim" });
  return answers.map((answer) => answer.address);
}
