import type { LimitRule } from "../../model/limit.ts";
import type { Usage } from "../../model/operation.ts";
import type { CallCost, RateCard } from "../../model/price.ts";
import { evaluateUsage, type UsageValues } from "./usage-expression.ts";

/** What a call may use, as far as it can be told before it is made. */
export interface UsageEstimate {
  readonly inputTokens: number;
  /** The caller's own bound of one answer; null: it names none. */
  readonly maxOutputTokens: number | null;
  /** Answers that are asked for at once. */
  readonly choices: number;
  /** What will be asked is not known yet, as with a WebSocket: the policy's own assumption stands for all of it. */
  readonly blind: boolean;
}

/** Billionths in a unit of a currency. */
const NANOS = 1_000_000_000;
/** Amounts are whole numbers that add up exactly. */
const MOST = Number.MAX_SAFE_INTEGER;

/** What the call may need at most of the limit, in its unit. Null: it is a limit of cost, and no price is known. */
export function claimAmount(rule: LimitRule, estimate: UsageEstimate, rates: RateCard | null): number | null {
  if (rule.unit === "requests" || rule.unit === "concurrency") return 1;
  const { input, output } = expected(rule, estimate);
  if (rule.unit === "tokens") {
    if (rule.measure === null || rule.reserve.kind === "fixed" || estimate.blind) return whole(input + output);
    return whole(evaluateUsage(rule.measure, valuesOf({ input, output }, null, rates)) ?? input + output);
  }
  return costOf(rule, { input, output }, null, rates);
}

/** What the call has used of the limit, in its unit. Null: nobody knows, and what was claimed stands. */
export function usedAmount(rule: LimitRule, usage: Usage | null, cost: CallCost | null, rates: RateCard | null): number | null {
  if (rule.unit === "requests") return 1;
  if (rule.unit === "concurrency") return 0;
  if (usage === null) return null;
  const parts = { input: usage.inputTokens ?? 0, output: usage.outputTokens ?? 0 };
  if (rule.unit === "tokens") {
    if (rule.measure === null) return whole(parts.input + parts.output);
    const measured = evaluateUsage(rule.measure, valuesOf(parts, usage, rates));
    return measured === null ? null : whole(measured);
  }
  if (rule.measure === null && cost !== null) return cost.currency === rule.currency ? cost.nanos : null;
  return costOf(rule, parts, usage, rates);
}

interface Parts {
  readonly input: number;
  readonly output: number;
}

function expected({ reserve }: LimitRule, estimate: UsageEstimate): Parts {
  if (reserve.kind === "fixed" || estimate.blind) return { input: 0, output: reserve.output };
  if (reserve.kind === "input") return { input: estimate.inputTokens, output: 0 };
  return { input: estimate.inputTokens, output: (estimate.maxOutputTokens ?? reserve.output) * estimate.choices };
}

/** In billionths; null: a price is missing that has a part in it. */
function costOf({ measure, currency }: LimitRule, parts: Parts, usage: Usage | null, rates: RateCard | null): number | null {
  if (rates === null || rates.currency !== currency) return null;
  const { input, output } = parts;
  const price = measure === null ? priced(input, rates.input) + priced(output, rates.output) : evaluateUsage(measure, valuesOf(parts, usage, rates));
  return price === null || Number.isNaN(price) ? null : whole(price * NANOS);
}

/** NaN: unknown. What is not used needs no price. */
function priced(tokens: number, price: number | null): number {
  return tokens === 0 ? 0 : tokens * (price ?? Number.NaN);
}

function valuesOf({ input, output }: Parts, usage: Usage | null, rates: RateCard | null): UsageValues {
  return {
    input,
    output,
    total: input + output,
    cachedInput: usage?.cacheReadTokens ?? null,
    cacheWrite: usage?.cacheWriteTokens ?? null,
    reasoning: usage?.reasoningTokens ?? null,
    audioInput: usage?.audioInputTokens ?? null,
    audioOutput: usage?.audioOutputTokens ?? null,
    "price.input": rates?.input ?? null,
    "price.cachedInput": rates?.cachedInput ?? null,
    "price.output": rates?.output ?? null,
  };
}

/** Never less than 0, whatever an expression makes of it; up, so that many small calls do not round to nothing. */
function whole(amount: number): number {
  // Binary fractions of prices leave a trace far behind the point: it must not cost a unit.
  return Math.min(MOST, Math.max(0, Math.ceil(amount - 1e-6)));
}
