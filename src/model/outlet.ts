import { outsideFault } from "./bound-credential.ts";
import type { BrokerPlace } from "./exchange.ts";
import type { RegionLock } from "./region.ts";
import { countriesOfRegion, regionFromHostname } from "./region-data.ts";

/**
 * `telemetry`: spans and metrics. `events`: what the broker tells of its calls, and answers to calls that came as events. `usage`: the store that counts
 * limits and keeps usage, where it is not this instance's own memory; what binds telemetry binds it.
 */
export type OutletKind = "telemetry" | "events" | "usage";

/** A way by which something of calls leaves the broker beside the calls themselves: the platform's environment says where to, not a manifest. */
export interface Outlet {
  readonly kind: OutletKind;
  /** For people: the variable that names it, such as `K_SINK`. */
  readonly name: string;
  /** Null: it has none, such as a queue that is bound to a Worker. */
  readonly hostname: string | null;
  /** A region or, in two capital letters, a country for which whoever deploys the broker vouches; null: nobody does. */
  readonly region: string | null;
}

/** Where an outlet is, and how that is known. */
export interface LocatedOutlet {
  readonly place: BrokerPlace;
  readonly evidence: "attested" | "host" | "beside" | "none";
}

const COUNTRY = /^[A-Z]{2}$/;
/** Names that no other machine or cluster can have (RFC 6761, RFC 6762, Kubernetes). */
const BESIDE = /^(?:localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\]|[a-z0-9-]+(?:\.[a-z0-9-]+)?\.svc(?:\.cluster\.local)?|.+\.svc\.cluster\.local)$/;
/** `sqs.eu-central-1.amazonaws.com`, `xray.…`, VPC endpoints and dual stack of any service. */
const AWS_HOST = /(?:^|\.)([a-z]{2,4}(?:-[a-z]+)+-\d)\.(?:vpce\.)?(?:amazonaws\.com(?:\.cn)?|amazonaws\.eu|api\.aws|on\.aws)$/;
/** Regional service endpoints of Google. */
const GOOGLE_HOST = /\.([a-z0-9-]+)\.rep\.googleapis\.com$/;

/** What vouches for an outlet counts first, then its hostname; one in the broker's own cluster or machine is `here`. */
export function locateOutlet({ hostname, region }: Outlet, here: BrokerPlace): LocatedOutlet {
  if (region !== null) {
    return { place: COUNTRY.test(region) ? { region: null, country: region } : { region, country: null }, evidence: "attested" };
  }
  const named = hostname === null ? null : regionOfHost(hostname.toLowerCase().replace(/\.$/, ""));
  if (named !== null) return { place: { region: named, country: null }, evidence: "host" };
  if (hostname !== null && BESIDE.test(hostname.toLowerCase())) return { place: here, evidence: "beside" };
  return { place: { region: null, country: null }, evidence: "none" };
}

/** Why the lock keeps every call from this broker, for where its outlets are; empty: it does not. Unknown is denied. */
export function outletFaults(
  outlets: readonly Outlet[],
  lock: RegionLock | null,
  here: BrokerPlace,
): readonly { readonly kind: OutletKind; readonly reason: string }[] {
  return (lock?.constraints ?? []).flatMap((constraint) => {
    const bound = outlets.filter(({ kind }) => (kind === "events" ? constraint.binds.eventSinks : constraint.binds.telemetry));
    return bound.flatMap((outlet) => {
      const { place, evidence } = locateOutlet(outlet, here);
      const fault = outsideFault(place, constraint);
      if (fault === null) return [];
      const what = outlet.kind === "events" ? "event sinks" : "telemetry";
      const where =
        fault === "outside"
          ? `${outlet.name} leads to ${place.region ?? place.country}, which it does not allow`
          : `nothing says where ${outlet.name} leads${evidence === "beside" ? ": it lies beside the broker, and where that runs is not known" : ""}`;
      return [{ kind: outlet.kind, reason: `RegionPolicy ${constraint.policy} binds ${what} too, and ${where}` }];
    });
  });
}

function regionOfHost(hostname: string): string | null {
  const named = AWS_HOST.exec(hostname)?.[1] ?? GOOGLE_HOST.exec(hostname)?.[1] ?? regionFromHostname(hostname);
  return named !== null && countriesOfRegion(named) !== null ? named : null;
}
