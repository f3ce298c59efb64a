/** What `/-/console/state` answers. */
export interface State {
  readonly at: string;
  readonly ready: boolean;
  readonly snapshot: { readonly id: string; readonly loadedAt: string | null } | null;
  readonly lastLoadFailed: { readonly at: string; readonly faults: readonly Fault[] } | null;
  readonly notices: readonly string[];
  readonly troubles: readonly Trouble[];
  readonly gateways: readonly Gateway[];
  readonly routes: readonly Route[];
  readonly backendList: readonly Backend[];
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

export interface Gateway {
  readonly id: string;
  readonly scope: string;
  readonly listeners: readonly string[];
  readonly store: string | null;
  readonly rejected: string | null;
}

export interface Route {
  readonly gateway: string;
  readonly rule: string;
  readonly hostnames: readonly string[];
  readonly matches: readonly string[];
  readonly destinations: readonly Destination[];
  readonly instead: string | null;
  readonly refused: boolean;
  readonly locked: boolean;
  readonly lockedNamespaces: number;
  readonly freeNamespaces: number;
  readonly limits: readonly string[];
}

export interface Destination {
  readonly backend: string;
  readonly usable: boolean;
  readonly group: string | null;
  readonly tier: number;
  readonly weight: number;
  readonly model: string | null;
}

export interface Backend {
  readonly key: string;
  readonly host: string;
  readonly plaintext: boolean;
  readonly api: string | null;
  readonly parent: boolean;
  readonly places: readonly PlaceOfBackend[];
}

export interface PlaceOfBackend {
  readonly countries: readonly string[] | null;
  readonly regions: readonly string[];
  readonly evidence: string;
  readonly rule: string;
  readonly checkedAt: string | null;
}

export interface BackendHealth {
  readonly backend: string;
  readonly state: "healthy" | "evicted" | "parked" | "probing";
  readonly consecutiveFailures: number;
  readonly availableInMs: number;
}

/** What `/-/console/proof` answers: the proof of `spillway prove --json`, with names of sets of countries. */
export interface Proof {
  readonly ok: boolean;
  readonly snapshot: string;
  readonly at: string;
  readonly regionData: string;
  readonly rules: readonly ProvenRule[];
  readonly holes: readonly string[];
  readonly jurisdictions: Readonly<Record<string, string>>;
}

export interface ProvenRule {
  readonly gateway: string;
  readonly rule: string;
  readonly callers: { readonly namespaces: readonly string[]; readonly others: boolean };
  readonly lock: readonly {
    readonly policy: string;
    readonly countries: readonly string[];
    readonly regions: readonly string[];
    readonly minimumEvidence: string;
    readonly maxAgeMs: number | null;
    readonly also: readonly string[];
  }[];
  readonly countries: readonly string[] | null;
  readonly jurisdiction: string | null;
  readonly destinations: readonly ProvenDestination[];
  readonly forwardsNothing: string | null;
  readonly brokerOutside: string | null;
}

export interface ProvenDestination {
  readonly backend: string;
  readonly host: string;
  readonly role: "target" | "mirror" | "auth";
  readonly tier: number;
  readonly locked: boolean;
  readonly places: readonly (PlaceOfBackend & { readonly countries: readonly string[]; readonly until: string | null; readonly reason: string })[];
  readonly refused: readonly {
    readonly countries: readonly string[] | null;
    readonly regions: readonly string[];
    readonly evidence: string;
    readonly rule: string;
    readonly reason: string;
  }[];
  readonly hole: string | null;
}

/** Whole numbers that add up. */
export interface UsageCounts {
  readonly requests: number;
  readonly errors: number;
  readonly limited: number;
  readonly inputTokens: number;
  readonly cacheReadTokens: number;
  readonly cacheWriteTokens: number;
  readonly outputTokens: number;
  readonly reasoningTokens: number;
  readonly audioTokens: number;
  /** Of calls whose price is known. */
  readonly costNanos: number;
  /** Calls that used tokens whose price is not known. */
  readonly unpriced: number;
  /** Calls whose tokens are an estimate. */
  readonly estimated: number;
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

export interface Incident {
  readonly time: string;
  readonly kind: "denied" | "failover";
  readonly id: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly route: string;
  readonly model: string;
  readonly backend: string;
  readonly reason: string;
  readonly detail: string;
}

/** What `/-/incidents` answers, the newest first. */
export interface Incidents {
  readonly incidents: readonly Incident[];
}

/** One account of a limit, of `/-/limits`. Amounts in the limit's unit; cost in nanos of the currency. */
export interface Limit {
  readonly gateway: string;
  readonly limit: string;
  readonly unit: string;
  readonly currency: string | null;
  readonly onExceeded: "reject" | "nextTier" | "shadow";
  /** By what it is divided, and for whom this account is. */
  readonly of: Readonly<Record<string, string>>;
  readonly used: number;
  readonly held: number;
  readonly max: number;
  readonly left: number;
  /** Milliseconds since the epoch; null: it does not end at a moment. */
  readonly resetsAt: number | null;
  /** Null: no sliding window. */
  readonly slidingMs: number | null;
}

export interface Limits {
  readonly limits: readonly Limit[];
  /** Limits that count nothing now. */
  readonly untouched: readonly (Pick<Limit, "gateway" | "limit" | "unit" | "currency" | "onExceeded" | "max"> & { readonly per: readonly string[] })[];
  readonly truncated: boolean;
}
