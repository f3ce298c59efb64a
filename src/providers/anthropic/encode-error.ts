import type { ErrorObject } from "@anthropic-ai/sdk/resources/shared";
import type { JsonObject } from "../../lib/json-value.ts";
import type { HeaderList } from "../../model/http.ts";
import type { PivotError, PivotErrorKind } from "../pivot/error.ts";

const TYPES: Readonly<Record<PivotErrorKind, ErrorObject["type"] | "request_too_large">> = {
  invalid_request: "invalid_request_error",
  context_length: "invalid_request_error",
  content_policy: "invalid_request_error",
  authentication: "authentication_error",
  permission: "permission_error",
  not_found: "not_found_error",
  too_large: "request_too_large",
  rate_limit: "rate_limit_error",
  quota: "billing_error",
  overloaded: "overloaded_error",
  timeout: "timeout_error",
  server: "api_error",
};

/** `{type, message}`, for a whole answer and for a stream's event. */
export function errorObject(error: PivotError): JsonObject {
  return { type: TYPES[error.kind], message: error.message };
}

/** A whole error answer. An overload is 529 here. */
export function encodeError(error: PivotError, requestId: string): { readonly status: number; readonly headers: HeaderList; readonly body: JsonObject } {
  const retry = error.retryAfterMs;
  return {
    status: error.kind === "overloaded" ? 529 : error.status,
    headers: retry === null ? [] : ["retry-after", String(Math.ceil(retry / 1000))],
    body: { type: "error", error: errorObject(error), request_id: error.requestId ?? requestId },
  };
}
