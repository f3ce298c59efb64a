import type { CredentialPlan } from "../model/backend.ts";
import type { CallSignal } from "../model/call-signal.ts";
import type { Cleared } from "../model/cleared.ts";
import type { Outcome } from "../model/outcome.ts";
import type { OutboundRequest, Transport } from "../model/ports.ts";
import type { RegionEvidence } from "../model/region.ts";
import type { TokenEndpoint } from "../model/token-plan.ts";
import { checkControl } from "./check-control.ts";
import { checkDoor } from "./check-door.ts";

/** What the door is told beside the request. */
export interface DoorFacts {
  /** May stand in Host in place of the backend's own name: of the rule's URLRewrite, or the caller's where it goes to a Service; null: nothing may. */
  readonly otherHost: string | null;
  /** Whose credential the request carries: it must be that of the backend it goes to. */
  readonly credential: CredentialPlan | null;
  /** Milliseconds since the epoch: facts have an age. */
  readonly now: number;
  /** Hears where a locked request would be processed, and what the lock says of it. */
  located(evidence: RegionEvidence): void;
}

/**
 * The one door out: nothing else calls `Transport.dispatch`. Checks the final request against the cleared candidate, finds where it would be
 * processed when a lock binds it, then sends it. A request that its lock denies is the failure `region_locked`, as every failure of the network is
 * a value; rejects with a `Refusal` `internal_error` when the request is not the one that was cleared. Nothing has left in either case.
 */
export function send(port: Transport, cleared: Cleared, request: OutboundRequest, signal: CallSignal, door: DoorFacts): Promise<Outcome> {
  try {
    const evidence = checkDoor(cleared, request, door);
    if (evidence === null) return port.dispatch(request, signal);
    door.located(evidence);
    if (evidence.decision === "deny") return Promise.resolve({ kind: "region_locked", message: `${evidence.reason} [${evidence.rule}]` });
  } catch (error) {
    return Promise.reject(error);
  }
  return port.dispatch(request, signal);
}

/** The same door for calls of the broker's own. Rejects with `SecretStoreError` `denied` when a check fails, and nothing has left then. */
export function sendControl(port: Transport, endpoint: TokenEndpoint, request: OutboundRequest, signal: CallSignal): Promise<Outcome> {
  try {
    checkControl(endpoint, request);
  } catch (error) {
    return Promise.reject(error);
  }
  return port.dispatch(request, signal);
}
