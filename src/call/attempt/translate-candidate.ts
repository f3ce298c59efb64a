import type { Cleared } from "../../model/cleared.ts";
import { Refusal } from "../../model/errors.ts";
import { matchModel } from "../../plan/model-rule.ts";
import { isKnownVersion } from "../../providers/anthropic/known-version.ts";
import type { TranslatedRequest } from "../../providers/translate-request.ts";
import { planTranslation, type TranslationPlan } from "../../providers/translation-plan.ts";
import type { Translator } from "../../providers/translator.ts";
import { Untranslatable } from "../../providers/untranslatable.ts";
import { upstreamModel } from "../../providers/upstream-model.ts";
import { withoutPlaceHeaders } from "../../transport/locate/withheld-headers.ts";
import type { CallInFlight } from "./attempt.ts";

/** A call in the words of one candidate's API. */
export interface TranslatedCall extends TranslatedRequest {
  readonly translator: Translator;
}

/** What was made of a call for each of its candidates: it may be needed for choosing them and for each try. */
const made = new WeakMap<CallInFlight["routed"], Map<Cleared, TranslatedCall | Untranslatable>>();

/** Null: the call's bytes pass to this candidate as they are, which nearly all do. */
export function translationOf({ routed }: CallInFlight, { target }: Cleared): TranslationPlan | null {
  const { api } = target.backend;
  const plan = api === null ? null : planTranslation(routed.operation, api);
  // `unsupported` candidates were left out by the plan.
  return plan === "unsupported" ? null : plan;
}

/** The call in the candidate's API. Rejects with `request_malformed` for a body that is not what the caller's API says. */
export async function translateCandidate(call: CallInFlight, cleared: Cleared, plan: TranslationPlan): Promise<TranslatedCall | Untranslatable> {
  const { routed, body } = call;
  const known = made.get(routed) ?? new Map<Cleared, TranslatedCall | Untranslatable>();
  made.set(routed, known);
  const before = known.get(cleared);
  if (before !== undefined) return before;
  const { api, key } = cleared.target.backend;
  if (api === null) throw new TypeError(`${key} speaks no API`);
  const { createTranslator } = await import("../../providers/translator.ts");
  const translator = createTranslator(plan);
  const callers = body.facts?.model ?? null;
  const rule = matchModel(api, cleared.target.model ?? callers);
  const model = upstreamModel(cleared.target.model, rule === "unknown" ? null : rule, callers);
  const { headers: sent } = routed.exchange;
  const headers = cleared.lock === null ? sent : withoutPlaceHeaders(sent);
  let translated: TranslatedCall | Untranslatable;
  try {
    if (plan.caller === "anthropic" && !isKnownVersion(sent)) throw new Untranslatable("anthropic-version", "this version is not known");
    translated = { translator, ...translator.request(api, { body: body.bytes, model, headers }) };
  } catch (error) {
    if (!(error instanceof Untranslatable)) throw error;
    translated = error;
  }
  known.set(cleared, translated);
  return translated;
}

/**
 * The candidates whose API can say what the caller asks for, in their order. Throws `translation_unsupported` when there is none, with the field that
 * the first of them cannot carry: nothing is dropped that would change the meaning of the answer.
 */
export function speakable(call: CallInFlight, candidates: readonly Cleared[]): readonly Cleared[] | Promise<readonly Cleared[]> {
  return candidates.some((cleared) => translationOf(call, cleared) !== null) ? withoutMute(call, candidates) : candidates;
}

async function withoutMute(call: CallInFlight, candidates: readonly Cleared[]): Promise<readonly Cleared[]> {
  const kept: Cleared[] = [];
  let why: string | null = null;
  for (const cleared of candidates) {
    const plan = translationOf(call, cleared);
    const translated = plan === null ? null : await translateCandidate(call, cleared, plan);
    if (translated instanceof Untranslatable) {
      const { key } = cleared.target.backend;
      call.record.excluded = [...call.record.excluded, { backend: key, reason: `translation: ${translated.field}` }];
      why ??= `${key} speaks another API than the one that was called, and ${translated.message}`;
    } else kept.push(cleared);
  }
  if (kept.length === 0 && why !== null) throw new Refusal("translation_unsupported", { detail: `${why}.` });
  return kept;
}
