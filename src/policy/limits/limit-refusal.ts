import { Refusal } from "../../model/errors.ts";
import type { LimitRule } from "../../model/limit.ts";
import type { Shortage } from "./limit-desk.ts";
import { rateLimitFields, seconds } from "./rate-limit-fields.ts";

/** SDKs repeat a call that got 429 within seconds. What cannot succeed by then they must leave alone: this header tells OpenAI's and Anthropic's so. */
const DO_NOT_RETRY = ["x-should-retry", "false"];
/** Longest Retry-After that those SDKs follow. Milliseconds. */
const PATIENCE_MS = 60_000;

/** What the caller is told when a limit has no room: `limit_exceeded`, or `limits_unavailable` where nobody could count. */
export function limitRefusal({ claim, reason, remaining, retryAfterMs }: Shortage): Refusal {
  const { rule, amount } = claim;
  if (reason === "unavailable") {
    return new Refusal("limits_unavailable", {
      detail: `The store that counts the limit ${rule.id} gave no answer, and without it no call is made (onStoreFailure: FailClosed).`,
      retryAfter: 1,
    });
  }
  const fields = rateLimitFields([{ rule, remaining, resetMs: retryAfterMs }]);
  if (retryAfterMs === null) {
    return new Refusal("limit_exceeded", { detail: tooLarge(rule, amount), headers: [...DO_NOT_RETRY, ...fields] });
  }
  return new Refusal("limit_exceeded", {
    detail: usedUp(rule, amount, remaining),
    retryAfter: seconds(retryAfterMs),
    headers: retryAfterMs > PATIENCE_MS ? [...DO_NOT_RETRY, ...fields] : fields,
  });
}

/** Where money is limited, a call whose price nobody knows would be a hole in the limit: it is refused. */
export function unpricedRefusal(rule: LimitRule, model: string | null, backend: string): Refusal {
  return new Refusal("limit_exceeded", {
    detail: `The limit ${rule.id} counts money, and no price in ${rule.currency ?? "its currency"} is known for model "${model ?? ""}" at ${backend}: add models[].price to its AIBackendPolicy.`,
    headers: DO_NOT_RETRY,
  });
}

function tooLarge(rule: LimitRule, amount: number): string {
  const advice = rule.unit === "tokens" || rule.unit === "cost" ? " Ask for less output (max_tokens) or send less." : "";
  return `The call may need ${amountText(rule, amount)}, and the limit ${rule.id} is ${amountText(rule, rule.limit)}: it cannot be made at all.${advice}`;
}

function usedUp(rule: LimitRule, amount: number, remaining: number): string {
  if (rule.unit === "concurrency") return `The limit ${rule.id} of ${amountText(rule, rule.limit)} is reached.`;
  const need = rule.unit === "requests" ? "" : ` The call may need ${amountText(rule, amount)}.`;
  return `The limit ${rule.id} of ${amountText(rule, rule.limit)} has ${amountText(rule, remaining)} left.${need}`;
}

function amountText({ unit, currency }: LimitRule, amount: number): string {
  switch (unit) {
    case "cost":
      return `${(amount / 1e9).toFixed(6).replace(/0{1,4}$/, "")} ${currency ?? ""}`.trimEnd();
    case "concurrency":
      return `${amount} calls at the same time`;
    default:
      return `${amount} ${unit}`;
  }
}
