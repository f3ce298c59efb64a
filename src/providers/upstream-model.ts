import { matchesStar } from "../lib/star-pattern.ts";
import type { ModelRule } from "../model/backend.ts";

/** What the backend calls the model that is really asked for: the target's own or the caller's, and the rule's name for it where the rule is about that one. Null: none is named. */
export function upstreamModel(override: string | null, rule: ModelRule | null, callers: string | null): string | null {
  const wanted = override ?? callers;
  if (rule === null || rule.upstream === null || wanted === null) return wanted;
  return matchesStar(rule.name, wanted) ? rule.upstream : wanted;
}
