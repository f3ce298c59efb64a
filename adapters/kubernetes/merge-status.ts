import { isRecord, listOf } from "./kube-object.ts";
import type { Condition, ListenerStatus, OwnStatus, StatusEntry } from "./own-status.ts";
import { CONTROLLER_NAME } from "./relevant-objects.ts";

type Status = Readonly<Record<string, unknown>>;

/** What Gateway API's CRDs allow: entries of other controllers come first. */
const MAX_ENTRIES = { parents: 32, ancestors: 16 } as const;
const MAX_CONDITIONS = 8;
const MAX_MESSAGE = 4_096;
/** Conditions of a Gateway or GatewayClass that only its controller writes; all others are somebody else's and stay. */
const OURS: ReadonlySet<string> = new Set(["Accepted", "Programmed", "ResolvedRefs", "Degraded", "SupportedVersion"]);

/**
 * The members of the status that have to be written so that it says what `own` says; null when it says that already. A condition whose
 * `status` stays keeps its time, and what other controllers wrote is left as it is.
 */
export function mergeStatus(existing: unknown, own: OwnStatus, now: string): Status | null {
  const before: Status = isRecord(existing) ? existing : {};
  const after = membersOf(before, own, now);
  const changed = Object.entries(after).filter(([member, value]) => canonical(before[member]) !== canonical(value));
  return changed.length === 0 ? null : Object.fromEntries(changed);
}

function membersOf(before: Status, own: OwnStatus, now: string): Status {
  if (own.shape === "entries") {
    const entries = mergeEntries(listOf(before[own.member]), own, now);
    // Nothing of ours was there and nothing has to be.
    return entries.length === 0 && before[own.member] === undefined ? {} : { [own.member]: entries };
  }
  const foreign = listOf(before["conditions"]).filter((one) => isRecord(one) && typeof one["type"] === "string" && !OURS.has(one["type"]));
  const conditions = [...foreign, ...timed(own.conditions, before["conditions"], now)].slice(0, MAX_CONDITIONS);
  if (own.shape === "conditions") {
    const features = own.supportedFeatures === null ? {} : { supportedFeatures: own.supportedFeatures.map((name) => ({ name })) };
    return { conditions, ...features };
  }
  const known = new Map(listOf(before["listeners"]).flatMap((one) => (isRecord(one) ? [[one["name"], one] as const] : [])));
  const listeners = own.listeners.map((listener) => listenerOf(listener, known.get(listener.name), now));
  const sets = own.attachedListenerSets === null ? {} : { attachedListenerSets: own.attachedListenerSets };
  return { conditions, listeners, ...sets, ...(own.address === null ? {} : { addresses: [{ type: "Hostname", value: own.address }] }) };
}

function listenerOf({ name, attachedRoutes, supportedKinds, conditions }: ListenerStatus, before: Status | undefined, now: string): Status {
  return { name, attachedRoutes, supportedKinds, conditions: timed(conditions, before?.["conditions"], now) };
}

function mergeEntries(before: readonly unknown[], own: Extract<OwnStatus, { shape: "entries" }>, now: string): readonly unknown[] {
  const refMember = own.member === "parents" ? "parentRef" : "ancestorRef";
  const isOurs = (entry: unknown) => isRecord(entry) && entry["controllerName"] === CONTROLLER_NAME;
  const others = before.filter((entry) => !isOurs(entry));
  const known = new Map(before.filter(isOurs).flatMap((entry) => (isRecord(entry) ? [[canonical(entry[refMember]), entry] as const] : [])));
  const entryOf = ({ ref, conditions }: StatusEntry) => ({
    [refMember]: ref,
    controllerName: CONTROLLER_NAME,
    conditions: timed(conditions, known.get(canonical(ref))?.["conditions"], now),
  });
  return [...others, ...own.entries.map(entryOf)].slice(0, MAX_ENTRIES[own.member]);
}

/** With the time at which each came to its status. */
function timed(conditions: readonly Condition[], before: unknown, now: string): readonly Status[] {
  const known = new Map(listOf(before).flatMap((one) => (isRecord(one) ? [[one["type"], one] as const] : [])));
  return conditions.slice(0, MAX_CONDITIONS).map(({ type, status, reason, message, observedGeneration }) => {
    const same = known.get(type);
    const since = same?.["status"] === status && typeof same["lastTransitionTime"] === "string" ? same["lastTransitionTime"] : now;
    const clipped = message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE - 1)}…` : message;
    return { type, status, reason, message: clipped, observedGeneration, lastTransitionTime: since };
  });
}

/** JSON with sorted keys: neither the order of members nor of a server's encoding counts. */
export function canonical(value: unknown): string {
  return (
    JSON.stringify(value, (_, part: unknown) =>
      isRecord(part) ? Object.fromEntries(Object.entries(part).sort(([left], [right]) => (left < right ? -1 : 1))) : part,
    ) ?? "undefined"
  );
}
