import type { Routed } from "../model/call.ts";
import type { CallRecord } from "../model/call-record.ts";
import { Refusal } from "../model/errors.ts";
import { UNKNOWN_PLACE } from "../model/exchange.ts";
import type { UsageStorePlan } from "../model/limit.ts";
import { locateOutlet, type Outlet, outletFaults } from "../model/outlet.ts";
import type { RegionConstraint } from "../model/region.ts";
import type { CompiledGateway, Snapshot } from "../model/snapshot.ts";

/** By which ways something of calls leaves a broker beside the calls themselves. */
export interface Outlets {
  /** Of all calls: telemetry and events. */
  readonly all: readonly Outlet[];
  /** The store of a Gateway's usage; null: it is this instance's own memory. */
  usageOf(plan: UsageStorePlan | null): Outlet | null;
}

/**
 * Refuses a call whose lock binds telemetry or event sinks where one of them leads outside, or nobody knows where: then nothing of the call may leave that
 * way either, not even that it was refused. Throws `region_locked`.
 */
export function guardOutlets(outlets: Outlets, routed: Routed, record: CallRecord): void {
  const faults = outletFaults(outletsOf(outlets, routed.gateway), routed.lock, routed.exchange.place);
  const [first] = faults;
  if (first === undefined) return;
  record.withheld = [...new Set(faults.map(({ kind }) => kind))];
  throw new Refusal("region_locked", { detail: `This broker may not serve the call: ${first.reason}.` });
}

/** Where the outlets are, for `/-/status`. One that lies beside the broker is where each call finds the broker to run. */
export function describeOutlets(outlets: Outlets, snapshot: Snapshot | null): readonly Readonly<Record<string, string | null>>[] {
  const usage = (snapshot?.gateways ?? []).flatMap((gateway) => outlets.usageOf(gateway.usageStore) ?? []);
  // Gateways with the same plan share a store.
  const each = new Map([...outlets.all, ...usage].map((outlet) => [JSON.stringify(outlet), outlet]));
  return [...each.values()].map((outlet) => {
    const { place, evidence } = locateOutlet(outlet, UNKNOWN_PLACE);
    return { kind: outlet.kind, name: outlet.name, hostname: outlet.hostname, region: place.region ?? place.country, evidence };
  });
}

/** Which RegionPolicies will refuse every call of this broker, whoever calls, for where its outlets lead; for the start-up and `/-/status`. */
export function outletNotices(outlets: Outlets, snapshot: Snapshot): readonly string[] {
  const faults = snapshot.gateways.flatMap((gateway) => {
    // What lies beside the broker is judged with each call, which knows where that is.
    const elsewhere = outletsOf(outlets, gateway).filter((outlet) => locateOutlet(outlet, UNKNOWN_PLACE).evidence !== "beside");
    return elsewhere.length === 0 ? [] : outletFaults(elsewhere, { constraints: constraintsOf(gateway) }, UNKNOWN_PLACE);
  });
  return [...new Set(faults.map(({ reason }) => reason))];
}

function constraintsOf({ listeners }: CompiledGateway): readonly RegionConstraint[] {
  const rules = listeners.flatMap(({ routes }) => routes.rules);
  return [...new Set(rules.flatMap((rule) => [rule.lock, ...rule.namespaceLocks.values()].flatMap((lock) => lock?.constraints ?? [])))];
}

function outletsOf({ all, usageOf }: Outlets, gateway: CompiledGateway): readonly Outlet[] {
  const usage = usageOf(gateway.usageStore);
  return usage === null ? all : [...all, usage];
}
