import type { CallSignal } from "../model/call-signal.ts";
import type { Cleared } from "../model/cleared.ts";
import type { Outcome } from "../model/outcome.ts";
import type { OutboundRequest, Transport } from "../model/ports.ts";
import type { TokenEndpoint } from "../model/token-plan.ts";
import { checkControl } from "./check-control.ts";
import { checkDoor } from "./check-door.ts";

/**
 * The one door out: nothing else calls `Transport.dispatch`. Checks the final request against the cleared candidate,
 * then sends it. Rejects with a `Refusal` (`internal_error`, `region_locked`) when a check fails, and nothing has left then;
 * every failure of the network is a value.
 * `otherHost` is what may stand in Host in place of the backend's own name: of the rule's URLRewrite, or the caller's where it goes to a Service.
 */
export function send(port: Transport, cleared: Cleared, request: OutboundRequest, signal: CallSignal, otherHost: string | null = null): Promise<Outcome> {
  try {
    checkDoor(cleared, request, otherHost);
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
