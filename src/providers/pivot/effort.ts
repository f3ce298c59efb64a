import type { ReasoningWish } from "./request.ts";

type Effort = NonNullable<ReasoningWish["effort"]>;

/** Budgets below which an effort is meant, in tokens: the steps that the providers' own compatibility layers use (1,024 is the least that Anthropic takes). */
const BUDGETS: readonly (readonly [Effort, number])[] = [
  ["minimal", 1_024],
  ["low", 4_096],
  ["medium", 16_384],
  ["high", 32_768],
];

/** The effort that a wish names, or that its budget stands for; null: the provider's own. */
export function effortOf(wish: ReasoningWish): Effort | null {
  if (!wish.enabled) return "none";
  if (wish.effort !== null) return wish.effort;
  const { budgetTokens } = wish;
  if (budgetTokens === null) return null;
  return BUDGETS.find(([, tokens]) => budgetTokens <= tokens)?.[0] ?? "high";
}

/** The budget that a wish names, or that its effort stands for, in tokens; null: the provider's own. */
export function budgetOf(wish: ReasoningWish): number | null {
  if (wish.budgetTokens !== null) return wish.budgetTokens;
  switch (wish.effort) {
    case "minimal":
    case "low":
      return 1_024 * (wish.effort === "low" ? 4 : 1);
    case "medium":
      return 16_384;
    case "high":
    case "xhigh":
    case "max":
      return 32_768;
    default:
      return null;
  }
}
