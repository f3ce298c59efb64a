import type { ErrorObject } from "openai/resources/shared";
import type { WireError } from "../../model/dialect-wire.ts";

/** `{error: {message, type, param, code}}`, from which the SDKs make their `APIError`. The refusal's code is the `code`. */
export function errorBody(error: WireError): string {
  return JSON.stringify({ error: errorObject(error) });
}

function errorObject(error: WireError): ErrorObject {
  return { message: error.message, type: typeOf(error.status), param: null, code: error.code };
}

function typeOf(status: number): string {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 429:
      return "rate_limit_error";
    case 503:
    case 529:
      return "overloaded_error";
    case 504:
      return "timeout_error";
    default:
      return status >= 500 ? "server_error" : "invalid_request_error";
  }
}
