import { find } from "../../lib/header-list.ts";
import { asObject, asString, type JsonObject, parseJson } from "../../lib/json-value.ts";
import { retryAfterIn } from "../../lib/retry-after.ts";
import { toText } from "../../lib/utf8.ts";
import type { HeaderList } from "../../model/http.ts";
import type { PivotError, PivotErrorKind } from "../pivot/error.ts";
import { kindOfStatus, STATUS_OF_KIND } from "../pivot/error-kind.ts";

/** By `code` first, which says more than `type`. */
const KINDS: Readonly<Record<string, PivotErrorKind>> = {
  context_length_exceeded: "context_length",
  string_above_max_length: "context_length",
  content_filter: "content_policy",
  content_policy_violation: "content_policy",
  insufficient_quota: "quota",
  billing_hard_limit_reached: "quota",
  invalid_api_key: "authentication",
  authentication_error: "authentication",
  permission_error: "permission",
  model_not_found: "not_found",
  not_found_error: "not_found",
  rate_limit_exceeded: "rate_limit",
  rate_limit_error: "rate_limit",
  overloaded_error: "overloaded",
  server_error: "server",
  timeout_error: "timeout",
  invalid_request_error: "invalid_request",
};

/** An error answer of OpenAI's API, or of a server that speaks it: `{error: {message, type, param, code}}`, with the usual variations. */
export function decodeError(status: number, headers: HeaderList, body: Uint8Array): PivotError {
  const whole = asObject(parseJson(toText(body)));
  const error = asObject(whole?.["error"]) ?? whole ?? {};
  const said = asString(whole?.["error"]);
  const read = decodeErrorObject(status, said === null ? error : { message: said });
  const milliseconds = Number(find(headers, "retry-after-ms") ?? "");
  return {
    ...read,
    retryAfterMs: milliseconds > 0 ? milliseconds : retryAfterIn(headers, 0),
    requestId: find(headers, "x-request-id"),
  };
}

/** `status` 200: it came inside a stream, and its kind says what the status would have been. */
export function decodeErrorObject(status: number, error: JsonObject): PivotError {
  const code = asString(error["code"]) ?? (typeof error["code"] === "number" ? String(error["code"]) : null);
  const type = asString(error["type"]);
  const known = (code === null ? undefined : KINDS[code]) ?? (type === null ? undefined : KINDS[type]);
  const told = Number(code);
  // OpenRouter and others give the status itself as the code.
  const inside = told >= 400 && told < 600 ? told : null;
  const kind = known ?? kindOfStatus(status === 200 ? (inside ?? 500) : status);
  return {
    status: status === 200 ? (inside ?? STATUS_OF_KIND[kind]) : status,
    kind,
    message: asString(error["message"]) ?? "The provider gave no reason.",
    code: code ?? type,
    param: asString(error["param"]),
    retryAfterMs: null,
    requestId: null,
  };
}
