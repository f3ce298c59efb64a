import type { Cleared } from "../model/cleared.ts";
import type { EgressEvent } from "../model/event.ts";
import type { UntrustedReason } from "../model/outcome.ts";
import type { SecretReference } from "../model/secret.ts";
import type { Attempted, CallInFlight } from "./attempt/attempt.ts";
import type { Stages } from "./stages.ts";

/** Our own certificate may have been replaced, and the destination has learnt of it before us. */
const OURS: ReadonlySet<UntrustedReason> = new Set(["no_client_certificate", "client_certificate_refused"]);

/**
 * Tells of a destination that was not believed, did not believe us, or answered from where it may not. Where what the broker holds may be at
 * fault, a revocation list that has ended or a client certificate that is refused, its source is asked again behind the call, at most once a
 * second: the next call has what is new.
 */
export function noteDistrust(stages: Stages, call: CallInFlight, cleared: Cleared, { outcome, attempt }: Attempted): void {
  if (outcome.kind === "violated") {
    const { region } = attempt;
    // What was promised of the place, and to whom.
    const promised = { rule: region?.rule ?? null, policies: region?.policies ?? [], reason: region?.reason ?? null };
    stages.emit(backendEvent("backend.region_violated", cleared, stages.clock.now(), promised));
  }
  if (outcome.kind !== "untrusted") return;
  stages.emit(backendEvent("backend.untrusted", cleared, stages.clock.now(), { reason: outcome.reason }));
  for (const source of suspects(cleared, outcome.reason)) {
    const held = stages.secrets.peek(source);
    if (held === null) continue;
    // What goes wrong is in the cache's own entry, and is told from there.
    const work = stages.secrets.refetch(source, held.secret, new AbortController().signal).catch(() => {});
    call.routed.exchange.waitUntil(work);
  }
}

function suspects({ target }: Cleared, reason: UntrustedReason): readonly SecretReference[] {
  const { tls } = target.backend;
  if (reason === "crl_expired") return tls?.crl?.sources ?? [];
  const own = tls?.clientCertificate ?? null;
  return own !== null && OURS.has(reason) ? [own] : [];
}

function backendEvent(type: "backend.untrusted" | "backend.region_violated", cleared: Cleared, time: number, more: EgressEvent["data"]): EgressEvent {
  const { backend } = cleared.target;
  return { type, time, subject: backend.key, data: { host: backend.origin.hostname, port: backend.origin.port, ...more } };
}
