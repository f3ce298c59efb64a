import type { ApiProfile, ApiSchema } from "../model/backend.ts";
import type { Operation, OperationName } from "../model/operation.ts";

/** How a call in one API is served by a backend that speaks another. The codecs themselves are loaded when the first such call comes. */
export interface TranslationPlan {
  readonly caller: "openai-chat" | "openai-responses" | "anthropic";
  readonly upstream: "openai-chat" | "anthropic" | "gemini" | "bedrock";
  /** Which cloud serves it, since the clouds differ in details. */
  readonly host: "native" | "azure" | "vertex" | "bedrock";
}

/** Operations that can be said in another API. */
const CALLERS: Partial<Readonly<Record<OperationName, TranslationPlan["caller"]>>> = {
  chat: "openai-chat",
  responses: "openai-responses",
  messages: "anthropic",
};

const UPSTREAMS: Readonly<Record<ApiSchema, Omit<TranslationPlan, "caller">>> = {
  OpenAI: { upstream: "openai-chat", host: "native" },
  AzureOpenAI: { upstream: "openai-chat", host: "azure" },
  Anthropic: { upstream: "anthropic", host: "native" },
  AWSBedrock: { upstream: "bedrock", host: "bedrock" },
  Gemini: { upstream: "gemini", host: "native" },
  GCPVertexAI: { upstream: "gemini", host: "vertex" },
};

const OPENAI: readonly ApiSchema[] = ["OpenAI", "AzureOpenAI"];
const GOOGLE: readonly ApiSchema[] = ["Gemini", "GCPVertexAI"];

/** Operations that a backend of a schema takes as they are. What is listed nowhere (plain HTTP, lists of models) passes everywhere. */
const NATIVE: Partial<Readonly<Record<OperationName, readonly ApiSchema[]>>> = {
  chat: OPENAI,
  responses: OPENAI,
  completions: OPENAI,
  embeddings: OPENAI,
  realtime: OPENAI,
  messages: ["Anthropic"],
  count_tokens: ["Anthropic"],
  converse: ["AWSBedrock"],
  invoke_model: ["AWSBedrock"],
  generate_content: GOOGLE,
};

/** Null: the bytes pass as they are. `unsupported`: this backend cannot serve the operation at all. */
export function planTranslation(operation: Operation, api: ApiProfile): TranslationPlan | null | "unsupported" {
  // Embeddings and counts whose model stands in the path are the clouds' own.
  const ofAPath = operation.dialect === null && (operation.name === "embeddings" || operation.name === "count_tokens");
  const native = ofAPath ? [...GOOGLE, "AWSBedrock" as const] : NATIVE[operation.name];
  if (native === undefined) return null;
  const serves = native.includes(api.schema) && (operation.name !== "responses" || api.quirks.responses);
  if (serves) return null;
  const caller = operation.dialect === null ? undefined : CALLERS[operation.name];
  return caller === undefined ? "unsupported" : { caller, ...UPSTREAMS[api.schema] };
}
