import type { ErrorObject } from "@anthropic-ai/sdk/resources/shared";
import type { WireError } from "../../model/dialect-wire.ts";

/** `request_too_large` is what the API itself sends with 413; the SDK's list of types lacks it. */
type ErrorType = ErrorObject["type"] | "request_too_large";

/** `{type: "error", error: {type, message}, request_id}`. The API has no place for the refusal's code; it stands in `x-egress-error`. */
export function errorBody(error: WireError): string {
  return JSON.stringify({ type: "error", error: { type: typeOf(error.status), message: error.message }, request_id: error.requestId });
}

function typeOf(status: number): ErrorType {
  switch (status) {
    case 401:
      return "authentication_error";
    case 402:
      return "billing_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 413:
      return "request_too_large";
    case 429:
      return "rate_limit_error";
    case 503:
    case 529:
      return "overloaded_error";
    case 504:
      return "timeout_error";
    default:
      return status >= 500 ? "api_error" : "invalid_request_error";
  }
}
