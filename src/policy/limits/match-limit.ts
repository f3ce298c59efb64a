import { matchesStar } from "../../lib/star-pattern.ts";
import type { LimitDimension, LimitMatch, LimitRule } from "../../model/limit.ts";

/** Of what a limit may ask about a call. */
export interface LimitSubject {
  readonly namespace: string;
  readonly serviceAccount: string | null;
  readonly workload: string | null;
  /** The model that the caller asked for; null: it names none. */
  readonly model: string | null;
  /** `namespace/route`. */
  readonly route: string;
  /** The destination that is tried; null: the limit is for whatever destination serves. */
  readonly backend: string | null;
}

/** Whether the limit is for this call. What a call does not say is matched by `*` alone: leaving it out must not be a way around a limit for all. */
export function matchesLimit(match: LimitMatch, subject: LimitSubject): boolean {
  const { namespaces, serviceAccounts, models } = match;
  if (namespaces !== null && !anyMatches(namespaces, subject.namespace)) return false;
  if (models !== null && !anyMatches(models, subject.model ?? "")) return false;
  if (serviceAccounts === null) return true;
  const { namespace, serviceAccount } = subject;
  const full = `${namespace}/${serviceAccount ?? ""}`;
  return serviceAccounts.some((pattern) => matchesStar(pattern, pattern.includes("/") ? full : (serviceAccount ?? "")));
}

/** Longer names of models share an account: an account's name is bounded, and no provider's is longer than Bedrock's ARNs usually are. */
const MAX_VALUE = 160;

/** Which account of the limit it is: the values of its `per`, in their order. */
export function accountValues({ per }: LimitRule, subject: LimitSubject): readonly string[] {
  return per.map((dimension) => valueIn(dimension, subject).slice(0, MAX_VALUE));
}

function valueIn(dimension: LimitDimension, subject: LimitSubject): string {
  return subject[dimension] ?? "";
}

function anyMatches(patterns: readonly string[], text: string): boolean {
  return patterns.some((pattern) => matchesStar(pattern, text));
}
