import type { DescribedBackend, DescribedGateway, DescribedRoute } from "../src/console/describe-state.ts";
import type { RegionProof } from "../src/explain/prove.ts";
import type { LimitStanding, UntouchedLimit } from "../src/ledger/limit-standings.ts";
import type { Incident as StoredIncident, UsageCounts } from "../src/model/usage-store.ts";
import type { DescribedDegradation } from "../src/pages/describe-status.ts";

/** What `/-/console/state` answers. */
export interface State {
  readonly at: string;
  readonly ready: boolean;
  readonly snapshot: { readonly id: string; readonly loadedAt: string | null } | null;
  readonly lastLoadFailed: { readonly at: string; readonly faults: readonly Fault[] } | null;
  /** The oldest first. */
  readonly degraded: readonly DescribedDegradation[];
  readonly notices: readonly string[];
  readonly troubles: readonly Trouble[];
  readonly gateways: readonly DescribedGateway[];
  readonly routes: readonly DescribedRoute[];
  readonly backendList: readonly DescribedBackend[];
  readonly backends: readonly BackendHealth[];
  readonly secrets: readonly { readonly name: string; readonly state: string }[];
}

export interface Fault {
  readonly severity: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
  readonly advice?: string | null;
}

export interface Trouble {
  readonly object: string;
  readonly parent: string | null;
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  readonly file: string;
  readonly line: number;
}

export interface BackendHealth {
  readonly backend: string;
  /** Whose calls alone it is out for; null: everybody's. */
  readonly namespace: string | null;
  readonly state: "healthy" | "evicted" | "parked" | "probing";
  readonly consecutiveFailures: number;
  readonly availableInMs: number;
}

/** What `/-/console/proof` answers: the proof of `spillway prove --json`, with names of sets of countries. */
export interface Proof extends RegionProof {
  readonly ok: boolean;
  readonly jurisdictions: Readonly<Record<string, string>>;
}

export const DIMENSIONS = [
  { id: "namespace", title: "Namespace" },
  { id: "serviceAccount", title: "Service account" },
  { id: "model", title: "Model" },
  { id: "backend", title: "Backend" },
  { id: "region", title: "Region" },
] as const;

export type Dimension = (typeof DIMENSIONS)[number]["id"];

export type UsageRow = UsageCounts & Partial<Readonly<Record<Dimension | "hour" | "day", string>>>;

/** What `/-/usage` answers. */
export interface Usage {
  readonly from: string;
  readonly to: string;
  readonly interval: "hour" | "day";
  readonly rows: readonly UsageRow[];
  readonly total: UsageCounts;
  readonly truncated: boolean;
}

export type Incident = Omit<StoredIncident, "time"> & {
  /** RFC 3339. */
  readonly time: string;
};

/** What `/-/incidents` answers, the newest first. */
export interface Incidents {
  readonly incidents: readonly Incident[];
}

/** What `/-/limits` answers. */
export interface Limits {
  readonly limits: readonly LimitStanding[];
  readonly untouched: readonly UntouchedLimit[];
  readonly truncated: boolean;
}
