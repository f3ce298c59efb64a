import { Refusal } from "../model/errors.ts";
import type { CompiledGateway } from "../model/snapshot.ts";

/** The calls that are open at this instance, WebSockets and streams among them. */
export interface OpenCalls {
  /** Takes a place for a call of this namespace. Throws a `Refusal` `overloaded` where the Gateway, or the namespace at it, has as many as it may. */
  enter(gateway: CompiledGateway, namespace: string): void;
  /** Gives the place back: once for each `enter`, with the same Gateway and namespace, whatever was loaded since. */
  leave(gateway: CompiledGateway, namespace: string): void;
}

interface Places {
  open: number;
  readonly byNamespace: Map<string, number>;
}

/**
 * Bounds open calls by their number, since each holds memory until its end, and a caller that reads slowly decides when that is: one tenant with very many of them must
 * leave places for the others. Holds nothing of namespaces and Gateways without open calls.
 */
export function createOpenCalls(): OpenCalls {
  const gateways = new Map<string, Places>();
  return {
    enter({ id, bounds }, namespace) {
      let places = gateways.get(id);
      if (places === undefined) {
        places = { open: 0, byNamespace: new Map() };
        gateways.set(id, places);
      }
      const own = places.byNamespace.get(namespace) ?? 0;
      if (places.open >= bounds.maxOpenCalls) {
        throw refusal(`This instance has ${bounds.maxOpenCalls} open calls, as many as it takes (BrokerConfig spec.bounds.maxOpenCalls).`);
      }
      if (own >= bounds.maxOpenCallsPerNamespace) {
        throw refusal(
          `The namespace has ${own} open calls at this instance, as many as one may have (BrokerConfig spec.bounds.maxOpenCallsPerNamespace). End some, or read their answers faster.`,
        );
      }
      places.open += 1;
      places.byNamespace.set(namespace, own + 1);
    },
    leave({ id }, namespace) {
      const places = gateways.get(id);
      if (places === undefined) return;
      places.open -= 1;
      const own = (places.byNamespace.get(namespace) ?? 1) - 1;
      if (own > 0) places.byNamespace.set(namespace, own);
      else places.byNamespace.delete(namespace);
      if (places.open === 0) gateways.delete(id);
    },
  };
}

function refusal(detail: string): Refusal {
  return new Refusal("overloaded", { detail, retryAfter: 1 });
}
