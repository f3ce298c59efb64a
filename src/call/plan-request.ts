import type { Operation } from "../model/operation.ts";
import type { PlanRequest } from "../plan/plan.ts";
import { planTranslation } from "../providers/translation-plan.ts";

/** What planning is told of a call: the same for a real one and for one that is explained. */
export function planRequest(operation: Operation, model: string | null): PlanRequest {
  // A list of models has the same shape everywhere, so any backend of the rule may give it.
  return { model, serves: (api) => planTranslation(operation, api) !== "unsupported" };
}
