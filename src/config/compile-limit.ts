import type { LimitDimension, LimitRule, LimitWindow, UsageExpression } from "../model/limit.ts";
import { calendarPeriod } from "./calendar-period.ts";
import { ageMs } from "./duration.ts";
import { type AuthoredLimit, UNITS, type UsageLimitSpec } from "./kinds/usage-limit-policy.ts";
import { limitAmount } from "./limit-amount.ts";
import { parseUsageExpression } from "./parse-usage-expression.ts";

/** A limit but for where it counts. */
export type LimitDraft = Omit<LimitRule, "gateway" | "scope">;

const DEFAULT_RESERVE = 4_096;
const DEFAULT_SHARE = "10%";

/** In this order accounts are named, whatever order the manifest has: to write it anew must not begin a new account. */
const DIMENSIONS: readonly (readonly [NonNullable<AuthoredLimit["per"]>[number], LimitDimension])[] = [
  ["Namespace", "namespace"],
  ["ServiceAccount", "serviceAccount"],
  ["Workload", "workload"],
  ["Model", "model"],
  ["Route", "route"],
  ["Backend", "backend"],
];
const RESERVE = { InputPlusMaxOutput: "inputPlusMaxOutput", Input: "input", Fixed: "fixed" } as const;
const EXCEEDED = { Reject: "reject", NextTier: "nextTier", Shadow: "shadow" } as const;

/** One limit of a policy that has passed its schema. `policy` is its `namespace/name`. */
export function compileLimit(policy: string, spec: UsageLimitSpec, authored: AuthoredLimit): LimitDraft {
  const unit = UNITS[authored.unit];
  const amount = limitAmount(authored.limit, unit);
  const { match } = authored;
  return {
    id: `${policy}/${authored.name}`,
    unit,
    // The schema has refused what cannot be counted; were it ever asked for, nothing would be let through.
    limit: typeof amount === "number" ? amount : 0,
    currency: unit === "cost" ? (authored.currency ?? "USD") : null,
    measure: measureOf(authored),
    window: authored.window === undefined ? null : windowOf(authored.window),
    per: dimensionsOf(authored.per ?? []),
    match: { namespaces: match?.namespaces ?? null, serviceAccounts: match?.serviceAccounts ?? null, models: match?.models ?? null },
    reserve: { kind: RESERVE[authored.reserve ?? "InputPlusMaxOutput"], output: authored.reserveTokens ?? DEFAULT_RESERVE },
    onExceeded: EXCEEDED[authored.onExceeded ?? spec.onExceeded],
    onStoreFailure: storeFailureOf(authored.onStoreFailure ?? spec.onStoreFailure, spec.localShare ?? DEFAULT_SHARE),
  };
}

function measureOf({ tokens, tokenExpression, costExpression }: AuthoredLimit): UsageExpression | null {
  const text = tokenExpression ?? costExpression;
  if (text !== undefined) {
    const parsed = parseUsageExpression(text);
    return parsed.ok ? parsed.expression : null;
  }
  if (tokens === undefined || tokens === "Total") return null;
  return { op: "variable", name: tokens === "Input" ? "input" : "output" };
}

function windowOf({ duration, type, timeZone }: NonNullable<AuthoredLimit["window"]>): LimitWindow {
  const period = type === "Calendar" ? calendarPeriod(duration) : null;
  return period === null ? { kind: "sliding", ms: ageMs(duration) } : { kind: "calendar", period, timeZone: timeZone ?? "UTC" };
}

/** A service account and a workload have a name only inside of their namespace: two of the same name must not share an account. */
function dimensionsOf(per: NonNullable<AuthoredLimit["per"]>): readonly LimitDimension[] {
  const inNamespace = per.includes("ServiceAccount") || per.includes("Workload");
  return DIMENSIONS.flatMap(([authored, dimension]) => (per.includes(authored) || (dimension === "namespace" && inNamespace) ? [dimension] : []));
}

function storeFailureOf(kind: UsageLimitSpec["onStoreFailure"], share: string): LimitRule["onStoreFailure"] {
  if (kind === "Local") return { kind: "local", share: Number(share.slice(0, -1)) / 100 };
  return { kind: kind === "FailOpen" ? "failOpen" : "failClosed" };
}
