import type { ApiProfile } from "../model/backend.ts";
import type { HeaderList } from "../model/http.ts";
import { anthropicCodec } from "./anthropic/codec.ts";
import { bedrockCodec } from "./bedrock/codec.ts";
import { geminiCodec } from "./gemini/codec.ts";
import { openaiChatCodec } from "./openai-chat/codec.ts";
import { openaiResponsesCodec } from "./openai-responses/codec.ts";
import type { AnswerContext, CallerCodec, UpstreamCodec } from "./pivot/codec.ts";
import { translateAnswer, translateError } from "./translate-answer.ts";
import { type TranslatedRequest, translatedHeaders, translateRequest } from "./translate-request.ts";
import { judgeFirstTranslated, type TranslatedAnswer, translateStream } from "./translate-stream.ts";
import type { TranslationPlan } from "./translation-plan.ts";

const CALLERS: Readonly<Record<TranslationPlan["caller"], CallerCodec>> = {
  "openai-chat": openaiChatCodec,
  "openai-responses": openaiResponsesCodec,
  anthropic: anthropicCodec,
};

const UPSTREAMS: Readonly<Record<TranslationPlan["upstream"], UpstreamCodec>> = {
  "openai-chat": openaiChatCodec,
  anthropic: anthropicCodec,
  gemini: geminiCodec,
  bedrock: bedrockCodec,
};

/** Everything between one caller's API and one upstream's. */
export interface Translator {
  readonly plan: TranslationPlan;
  /** The call in the upstream's words. Throws `Untranslatable`, and `Refusal` `request_malformed`. */
  request(api: ApiProfile, body: Uint8Array | null, model: string | null): TranslatedRequest;
  /** The caller's headers as far as they mean something to the upstream. */
  headers(headers: HeaderList, stream: boolean): HeaderList;
  /** What the first bytes of a stream say. */
  judgeFirst(bytes: Uint8Array): "good" | "error" | "more";
  /** The codec of a good answer. */
  answer(context: AnswerContext): TranslatedAnswer;
  /** An error answer in the caller's words. */
  error(status: number, headers: HeaderList, body: Uint8Array, requestId: string): ReturnType<typeof translateError>;
}

export function createTranslator(plan: TranslationPlan): Translator {
  const caller = CALLERS[plan.caller];
  const upstream = UPSTREAMS[plan.upstream];
  return {
    plan,
    request: (api, body, model) => translateRequest(caller, upstream, { api, host: plan.host, body, model }),
    headers: (headers, stream) => translatedHeaders(headers, plan.upstream, stream),
    judgeFirst: (bytes) => judgeFirstTranslated(upstream, bytes),
    answer: (context) => (context.request.stream ? translateStream(upstream, caller, context) : translateAnswer(upstream, caller, context)),
    error: (status, headers, body, requestId) => translateError(upstream, caller, { status, headers, body, requestId }),
  };
}
