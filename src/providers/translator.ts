import type { ApiProfile } from "../model/backend.ts";
import type { StreamCodec } from "../model/codec.ts";
import type { HeaderList } from "../model/http.ts";
import { anthropicCodec } from "./anthropic/codec.ts";
import { carryRequest } from "./anthropic-clouds/carry-request.ts";
import { cloudCodec } from "./anthropic-clouds/cloud-codec.ts";
import { createUnwrapper } from "./anthropic-clouds/unwrap-stream.ts";
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
  "openai-responses": openaiResponsesCodec,
  anthropic: anthropicCodec,
  gemini: geminiCodec,
  bedrock: bedrockCodec,
};

const CLOUDS = { bedrock: cloudCodec("bedrock"), vertex: cloudCodec("vertex") };

/** Everything between one caller's API and one upstream's. */
export interface Translator {
  readonly plan: TranslationPlan;
  /** The call in the upstream's words; `headers` are the caller's, less what a lock takes out. Throws `Untranslatable`, and `Refusal` `request_malformed`. */
  request(api: ApiProfile, call: { readonly body: Uint8Array | null; readonly model: string | null; readonly headers: HeaderList }): TranslatedRequest;
  /** The caller's headers as far as they mean something to the upstream. */
  headers(headers: HeaderList, stream: boolean): HeaderList;
  /** What the first bytes of a stream say. */
  judgeFirst(bytes: Uint8Array): "good" | "error" | "more";
  /** What takes a stream in the caller's API out of the upstream's framing; null: there is nothing to take off. */
  unwrap(): StreamCodec | null;
  /** The codec of a good answer. */
  answer(context: AnswerContext): TranslatedAnswer;
  /** An error answer in the caller's words. */
  error(status: number, headers: HeaderList, body: Uint8Array, requestId: string): ReturnType<typeof translateError>;
}

export function createTranslator(plan: TranslationPlan): Translator {
  const caller = CALLERS[plan.caller];
  const { carry, host } = plan;
  const cloud = plan.upstream === "anthropic" && (host === "bedrock" || host === "vertex") ? host : null;
  const upstream = cloud === null ? UPSTREAMS[plan.upstream] : CLOUDS[cloud];
  return {
    plan,
    request: (api, call) =>
      carry === null || cloud === null
        ? translateRequest(caller, upstream, { api, host, body: call.body, model: call.model })
        : carryRequest(cloud, { api, operation: carry, ...call }),
    headers: (headers, stream) => translatedHeaders(headers, plan, stream),
    unwrap: () => (cloud === "bedrock" ? createUnwrapper() : null),
    judgeFirst: (bytes) => judgeFirstTranslated(upstream, bytes),
    answer: (context) => (context.request.stream ? translateStream(upstream, caller, context) : translateAnswer(upstream, caller, context)),
    error: (status, headers, body, requestId) => translateError(upstream, caller, { status, headers, body, requestId }),
  };
}
