import type { ApiProfile } from "../model/backend.ts";
import type { Operation } from "../model/operation.ts";
import { anthropicCodec } from "./anthropic/codec.ts";
import { bedrockCodec } from "./bedrock/codec.ts";
import { geminiCodec } from "./gemini/codec.ts";
import { openaiChatCodec } from "./openai-chat/codec.ts";
import { openaiResponsesCodec } from "./openai-responses/codec.ts";
import type { CallerCodec, EncodeTarget, UpstreamCodec } from "./pivot/codec.ts";

/** How a call in one API is served by a backend that speaks another. */
export interface Translation {
  readonly caller: CallerCodec;
  readonly upstream: UpstreamCodec;
  readonly host: EncodeTarget["host"];
}

/** Operations that can be said in another API. */
const CALLERS: Partial<Readonly<Record<Operation["name"], CallerCodec>>> = {
  chat: openaiChatCodec,
  responses: openaiResponsesCodec,
  messages: anthropicCodec,
};

const UPSTREAMS: Readonly<Record<ApiProfile["schema"], Pick<Translation, "upstream" | "host">>> = {
  OpenAI: { upstream: openaiChatCodec, host: "native" },
  AzureOpenAI: { upstream: openaiChatCodec, host: "azure" },
  Anthropic: { upstream: anthropicCodec, host: "native" },
  AWSBedrock: { upstream: bedrockCodec, host: "bedrock" },
  Gemini: { upstream: geminiCodec, host: "native" },
  GCPVertexAI: { upstream: geminiCodec, host: "vertex" },
};

/** Operations that a backend of a schema takes as they are. What is listed nowhere (plain HTTP) passes everywhere. */
const NATIVE: Partial<Readonly<Record<Operation["name"], readonly ApiProfile["schema"][]>>> = {
  chat: ["OpenAI", "AzureOpenAI"],
  responses: ["OpenAI", "AzureOpenAI"],
  completions: ["OpenAI", "AzureOpenAI"],
  embeddings: ["OpenAI", "AzureOpenAI"],
  realtime: ["OpenAI", "AzureOpenAI"],
  messages: ["Anthropic"],
  count_tokens: ["Anthropic"],
  converse: ["AWSBedrock"],
  invoke_model: ["AWSBedrock"],
  generate_content: ["Gemini", "GCPVertexAI"],
};

/** Null: the bytes pass as they are. `unsupported`: this backend cannot serve the operation at all. */
export function translationFor(operation: Operation, api: ApiProfile): Translation | null | "unsupported" {
  const native = NATIVE[operation.name];
  // APIs of a path (Gemini's embeddings) pass to their own kind, and a plain call to any.
  if (native === undefined || operation.dialect === null) return operation.dialect === null && native?.includes(api.schema) === false ? "unsupported" : null;
  if (native.includes(api.schema) && !(operation.name === "responses" && !api.quirks.responses)) return null;
  const caller = CALLERS[operation.name];
  return caller === undefined ? "unsupported" : { caller, ...UPSTREAMS[api.schema] };
}

/** Whether a backend can serve the operation, translated or not. */
export function serves(operation: Operation, api: ApiProfile): boolean {
  return translationFor(operation, api) !== "unsupported";
}
