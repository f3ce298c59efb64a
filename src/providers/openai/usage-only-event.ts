import { asArray, asCount, asObject, parseJson } from "../../lib/json-value.ts";

const SOME_CHOICE = /"choices"\s*:\s*\[\s*\{/;

/**
 * The last chunk of a stream with `include_usage`: a usage object and no choice. Azure's first chunk has no choice
 * either, but content-filter results and no usage, and must stay.
 */
export function isUsageOnlyEvent(data: string): boolean {
  if (!data.includes('"usage"') || SOME_CHOICE.test(data)) return false;
  const chunk = asObject(parseJson(data));
  if (chunk === null || !Array.isArray(chunk["choices"]) || asArray(chunk["choices"]).length > 0) return false;
  return asCount(asObject(chunk["usage"])?.["prompt_tokens"]) !== null || asCount(asObject(chunk["usage"])?.["completion_tokens"]) !== null;
}
