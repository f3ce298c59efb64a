import type { HeaderList } from "../../model/http.ts";
import type { LimitRule, LimitUnit, LimitWindow } from "../../model/limit.ts";

/** How one limit stands for a caller. */
export interface LimitStanding {
  readonly rule: LimitRule;
  readonly remaining: number;
  /** Milliseconds until there is more; null: nobody can say. */
  readonly resetMs: number | null;
}

/** What `q` and `r` count. Money is told in millionths of its unit: billionths of a large budget do not fit an integer of a header. */
const QUOTA_UNIT: Readonly<Record<Exclude<LimitUnit, "cost">, string>> = { requests: "requests", tokens: "tokens", concurrency: "concurrent-requests" };
const NANOS_OF_MILLIONTH = 1_000;
/** RFC 9651: an Integer has at most 15 digits. */
const MAX_INTEGER = 999_999_999_999_999;
/** More are of no use to a caller, and headers have a bound. */
const MAX_ITEMS = 10;
const PERIOD_SECONDS = { minute: 60, hour: 3_600, day: 86_400, week: 604_800, month: 2_592_000 } as const;

/**
 * `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10): each limit by its id, the tightest first. Whose account it is stays here: no
 * partition key is told. A limit that only watches is not told either.
 */
export function rateLimitFields(standings: readonly LimitStanding[]): HeaderList {
  const told = standings.filter(({ rule }) => rule.onExceeded !== "shadow");
  if (told.length === 0) return [];
  if (told.length > 1) told.sort((left, right) => shareOf(left) - shareOf(right));
  if (told.length > MAX_ITEMS) told.length = MAX_ITEMS;
  let policies = "";
  let states = "";
  for (const { rule, remaining, resetMs } of told) {
    const { id, policy } = textsOf(rule);
    const comma = policies === "" ? "" : ", ";
    policies += `${comma}${policy}`;
    states += `${comma}${id};r=${integer(rule, remaining)}${resetMs === null ? "" : `;t=${seconds(resetMs)}`}`;
  }
  return ["ratelimit-policy", policies, "ratelimit", states];
}

interface RuleTexts {
  readonly id: string;
  readonly policy: string;
}

/** What every call is told of a rule in the same words: gone with the rule. */
const texts = new WeakMap<LimitRule, RuleTexts>();

function textsOf(rule: LimitRule): RuleTexts {
  const known = texts.get(rule);
  if (known !== undefined) return known;
  const id = quoted(rule.id);
  const made = { id, policy: `${id};q=${integer(rule, rule.limit)};qu=${quoted(unitOf(rule))}${windowOf(rule.window)}` };
  texts.set(rule, made);
  return made;
}

/** Of the limit, what is left; a limit of nothing has nothing. */
function shareOf({ rule, remaining }: LimitStanding): number {
  return rule.limit === 0 ? 0 : remaining / rule.limit;
}

/** Whole seconds, never 0: a caller that comes back at once only hears the same again. */
export function seconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1_000));
}

function unitOf({ unit, currency }: LimitRule): string {
  return unit === "cost" ? `millionths-of-${(currency ?? "usd").toLowerCase()}` : QUOTA_UNIT[unit];
}

function integer({ unit }: LimitRule, amount: number): number {
  return Math.min(MAX_INTEGER, Math.max(0, Math.floor(unit === "cost" ? amount / NANOS_OF_MILLIONTH : amount)));
}

function windowOf(window: LimitWindow | null): string {
  if (window === null) return "";
  return `;w=${window.kind === "sliding" ? seconds(window.ms) : PERIOD_SECONDS[window.period]}`;
}

/** An id is made of Kubernetes names: nothing in it needs an escape, and what would is left out. */
function quoted(text: string): string {
  return `"${text.replace(/[^\x20-\x7e]|["\\]/g, "")}"`;
}
