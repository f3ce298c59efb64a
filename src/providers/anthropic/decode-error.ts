import { find } from "../../lib/header-list.ts";
import { asObject, asString, type JsonObject, parseJson } from "../../lib/json-value.ts";
import { retryAfterIn } from "../../lib/retry-after.ts";
import { toText } from "../../lib/utf8.ts";
import type { HeaderList } from "../../model/http.ts";
import type { PivotError, PivotErrorKind } from "../pivot/error.ts";
import { kindOfStatus } from "../pivot/error-kind.ts";

/** What each `type` is, and the status it has outside a stream. */
const TYPES: Readonly<Record<string, { readonly kind: PivotErrorKind; readonly status: number }>> = {
  invalid_request_error: { kind: "invalid_request", status: 400 },
  authentication_error: { kind: "authentication", status: 401 },
  billing_error: { kind: "quota", status: 402 },
  permission_error: { kind: "permission", status: 403 },
  not_found_error: { kind: "not_found", status: 404 },
  request_too_large: { kind: "too_large", status: 413 },
  rate_limit_error: { kind: "rate_limit", status: 429 },
  timeout_error: { kind: "timeout", status: 504 },
  api_error: { kind: "server", status: 500 },
  overloaded_error: { kind: "overloaded", status: 529 },
};

/** `{type: "error", error: {type, message}, request_id}`. */
export function decodeError(status: number, headers: HeaderList, body: Uint8Array): PivotError {
  const whole = asObject(parseJson(toText(body)));
  const read = decodeErrorObject(status, asObject(whole?.["error"]) ?? {});
  return {
    ...read,
    retryAfterMs: retryAfterIn(headers, 0),
    requestId: asString(whole?.["request_id"]) ?? find(headers, "request-id"),
  };
}

/** `status` 200: it came inside a stream, and its type says what the status would have been. */
export function decodeErrorObject(status: number, error: JsonObject): PivotError {
  const type = asString(error["type"]);
  const known = type === null || !Object.hasOwn(TYPES, type) ? undefined : TYPES[type];
  const message = asString(error["message"]) ?? "The provider gave no reason.";
  const told = status === 200 ? (known?.status ?? 500) : status;
  const kind = known?.kind ?? kindOfStatus(told);
  return {
    status: told,
    // It has no type of its own; programs look for it all the same.
    kind: kind === "invalid_request" && /prompt is too long|exceeds? the (maximum|context)/i.test(message) ? "context_length" : kind,
    message,
    code: type,
    param: null,
    retryAfterMs: null,
    requestId: null,
  };
}
