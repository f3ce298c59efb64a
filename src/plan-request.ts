import type { Operation } from "./model/operation.ts";
import type { PlanRequest } from "./plan/plan.ts";
import { serves } from "./providers/translation.ts";

/** What planning is told of a call: the same for a real one and for one that is explained. */
export function planRequest(operation: Operation, model: string | null): PlanRequest {
  // A list of models has the same shape everywhere, so any backend of the rule may give it.
  return { model, serves: (api) => operation.name === "models" || serves(operation, api) };
}
