import type { CallInFlight } from "./attempt.ts";
import type { Cleared } from "./model/cleared.ts";
import { Refusal } from "./model/errors.ts";
import { matchModel } from "./plan/model-rule.ts";
import { upstreamModel } from "./providers/encode-request.ts";
import { type TranslatedRequest, translateRequest, Untranslatable } from "./providers/translate-request.ts";
import { type Translation, translationFor } from "./providers/translation.ts";

/** A call in the words of one candidate's API. */
export interface TranslatedCandidate extends TranslatedRequest {
  readonly translation: Translation;
}

/** What was made of a call for each of its candidates: it may be needed for choosing them and for each try. */
const made = new WeakMap<CallInFlight["routed"], Map<Cleared, TranslatedCandidate | Untranslatable>>();

/** The call in the candidate's API; null: its bytes pass as they are. Throws `request_malformed` for a body that is not what the caller's API says. */
export function translateCandidate({ routed, body }: CallInFlight, cleared: Cleared): TranslatedCandidate | Untranslatable | null {
  const { target } = cleared;
  const { api } = target.backend;
  if (api === null) return null;
  const translation = translationFor(routed.operation, api);
  if (translation === null || translation === "unsupported") return null;
  const known = made.get(routed) ?? new Map<Cleared, TranslatedCandidate | Untranslatable>();
  made.set(routed, known);
  let one = known.get(cleared);
  if (one === undefined) {
    const callers = body.facts?.model ?? null;
    const rule = matchModel(api, target.model ?? callers);
    const model = upstreamModel({ modelOverride: target.model, modelRule: rule === "unknown" ? null : rule }, callers);
    one = translated(translation, () => translateRequest(translation, api, body.bytes, model));
    known.set(cleared, one);
  }
  return one;
}

function translated(translation: Translation, translate: () => TranslatedRequest): TranslatedCandidate | Untranslatable {
  try {
    return { translation, ...translate() };
  } catch (error) {
    if (error instanceof Untranslatable) return error;
    throw error;
  }
}

/**
 * The candidates whose API can say what the caller asks for, in their order. Throws `translation_unsupported` when there is none, with the field that
 * the first of them cannot carry: nothing is dropped that would change the meaning of the answer.
 */
export function speakable(call: CallInFlight, candidates: readonly Cleared[]): readonly Cleared[] {
  let first: Untranslatable | null = null;
  let backend = "";
  const kept = candidates.filter((cleared) => {
    const one = translateCandidate(call, cleared);
    if (!(one instanceof Untranslatable)) return true;
    call.record.excluded = [...call.record.excluded, { backend: cleared.target.backend.key, reason: `translation: ${one.field}` }];
    backend = first === null ? cleared.target.backend.key : backend;
    first ??= one;
    return false;
  });
  if (kept.length > 0 || first === null) return kept;
  throw new Refusal("translation_unsupported", {
    detail: `${backend} speaks another API than the one that was called, and ${(first as Untranslatable).message}.`,
  });
}
