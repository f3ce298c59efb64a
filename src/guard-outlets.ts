import type { Routed } from "./model/call.ts";
import type { CallRecord } from "./model/call-record.ts";
import { Refusal } from "./model/errors.ts";
import { UNKNOWN_PLACE } from "./model/exchange.ts";
import { locateOutlet, type Outlet, outletFaults } from "./model/outlet.ts";
import type { RegionConstraint } from "./model/region.ts";
import type { Snapshot } from "./model/snapshot.ts";

/**
 * Refuses a call whose lock binds telemetry or event sinks where one of them leads outside, or nobody knows where: then nothing of the call may leave that
 * way either, not even that it was refused. Throws `region_locked`.
 */
export function guardOutlets(outlets: readonly Outlet[], routed: Routed, record: CallRecord): void {
  const faults = outletFaults(outlets, routed.lock, routed.exchange.place);
  const [first] = faults;
  if (first === undefined) return;
  record.withheld = [...new Set(faults.map(({ kind }) => kind))];
  throw new Refusal("region_locked", { detail: `This broker may not serve the call: ${first.reason}.` });
}

/** Where the outlets are, for `/-/status`. One that lies beside the broker is where each call finds the broker to run. */
export function describeOutlets(outlets: readonly Outlet[]): readonly Readonly<Record<string, string | null>>[] {
  return outlets.map((outlet) => {
    const { place, evidence } = locateOutlet(outlet, UNKNOWN_PLACE);
    return { kind: outlet.kind, name: outlet.name, hostname: outlet.hostname, region: place.region ?? place.country, evidence };
  });
}

/** Which RegionPolicies will refuse every call of this broker, whoever calls, for where its outlets lead; for the start-up and `/-/status`. */
export function outletNotices(outlets: readonly Outlet[], snapshot: Snapshot): readonly string[] {
  if (outlets.length === 0) return [];
  const constraints = new Set<RegionConstraint>();
  for (const { listeners } of snapshot.gateways) {
    for (const rule of listeners.flatMap(({ routes }) => routes.rules)) {
      for (const lock of [rule.lock, ...rule.namespaceLocks.values()]) for (const constraint of lock?.constraints ?? []) constraints.add(constraint);
    }
  }
  // What lies beside the broker is judged with each call, which knows where that is.
  const elsewhere = outlets.filter((outlet) => locateOutlet(outlet, UNKNOWN_PLACE).evidence !== "beside");
  return [...new Set(outletFaults(elsewhere, { constraints: [...constraints] }, UNKNOWN_PLACE).map(({ reason }) => reason))];
}
