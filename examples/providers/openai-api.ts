import type { Api, ApiAnswer, ApiCall } from "./api-answer.ts";
import { bearerToken, json } from "./api-answer.ts";
import { answerChat, answerCompletion } from "./openai-chat.ts";
import { answerEmbeddings } from "./openai-embeddings.ts";
import { answerResponse } from "./openai-responses.ts";

const MODELS = ["gpt-5.5", "gpt-5.5-mini", "text-embedding-3-small"];

const ERROR_TYPES: Readonly<Record<number, { readonly type: string; readonly code: string | null }>> = {
  400: { type: "invalid_request_error", code: null },
  401: { type: "invalid_request_error", code: "invalid_api_key" },
  404: { type: "invalid_request_error", code: "not_found" },
  429: { type: "requests", code: "rate_limit_exceeded" },
  503: { type: "server_error", code: "overloaded" },
  529: { type: "server_error", code: "overloaded" },
};

function answer(call: ApiCall): ApiAnswer {
  if (call.method === "GET" && call.path === "/v1/models") {
    return json(200, { object: "list", data: MODELS.map((id) => ({ id, object: "model", created: 1_790_000_000, owned_by: call.provider.name })) });
  }
  if (call.method === "POST" && call.path === "/v1/chat/completions") return answerChat(call);
  if (call.method === "POST" && call.path === "/v1/completions") return answerCompletion(call);
  if (call.method === "POST" && call.path === "/v1/responses") return answerResponse(call);
  if (call.method === "POST" && call.path === "/v1/embeddings") return answerEmbeddings(call);
  return json(404, error(404, `Unknown request URL: ${call.method} ${call.path}`));
}

function error(status: number, message: string): unknown {
  const known = ERROR_TYPES[status] ?? { type: "server_error", code: null };
  return { error: { message, type: known.type, param: null, code: known.code } };
}

/** Chat completions, completions, responses, embeddings and models, as the official `openai` SDK calls them. */
export const openaiApi: Api = {
  name: "openai",
  claims: ({ path }) => path.startsWith("/v1/") && !path.startsWith("/v1/messages"),
  credential: ({ headers }) => {
    const value = bearerToken(headers);
    return value === null ? null : { slot: "authorization", value };
  },
  answer,
  error,
  requestIdHeader: "x-request-id",
};
