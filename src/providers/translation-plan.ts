import type { ApiProfile, ApiSchema } from "../model/backend.ts";
import type { Operation, OperationName } from "../model/operation.ts";

/** How a call in one API is served by a backend that speaks another. The codecs themselves are loaded when the first such call comes. */
export interface TranslationPlan {
  readonly caller: "openai-chat" | "openai-responses" | "anthropic";
  readonly upstream: "openai-chat" | "openai-responses" | "anthropic" | "gemini" | "bedrock";
  /** Which cloud serves it, since the clouds differ in details. */
  readonly host: "native" | "azure" | "vertex" | "bedrock";
  /** The body is in the backend's API already, and only what the cloud wants otherwise is changed in it: for which operation. Null: it is translated. */
  readonly carry: "messages" | "count_tokens" | null;
}

/** Operations that can be said in another API. */
const CALLERS: Partial<Readonly<Record<OperationName, TranslationPlan["caller"]>>> = {
  chat: "openai-chat",
  responses: "openai-responses",
  messages: "anthropic",
};

const UPSTREAMS: Readonly<Record<ApiSchema, Pick<TranslationPlan, "upstream" | "host">>> = {
  OpenAI: { upstream: "openai-chat", host: "native" },
  OpenAIResponses: { upstream: "openai-responses", host: "native" },
  AzureOpenAI: { upstream: "openai-chat", host: "azure" },
  Anthropic: { upstream: "anthropic", host: "native" },
  AWSAnthropic: { upstream: "anthropic", host: "bedrock" },
  GCPAnthropic: { upstream: "anthropic", host: "vertex" },
  AWSBedrock: { upstream: "bedrock", host: "bedrock" },
  Gemini: { upstream: "gemini", host: "native" },
  GCPVertexAI: { upstream: "gemini", host: "vertex" },
};

const OPENAI: readonly ApiSchema[] = ["OpenAI", "AzureOpenAI"];
/** Whoever calls a cloud in the cloud's own words is understood there, whatever else is spoken. */
const AWS: readonly ApiSchema[] = ["AWSBedrock", "AWSAnthropic"];
const GOOGLE: readonly ApiSchema[] = ["Gemini", "GCPVertexAI", "GCPAnthropic"];

/** Operations that a backend of a schema takes as they are. What is listed nowhere (plain HTTP, lists of models) passes everywhere. */
const NATIVE: Partial<Readonly<Record<OperationName, readonly ApiSchema[]>>> = {
  chat: OPENAI,
  responses: [...OPENAI, "OpenAIResponses"],
  completions: OPENAI,
  embeddings: OPENAI,
  realtime: OPENAI,
  messages: ["Anthropic"],
  count_tokens: ["Anthropic"],
  converse: AWS,
  invoke_model: AWS,
  generate_content: GOOGLE,
};

/** Null: the bytes pass as they are. `unsupported`: this backend cannot serve the operation at all. */
export function planTranslation(operation: Operation, api: ApiProfile): TranslationPlan | null | "unsupported" {
  // Embeddings and counts whose model stands in the path are the clouds' own.
  const ofAPath = operation.dialect === null && (operation.name === "embeddings" || operation.name === "count_tokens");
  const native = ofAPath ? [...GOOGLE, ...AWS] : NATIVE[operation.name];
  if (native === undefined) return null;
  const serves = native.includes(api.schema) && (operation.name !== "responses" || api.quirks.responses);
  if (serves) return null;
  const upstream = UPSTREAMS[api.schema];
  // A count is never guessed: who has no such operation cannot serve it. Vertex AI takes Anthropic's own body for it, Bedrock has another.
  if (operation.name === "count_tokens") return api.schema === "GCPAnthropic" ? { caller: "anthropic", ...upstream, carry: "count_tokens" } : "unsupported";
  const caller = operation.dialect === null ? undefined : CALLERS[operation.name];
  if (caller === undefined) return "unsupported";
  return { caller, ...upstream, carry: caller === "anthropic" && upstream.upstream === "anthropic" ? "messages" : null };
}
