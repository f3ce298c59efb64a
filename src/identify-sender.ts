import type { Identity } from "./identity/create-identity.ts";
import { imaginedExchange } from "./listener/imagined-exchange.ts";
import { hostOf } from "./listener/receive.ts";
import type { Caller, PlatformPrincipal } from "./model/caller.ts";
import { Refusal } from "./model/errors.ts";
import type { HeaderList } from "./model/http.ts";
import type { Snapshot } from "./model/snapshot.ts";
import { operationOf } from "./providers/operation-of.ts";

/** What a message to the broker itself shows of its sender. */
export interface SenderProof {
  readonly headers: HeaderList;
  readonly authority: string;
  readonly principal: PlatformPrincipal | null;
}

/**
 * Who sends something to the broker itself rather than through it; anonymous callers are nobody here. Null: not proved. `unknown`: it cannot
 * be checked now, since nothing is configured yet or what it would be checked with cannot be had. Never rejects.
 */
export async function identifySender(identity: Identity, snapshot: Snapshot | null, path: string, proof: SenderProof): Promise<Caller | "unknown" | null> {
  if (snapshot === null) return "unknown";
  let found: Caller | "unknown" | null = null;
  for (const gateway of snapshot.gateways) {
    const listener = gateway.listeners[0];
    if (listener === undefined) continue;
    const exchange = { ...imaginedExchange({ method: "GET", target: path, authority: proof.authority, headers: proof.headers }), principal: proof.principal };
    const host = hostOf(proof.authority);
    try {
      const asked = { id: "admin", method: "GET", path, query: "", operation: operationOf("GET", path), handshake: null };
      const received = { ...asked, exchange, snapshot, gateway, listener, host };
      const { caller } = await identity.identify(received);
      // What another broker says of its callers is for calls that go through, not for the broker itself: its namespaces are not ours.
      if (caller.proof.kind === "anonymous" || caller.proof.kind === "broker") continue;
      // An operator of one Gateway may be a plain caller of another.
      if (caller.namespace === gateway.namespace) return caller;
      if (found === null || found === "unknown") found = caller;
    } catch (error) {
      // Not proved for this Gateway: another one may know the sender.
      if (error instanceof Refusal && error.code === "not_ready") found ??= "unknown";
    }
  }
  return found;
}

/** Whether the caller belongs to a Gateway's own namespace, which runs the broker. */
export function isOperator(snapshot: Snapshot | null, caller: Caller): boolean {
  return snapshot?.gateways.some((gateway) => gateway.namespace === caller.namespace) ?? false;
}
