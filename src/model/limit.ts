import type { SecretReference } from "./secret.ts";

/** What a limit counts. Cost is in billionths of the currency's unit, so that a cached token of a cheap model is a whole number. */
export type LimitUnit = "requests" | "tokens" | "cost" | "concurrency";

/** By what a limit is divided: each combination of values has an account of its own. */
export type LimitDimension = "namespace" | "serviceAccount" | "workload" | "model" | "route" | "backend";

/** When what was used no longer counts. */
export type LimitWindow =
  /** At every moment the last `ms` milliseconds count. */
  | { readonly kind: "sliding"; readonly ms: number }
  /** The current minute, hour, day, week (from Monday) or month of a time zone (IANA name). */
  | { readonly kind: "calendar"; readonly period: "minute" | "hour" | "day" | "week" | "month"; readonly timeZone: string };

/** One step of a compiled expression over what a call used; plain data, so that a bundle can carry it. */
export type UsageExpression =
  | { readonly op: "number"; readonly value: number }
  /** See `UsageVariable`; an unknown value counts as 0, but for prices, of which an unknown one makes the whole unknown. */
  | { readonly op: "variable"; readonly name: UsageVariable }
  | { readonly op: "+" | "-" | "*" | "/" | "min" | "max"; readonly left: UsageExpression; readonly right: UsageExpression };

/** `input` includes cached input, `output` includes reasoning. Prices are per token in the limit's currency. */
export type UsageVariable =
  | "input"
  | "output"
  | "total"
  | "cachedInput"
  | "cacheWrite"
  | "reasoning"
  | "audioInput"
  | "audioOutput"
  | "price.input"
  | "price.cachedInput"
  | "price.output";

/** One limit of a UsageLimitPolicy, compiled. */
export interface LimitRule {
  /** `namespace/policy/limit`: the same over reloads. Accounts are named by it, so that a changed amount keeps what was used. */
  readonly id: string;
  /** `namespace/name` of the Gateway whose store counts it. */
  readonly gateway: string;
  readonly unit: LimitUnit;
  /** How much: requests, tokens, calls at the same time, or billionths of `currency`. */
  readonly limit: number;
  /** ISO 4217 for cost; null for other units. */
  readonly currency: string | null;
  /** What a call counts for, where it is not the unit's own measure: `tokens` without it are all tokens, `cost` the call's cost. Null: the measure. */
  readonly measure: UsageExpression | null;
  /** Null for concurrency, which ends with the call. */
  readonly window: LimitWindow | null;
  readonly per: readonly LimitDimension[];
  /** Which callers and models it is for; routes and backends were matched when the manifests were compiled. */
  readonly match: LimitMatch;
  /** `call`: charged once, for whatever destination serves. `attempt`: charged for each destination that is tried, and given back when the call moves on. */
  readonly scope: "call" | "attempt";
  /** Tokens that are held before the answer is known: `inputPlusMaxOutput` takes the caller's own bound, or `output` where it names none. */
  readonly reserve: { readonly kind: "inputPlusMaxOutput" | "input" | "fixed"; readonly output: number };
  /** `reject`: 429. `nextTier`: the destination (of scope `call`: the first tier) is passed over. `shadow`: counted and told, never refused. */
  readonly onExceeded: "reject" | "nextTier" | "shadow";
  /** When the store gives no answer. `share`: of the limit, counted by this instance alone. */
  readonly onStoreFailure: { readonly kind: "failClosed" } | { readonly kind: "failOpen" } | { readonly kind: "local"; readonly share: number };
}

/** Patterns with one `*` at either end; null: every one. */
export interface LimitMatch {
  readonly namespaces: readonly string[] | null;
  /** `namespace/name`, or `name` in any namespace. */
  readonly serviceAccounts: readonly string[] | null;
  /** The model that the caller asked for. A call that names none is matched by `*` only. */
  readonly models: readonly string[] | null;
}

/** Which store counts limits and keeps usage (BrokerConfig `limits.store`). */
export type UsageStorePlan =
  | { readonly kind: "memory" }
  | { readonly kind: "redis"; readonly url: SecretReference }
  | { readonly kind: "dynamodb"; readonly table: string; readonly region: string | null }
  | { readonly kind: "durableObject"; readonly binding: string; readonly jurisdiction: string | null };

/** What a limit said of one call. */
export interface LimitVerdict {
  /** The rule's id. */
  readonly limit: string;
  readonly unit: LimitUnit;
  /** `held`: there was room. `exceeded`: there was none, and `action` says what followed. `unavailable`: the store gave no answer. */
  readonly outcome: "held" | "exceeded" | "unavailable";
  readonly action: LimitRule["onExceeded"];
}
