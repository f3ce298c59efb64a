import type { BodyFacts, Identified, Received, Routed } from "../model/call.ts";
import type { CallRecord } from "../model/call-record.ts";
import type { RegionLock } from "../model/region.ts";

/** Remembers what stage 1 learned. */
export function noteReceived(record: CallRecord, received: Received): void {
  record.gateway = received.gateway.id;
  record.listener = received.listener.name;
}

/** Remembers who calls. */
export function noteIdentified(record: CallRecord, identified: Identified): void {
  record.caller = identified.caller;
  record.hop = identified.chain?.hop ?? 0;
}

/** Remembers the rule, the lock and what the body said of itself; `bytes` is the size of the request body where it is known. */
export function noteRouted(record: CallRecord, routed: Pick<Routed, "rule" | "lock">, bytes: number | null): void {
  record.route = nameOf(routed.rule.route);
  record.rule = routed.rule.id;
  record.requestBytes = bytes;
  if (routed.lock !== null) record.lock = policiesOf(routed.lock);
}

/** One list a lock: a lock belongs to the snapshot, and every call under it has the same policies. */
const policies = new WeakMap<RegionLock, readonly string[]>();

function policiesOf(lock: RegionLock): readonly string[] {
  const known = policies.get(lock);
  if (known !== undefined) return known;
  const names = lock.constraints.map((constraint) => constraint.policy);
  policies.set(lock, names);
  return names;
}

/** One string a route, whose hash the metrics' look-ups then need not work out for every call. */
const names = new WeakMap<Routed["rule"]["route"], string>();

function nameOf(route: Routed["rule"]["route"]): string {
  const known = names.get(route);
  if (known !== undefined) return known;
  const name = `${route.namespace}/${route.name}`;
  names.set(route, name);
  return name;
}

// A model's name comes from the caller, and a record waits in a queue: its size must not be the caller's choice.
const MAX_MODEL = 128;

/** Remembers what the body asked for, before any rule was found. */
export function noteBody(record: CallRecord, facts: BodyFacts | null): void {
  record.requestedModel = facts?.model?.slice(0, MAX_MODEL) ?? null;
  record.streaming = facts?.stream ?? false;
}
