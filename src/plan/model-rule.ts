import type { ApiProfile, ModelRule } from "../model/backend.ts";

/**
 * How a backend treats a model: the rule that names it; null when no rule does and the profile lets it pass, or when the call names no
 * model; `unknown` when the profile rejects it. An exact name beats a pattern, a longer pattern a shorter one, an earlier rule a later one.
 */
export function matchModel(api: ApiProfile, model: string | null): ModelRule | null | "unknown" {
  if (model === null) return null;
  let best: ModelRule | null = null;
  for (const rule of api.models) {
    if (rule.name === model) return rule;
    if (patternMatches(rule.name, model) && (best === null || rule.name.length > best.name.length)) best = rule;
  }
  return best ?? (api.onUnknownModel === "Reject" ? "unknown" : null);
}

/** One `*` at either end stands for any characters, none included; a `*` elsewhere is a character of the name. */
function patternMatches(pattern: string, model: string): boolean {
  if (pattern.endsWith("*")) return model.startsWith(pattern.slice(0, -1));
  return pattern.startsWith("*") && model.endsWith(pattern.slice(1));
}
