import { RE2JS } from "re2js";

/**
 * RE2 runs in time linear in pattern size times subject length; this caps the first factor, so that no pattern can hold the
 * event loop while it reads a path of the largest size that a listener lets in.
 */
const MAX_INSTRUCTIONS = 1_000;
const MAX_PATTERN_LENGTH = 4_096;

export type FullMatch = { readonly ok: true; readonly test: (subject: string) => boolean } | { readonly ok: false; readonly reason: string };

/**
 * Compiles a RegularExpression match. The standard leaves the dialect to the implementation: here it is RE2 (no backtracking, so
 * no ReDoS), and the pattern must match the WHOLE subject, as in Envoy, so that `/v1/chat` does not also match `/x/v1/chat/y`.
 * A pattern that cannot be compiled is refused: it never degrades to a literal.
 */
export function fullMatch(pattern: string): FullMatch {
  if (pattern.length > MAX_PATTERN_LENGTH) return { ok: false, reason: `the regular expression is longer than ${MAX_PATTERN_LENGTH} characters` };
  let compiled: RE2JS;
  try {
    compiled = RE2JS.compile(pattern);
  } catch (error) {
    const why = error instanceof Error ? error.message : "it cannot be parsed";
    return { ok: false, reason: `the regular expression is not valid RE2: ${why}` };
  }
  if (compiled.programSize() > MAX_INSTRUCTIONS)
    return { ok: false, reason: `the regular expression is too large (over ${MAX_INSTRUCTIONS} RE2 instructions)` };
  return { ok: true, test: (subject) => compiled.testExact(subject) };
}
