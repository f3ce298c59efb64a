import type { JsonObject } from "../../lib/json-value.ts";
import type { HeaderList } from "../../model/http.ts";
import type { PivotError, PivotErrorKind } from "../pivot/error.ts";

/** `type` and, where OpenAI has a well-known one, `code`: programs look at these. */
const WORDS: Readonly<Record<PivotErrorKind, { readonly type: string; readonly code: string | null }>> = {
  invalid_request: { type: "invalid_request_error", code: null },
  context_length: { type: "invalid_request_error", code: "context_length_exceeded" },
  content_policy: { type: "invalid_request_error", code: "content_filter" },
  authentication: { type: "authentication_error", code: "invalid_api_key" },
  permission: { type: "permission_error", code: null },
  not_found: { type: "not_found_error", code: "model_not_found" },
  too_large: { type: "invalid_request_error", code: "request_too_large" },
  rate_limit: { type: "rate_limit_error", code: "rate_limit_exceeded" },
  quota: { type: "insufficient_quota", code: "insufficient_quota" },
  overloaded: { type: "overloaded_error", code: "server_overloaded" },
  timeout: { type: "timeout_error", code: "timeout" },
  server: { type: "server_error", code: null },
};

/** OpenAI's error object, for a whole answer and for a stream's event. */
export function errorObject(error: PivotError): JsonObject {
  const { type, code } = WORDS[error.kind];
  return { message: error.message, type, param: error.param, code: code ?? error.code };
}

/** A whole error answer. 529 is Anthropic's alone: SDKs of OpenAI expect 503. */
export function encodeError(error: PivotError): { readonly status: number; readonly headers: HeaderList; readonly body: JsonObject } {
  const retry = error.retryAfterMs;
  return {
    status: error.status === 529 ? 503 : error.status,
    headers: retry === null ? [] : ["retry-after", String(Math.ceil(retry / 1000)), "retry-after-ms", String(Math.round(retry))],
    body: { error: errorObject(error) },
  };
}
