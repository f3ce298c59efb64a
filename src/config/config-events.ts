import type { EgressEvent } from "../model/event.ts";
import type { Condition, ObjectConditions } from "./conditions.ts";

/**
 * What of the conditions is worth an event beside the locks that `attachRoutes` tells of: destinations that a manifest names and that get no
 * call, because the Gateway forbids the name, because label and hostname disagree about the region, or because there is no credential.
 */
export function configEvents(conditions: readonly ObjectConditions[]): readonly EgressEvent[] {
  return conditions.flatMap((object) => object.conditions.flatMap((condition) => eventOf(object, condition) ?? []));
}

function eventOf({ kind, namespace, name, parent }: ObjectConditions, { type, status, reason, message }: Condition): EgressEvent | null {
  if (status !== "False") return null;
  if (kind === "XBackend" && type === "Accepted" && (reason === "DomainNotAllowed" || reason === "RegionMismatch"))
    return rejected(`XBackend/${namespace ?? ""}/${name}`, reason, message);
  // A policy's parent is the backend that goes without.
  if (kind === "BackendCredentialPolicy" && type === "ResolvedRefs" && parent !== null) return rejected(parent, "CredentialUnavailable", message);
  return null;
}

/** Time 0: the compiler has no clock, whoever emits the event stamps it. */
function rejected(subject: string, reason: string, message: string): EgressEvent {
  return { type: "config.rejected", time: 0, subject, data: { reason, message } };
}
