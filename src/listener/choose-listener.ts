import type { CompiledGateway, CompiledListener, Snapshot } from "../model/snapshot.ts";

/** A Gateway and one of its listeners. */
export interface ChosenListener {
  readonly gateway: CompiledGateway;
  readonly listener: CompiledListener;
}

/**
 * The one listener that takes the request: the most specific hostname wins, and no other listener sees it
 * (Gateway API, listener isolation). A port that no listener has is of no use for telling them apart and is passed over.
 * Calls over TLS are for HTTPS listeners and others for HTTP listeners; only where there is no HTTPS listener at all, somebody in front
 * terminates TLS for HTTP listeners.
 */
export function chooseListener(snapshot: Snapshot, host: string, port: number | null, scheme: "http" | "https"): ChosenListener | null {
  const secure = scheme === "https" && some(snapshot, (listener) => listener.tls !== null);
  const portCounts = port !== null && some(snapshot, (listener) => listener.port === port && (listener.tls !== null) === secure);
  let best: CompiledListener | null = null;
  let bestGateway: CompiledGateway | null = null;
  let bestScore = -1;
  for (const gateway of snapshot.gateways) {
    for (const listener of gateway.listeners) {
      if ((listener.tls !== null) !== secure || (portCounts && listener.port !== port)) continue;
      const score = specificity(listener.hostname, host);
      if (score > bestScore) {
        best = listener;
        bestGateway = gateway;
        bestScore = score;
      }
    }
  }
  return best === null || bestGateway === null ? null : { gateway: bestGateway, listener: best };
}

function some(snapshot: Snapshot, fits: (listener: CompiledListener) => boolean): boolean {
  for (const gateway of snapshot.gateways) {
    for (const listener of gateway.listeners) if (fits(listener)) return true;
  }
  return false;
}

/** How closely a listener's hostname fits: -1 not at all, 0 any host, then longer is better and exact beats a wildcard. */
function specificity(hostname: string | null, host: string): number {
  if (hostname === null) return 0;
  if (hostname === host) return 2 * hostname.length + 1;
  if (hostname.startsWith("*.") && host.length > hostname.length - 1 && host.endsWith(hostname.slice(1))) return 2 * hostname.length;
  return -1;
}
