import type { UsageExpression, UsageVariable } from "../../model/limit.ts";

/** What one call used: tokens, and prices per token; null: unknown. */
export type UsageValues = Readonly<Record<UsageVariable, number | null>>;

/**
 * What an expression makes of a call: tokens, or units of the currency (not billionths). An unknown number of tokens counts as 0.
 * Null: an unknown price has a part in it, or the result is no finite number; then nobody knows, which is not 0.
 */
export function evaluateUsage(expression: UsageExpression, values: UsageValues): number | null {
  const result = evaluate(expression, values);
  return Number.isFinite(result) ? result : null;
}

/** `NaN` stands for unknown: it stays one through every step, also through the minimum and the maximum. */
function evaluate(expression: UsageExpression, values: UsageValues): number {
  switch (expression.op) {
    case "number":
      return expression.value;
    case "variable":
      return values[expression.name] ?? (isPrice(expression.name) ? Number.NaN : 0);
    default: {
      const left = evaluate(expression.left, values);
      const right = evaluate(expression.right, values);
      switch (expression.op) {
        case "+":
          return left + right;
        case "-":
          return left - right;
        case "*":
          return left * right;
        case "/":
          return right === 0 ? Number.NaN : left / right;
        case "min":
          return Math.min(left, right);
        case "max":
          return Math.max(left, right);
      }
    }
  }
}

/** Prices are the variables whose absence makes the whole unknown. */
export function isPrice(name: UsageVariable): boolean {
  return name.startsWith("price.");
}
