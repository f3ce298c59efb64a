import type { LimitDimension, LimitRule, LimitUnit } from "../model/limit.ts";
import type { AccountState } from "../model/usage-store.ts";

/** How one account of a limit stands, as `/-/limits` tells it. Amounts in the limit's unit; cost in billionths of `currency`. */
export interface LimitStanding {
  readonly gateway: string;
  /** `namespace/policy/limit`. */
  readonly limit: string;
  readonly unit: LimitUnit;
  readonly currency: string | null;
  readonly onExceeded: LimitRule["onExceeded"];
  /** Whose account it is: a value for each of the limit's `per`. */
  readonly of: Partial<Readonly<Record<LimitDimension, string>>>;
  readonly used: number;
  /** By instances: for calls under way, and for those that may come next. */
  readonly held: number;
  readonly max: number;
  /** What is neither used nor held. */
  readonly left: number;
  /** Milliseconds since the epoch, when a calendar window is over; null: it does not end at a moment. */
  readonly resetsAt: number | null;
  /** Length of a sliding window; null: it has none. */
  readonly slidingMs: number | null;
}

/** A limit of which no account counts anything now: all of it is left, for everybody. */
export interface UntouchedLimit {
  readonly gateway: string;
  readonly limit: string;
  readonly unit: LimitUnit;
  readonly currency: string | null;
  readonly onExceeded: LimitRule["onExceeded"];
  readonly per: readonly LimitDimension[];
  readonly max: number;
}

/** The limits of these Gateways that have no account among the standings. */
export function untouchedLimits(gateways: readonly string[], standings: readonly LimitStanding[], rules: readonly LimitRule[]): readonly UntouchedLimit[] {
  const met = new Set(standings.map(({ gateway, limit }) => `${gateway} ${limit}`));
  return rules
    .filter(({ gateway, id }) => gateways.includes(gateway) && !met.has(`${gateway} ${id}`))
    .map(({ gateway, id, unit, currency, onExceeded, per, limit }) => ({ gateway, limit: id, unit, currency, onExceeded, per, max: limit }));
}

/** What the name of an account says: the rule's id, and the values of its `per`. */
export type ReadAccount = (name: string) => { readonly limit: string; readonly of: readonly string[] } | null;

/** How the accounts of one Gateway stand, by the rules in force. Accounts of limits that are no more, or that had another window, are left out. */
export function limitStandings(
  gateway: string,
  accounts: readonly AccountState[],
  rules: readonly LimitRule[],
  readAccount: ReadAccount,
  now: number,
): readonly LimitStanding[] {
  const byId = new Map(rules.filter((rule) => rule.gateway === gateway).map((rule) => [rule.id, rule]));
  return accounts.flatMap(({ account, used, held, window }) => {
    const name = readAccount(account);
    const rule = name === null ? undefined : byId.get(name.limit);
    if (name === null || rule === undefined || !isCurrent(window, rule, now)) return [];
    return {
      gateway,
      limit: rule.id,
      unit: rule.unit,
      currency: rule.currency,
      onExceeded: rule.onExceeded,
      of: Object.fromEntries(rule.per.map((dimension, index) => [dimension, name.of[index] ?? ""])),
      used,
      held,
      max: rule.limit,
      left: Math.max(0, rule.limit - used - held),
      resetsAt: window.kind === "until" ? window.at : null,
      slidingMs: window.kind === "sliding" ? window.ms : null,
    };
  });
}

function isCurrent(window: AccountState["window"], rule: LimitRule, now: number): boolean {
  switch (window.kind) {
    case "sliding":
      return rule.window?.kind === "sliding" && rule.window.ms === window.ms;
    case "until":
      return rule.window?.kind === "calendar" && window.at > now;
    case "none":
      return rule.window === null;
  }
}
