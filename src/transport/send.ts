import type { CallSignal } from "../model/call-signal.ts";
import type { Cleared } from "../model/cleared.ts";
import type { Outcome } from "../model/outcome.ts";
import type { OutboundRequest, Transport } from "../model/ports.ts";
import { checkDoor } from "./check-door.ts";

/**
 * The one door out: nothing else calls `Transport.dispatch`. Checks the final request against the cleared candidate,
 * then sends it. Rejects with a `Refusal` (`internal_error`, `region_locked`) when a check fails, and nothing has left then;
 * every failure of the network is a value.
 * `rewrittenHost` is the hostname of the rule's own URLRewrite; that of the backendRef is known from `cleared`.
 */
export function send(port: Transport, cleared: Cleared, request: OutboundRequest, signal: CallSignal, rewrittenHost: string | null = null): Promise<Outcome> {
  try {
    checkDoor(cleared, request, rewrittenHost);
  } catch (error) {
    return Promise.reject(error);
  }
  return port.dispatch(request, signal);
}
