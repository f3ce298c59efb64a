import { createPrivateKey, X509Certificate } from "node:crypto";
import type { EgressEvent, OutboundRequest, Secret } from "../../src/index.ts";

/** Certificates of which the last good one is kept. */
const KEPT = 512;

/** Which client certificate a request gets. Never throws. */
export interface ClientCertificates {
  /**
   * The request's own, unless that cannot be used and an earlier one of the same reference still can: a rotation that went wrong must not
   * take down what works, and is told once.
   */
  choose(request: Pick<OutboundRequest, "tls" | "clientCertificate">): Secret | null;
}

export function createClientCertificates(now: () => number, emit: (event: EgressEvent) => void): ClientCertificates {
  const lastGood = new Map<string, Secret>();
  const told = new WeakSet<Secret>();

  function tell(id: string, provider: string, secret: Secret, detail: string, serving: "stale" | "none"): void {
    if (told.has(secret)) return;
    told.add(secret);
    emit({ type: "credential.unavailable", time: now(), subject: id, data: { provider, reason: "malformed", detail, serving } });
  }

  return {
    choose: ({ tls, clientCertificate: own }) => {
      const reference = tls?.clientCertificate ?? null;
      if (own === null || reference === null) return own;
      const { id, location } = reference;
      const fault = pairFault(own, now());
      if (fault === null) {
        lastGood.delete(id);
        lastGood.set(id, own);
        const oldest = lastGood.size > KEPT ? lastGood.keys().next().value : undefined;
        if (oldest !== undefined) lastGood.delete(oldest);
        return own;
      }
      const good = lastGood.get(id);
      const usable = good !== undefined && pairFault(good, now()) === null ? good : null;
      tell(id, location.provider, own, fault, usable === null ? "none" : "stale");
      return usable ?? own;
    },
  };
}

/** Why a PEM cannot serve as a client certificate, in words of our own; null: it can. */
function pairFault(pem: Secret, now: number): string | null {
  try {
    // The first certificate is the leaf, as for every TLS library.
    const leaf = new X509Certificate(pem.reveal());
    if (!leaf.checkPrivateKey(createPrivateKey(pem.reveal()))) return "the client certificate and its private key do not belong together";
    return now < Date.parse(leaf.validTo) ? null : "the client certificate has expired";
  } catch {
    return "the client certificate is not a PEM with a certificate and its private key";
  }
}
