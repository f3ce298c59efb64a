import type { Backend } from "./backend.ts";
import type { IdentityPlan } from "./identity-plan.ts";
import type { LimitRule, UsageStorePlan } from "./limit.ts";
import type { RegionLock } from "./region.ts";
import type { SecretReference } from "./secret.ts";

/**
 * The manifests, compiled: everything that a request needs is a look-up from here. Immutable; a request pins the
 * snapshot it began with. A reload swaps the pointer, and a reload that fails changes nothing.
 */
export interface Snapshot {
  /** Digest of the manifests, short enough for logs. */
  readonly id: string;
  readonly gateways: readonly CompiledGateway[];
  /** All backends by key: health and pools outlive a reload by it. */
  readonly backends: ReadonlyMap<string, Backend>;
}

export interface CompiledGateway {
  readonly namespace: string;
  readonly name: string;
  /** `namespace/name`. */
  readonly id: string;
  readonly identity: IdentityPlan;
  readonly scope: "CallerNamespace" | "Shared";
  readonly bounds: GatewayBounds;
  /** Null: the store that the platform's own settings name (`SPILLWAY_STATE`). */
  readonly usageStore: UsageStorePlan | null;
  /** The broker is to serve the page at `/-/console`, to whoever may read `/-/status`. */
  readonly console: boolean;
  /** Whose decisions are told of, and until when; null: nobody's. */
  readonly debug: DebugWindow | null;
  /** Our own cdn-id for `CDN-Loop` (RFC 8586) and `Via`: an HTTP token. */
  readonly chainId: string;
  readonly listeners: readonly CompiledListener[];
  /** Policies on the Gateway that exist but were refused fail closed: every call gets `route_rejected` with this reason. Null: none. */
  readonly rejected: string | null;
}

/** A time for which the decisions on calls are told in the log. */
export interface DebugWindow {
  /** Milliseconds since the epoch; it is open for the 24 hours before at most. */
  readonly until: number;
  /** Null: callers of every namespace. */
  readonly namespaces: readonly string[] | null;
}

export interface GatewayBounds {
  /** Bytes of a request body; beyond it 413. */
  readonly maxRequestBytes: number;
  /** Bytes of a body that are kept so that another candidate can be tried. */
  readonly replayBytes: number;
  /** Calls that may be open at one instance. */
  readonly maxOpenCalls: number;
  /** Of these, those of one namespace. */
  readonly maxOpenCallsPerNamespace: number;
}

export interface CompiledListener {
  readonly name: string;
  readonly port: number;
  /** Lower-case; null matches every host; `*.x` is a suffix match over any number of labels, never `x` itself. */
  readonly hostname: string | null;
  /** Null: plain HTTP. */
  readonly tls: ListenerTls | null;
  readonly routes: RouteTable;
}

/** What an HTTPS listener presents. */
export interface ListenerTls {
  /** Each one PEM with certificate chain and private key; empty where the platform terminates TLS and presents its own. */
  readonly certificates: readonly SecretReference[];
}

/**
 * The index of one listener: built by `routing/build-route-table.ts`, read by `routing/find-rule.ts`, opaque to all others.
 * `rules` lists every entry that it was built from.
 */
export interface RouteTable {
  readonly rules: readonly CompiledRule[];
  readonly index: unknown;
}

/** One rule of one HTTPRoute with everything merged. */
export interface CompiledRule {
  /** `namespace/route/ruleNameOrIndex`, for people and telemetry. */
  readonly id: string;
  readonly route: {
    readonly namespace: string;
    readonly name: string /** RFC 3339, or null where the manifest has none. */;
    readonly createdAt: string | null;
  };
  readonly ruleIndex: number;
  readonly ruleName: string | null;
  /** Lower-case; the intersection of the route's and the listener's; empty: every host of the listener. */
  readonly hostnames: readonly string[];
  /** Any of them matches (they are ORed); never empty: no match in the manifest is one PathPrefix `/`. */
  readonly matches: readonly RuleMatch[];
  readonly action: RuleAction;
  readonly requestHeaders: HeaderEdits | null;
  readonly responseHeaders: HeaderEdits | null;
  readonly rewrite: UrlRewrite | null;
  /** Null: the broker says nothing of other origins, and hands on what the destination says. */
  readonly cors: CorsRule | null;
  /** Who is asked whether a call may be made; null: nobody. */
  readonly externalAuth: ExternalAuthRule | null;
  /** Who else gets a copy of the request, beside and after what the action does. */
  readonly mirrors: readonly MirrorRule[];
  readonly timeouts: RuleTimeouts;
  readonly retry: RetryRule | null;
  /** For callers of every namespace that is not in `namespaceLocks`. Null: nothing locks them. */
  readonly lock: RegionLock | null;
  /** Complete locks for callers of these namespaces: they stand in the place of `lock`. Without constraints: that namespace is not locked. */
  readonly namespaceLocks: ReadonlyMap<string, RegionLock>;
  /** True when some match of this rule reads `x-gateway-model-name`. */
  readonly matchesModel: boolean;
  /** Limits of the Gateway and the route, of scope `call`. All must have room. */
  readonly limits: readonly LimitRule[];
  /** Hand W3C `traceparent` on to the backend (annotation `spillway.dev/propagate-trace: "true"`). */
  readonly propagateTrace: boolean;
}

export type RuleAction =
  | { readonly kind: "forward"; readonly targets: readonly WeightedTarget[] }
  | { readonly kind: "redirect"; readonly redirect: RedirectRule }
  /** Keeps its place in the index, so that a broader route cannot take its traffic. */
  | { readonly kind: "rejected"; readonly reason: string };

export interface RuleMatch {
  readonly path: PathMatch;
  /** Upper-case; null: any. */
  readonly method: string | null;
  /** Names lower-case, already freed of repeats. All must match. */
  readonly headers: readonly ValueMatch[];
  /** Names exact. All must match. */
  readonly queryParams: readonly ValueMatch[];
}

export type PathMatch =
  | { readonly type: "Exact"; readonly value: string }
  /** `value` without trailing slash (`/` itself stays `/`). */
  | { readonly type: "PathPrefix"; readonly value: string }
  | { readonly type: "RegularExpression"; readonly value: string; readonly test: (path: string) => boolean };

export type ValueMatch =
  | { readonly type: "Exact"; readonly name: string; readonly value: string }
  | { readonly type: "RegularExpression"; readonly name: string; readonly value: string; readonly test: (value: string) => boolean };

/** Applied in the standard's order: set, add, remove. Names lower-case. */
export interface HeaderEdits {
  readonly set: readonly { readonly name: string; readonly value: string }[];
  readonly add: readonly { readonly name: string; readonly value: string }[];
  readonly remove: readonly string[];
}

export interface UrlRewrite {
  readonly hostname: string | null;
  readonly path: { readonly type: "ReplaceFullPath" | "ReplacePrefixMatch"; readonly value: string } | null;
}

export interface RedirectRule {
  readonly scheme: "http" | "https" | null;
  readonly hostname: string | null;
  readonly port: number | null;
  readonly path: { readonly type: "ReplaceFullPath" | "ReplacePrefixMatch"; readonly value: string } | null;
  readonly statusCode: number;
}

/** Which pages of other origins a browser lets read the answers (Fetch standard, CORS). */
export interface CorsRule {
  /** Null: every origin (`*`). */
  readonly origins: readonly OriginPattern[] | null;
  readonly credentials: boolean;
  /** Values of the answer's headers; `*` stands for whatever is asked for; null: the header is left out. */
  readonly methods: string | null;
  readonly headers: string | null;
  readonly expose: string | null;
  readonly maxAgeSeconds: number;
}

/** `https://*.example.com:8443`, taken apart; all lower-case. */
export interface OriginPattern {
  /** With its `://`. */
  readonly scheme: string;
  /** `*`: any host; `*.x`: any number of labels in front of `x`. */
  readonly host: string;
  /** With its `:`; empty: the scheme's own, which an origin does not name. */
  readonly port: string;
}

/** A copy of the request goes to `target` for `numerator` of `denominator` calls. */
export interface MirrorRule {
  readonly target: Target;
  readonly numerator: number;
  readonly denominator: number;
  /** Of a filter at a backendRef: only calls that go to one of these first are copied; these very objects. Null: of the rule, all calls. */
  readonly beside: readonly Target[] | null;
}

/** An authorization server that is asked about each call (GEP-1494, HTTP). Whatever is not its yes is a no. */
export interface ExternalAuthRule {
  readonly target: Target;
  /** Stands in front of the path of the call; without trailing slash, empty: nothing does. */
  readonly pathPrefix: string;
  /** Lower-case names of what it gets to see of the caller's headers beside Host and Authorization. */
  readonly requestHeaders: readonly string[];
  /** Lower-case names of what is copied from its answer into the call; null: all that may. */
  readonly responseHeaders: ReadonlySet<string> | null;
  /** Most bytes of a body that it is shown, and so of a body that may pass; 0: it is shown none. */
  readonly bodyBytes: number;
}

/** Milliseconds; null: no limit (`0s`). */
export interface RuleTimeouts {
  readonly requestMs: number | null;
  readonly backendRequestMs: number | null;
  /** Stands in the place of `requestMs` where a call becomes a WebSocket. */
  readonly upgradedMs: number | null;
}

export interface RetryRule {
  readonly codes: ReadonlySet<number>;
  /** Total extra tries; null: the default. */
  readonly attempts: number | null;
  readonly backoffMs: number;
}

/** One backendRef of a rule. Weight 0 is never chosen. */
export interface WeightedTarget {
  readonly weight: number;
  readonly target: RuleTarget;
}

export type RuleTarget =
  | { readonly kind: "backend"; readonly target: Target }
  | { readonly kind: "group"; readonly group: CompiledGroup }
  /** A RequestRedirect at the backendRef: its share of the calls is sent elsewhere by the caller itself. */
  | { readonly kind: "redirect"; readonly redirect: RedirectRule }
  /** A reference that cannot be used gets its weight's share of calls and answers 500 (HTTPRoute backendRefs). */
  | { readonly kind: "invalid"; readonly reason: string };

/** A backend with what the reference to it says. */
export interface Target {
  readonly backend: Backend;
  /** Overrides the caller's model (BackendGroup `model`); null: the caller's. */
  readonly model: string | null;
  /** Filters at the backendRef. */
  readonly requestHeaders: HeaderEdits | null;
  readonly responseHeaders: HeaderEdits | null;
  readonly rewrite: UrlRewrite | null;
  /** Limits that count when this destination is tried: those of its backend and its group, and those of the Gateway and the route that are for backends. */
  readonly limits: readonly LimitRule[];
}

export interface CompiledGroup {
  /** `namespace/name`. */
  readonly id: string;
  readonly tiers: readonly { readonly name: string; readonly targets: readonly { readonly weight: number; readonly target: Target }[] }[];
  readonly failover: FailoverRule;
  readonly health: HealthRule;
}

export interface FailoverRule {
  /** Statuses that send the call on, beyond what the failover law always does. */
  readonly statusCodes: ReadonlySet<number>;
  /** Caps every backend's own first-byte time limit in this group; null: the backends' own. */
  readonly firstByteMs: number | null;
  readonly attemptsPerTier: number | null;
}

export interface HealthRule {
  readonly consecutiveFailures: number;
  readonly evictForMs: number;
  readonly maxEvictForMs: number;
}

export const DEFAULT_HEALTH: HealthRule = { consecutiveFailures: 3, evictForMs: 30_000, maxEvictForMs: 300_000 };
export const DEFAULT_TIMEOUTS: RuleTimeouts = { requestMs: 600_000, backendRequestMs: null, upgradedMs: 7_200_000 };
