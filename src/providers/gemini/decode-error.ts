import { asArray, asObject, asObjects, asString, type JsonObject, parseJson } from "../../lib/json-value.ts";
import { retryAfterIn } from "../../lib/retry-after.ts";
import { toText } from "../../lib/utf8.ts";
import type { HeaderList } from "../../model/http.ts";
import type { PivotError, PivotErrorKind } from "../pivot/error.ts";
import { kindOfStatus } from "../pivot/error-kind.ts";

/** google.rpc.Code by name. */
const STATUSES: Readonly<Record<string, { readonly kind: PivotErrorKind; readonly status: number }>> = {
  INVALID_ARGUMENT: { kind: "invalid_request", status: 400 },
  FAILED_PRECONDITION: { kind: "invalid_request", status: 400 },
  OUT_OF_RANGE: { kind: "invalid_request", status: 400 },
  UNAUTHENTICATED: { kind: "authentication", status: 401 },
  PERMISSION_DENIED: { kind: "permission", status: 403 },
  NOT_FOUND: { kind: "not_found", status: 404 },
  RESOURCE_EXHAUSTED: { kind: "rate_limit", status: 429 },
  CANCELLED: { kind: "timeout", status: 499 },
  INTERNAL: { kind: "server", status: 500 },
  UNKNOWN: { kind: "server", status: 500 },
  UNAVAILABLE: { kind: "overloaded", status: 503 },
  DEADLINE_EXCEEDED: { kind: "timeout", status: 504 },
};

/** `{error: {code, message, status, details}}`, also as the only member of an array, as streams without SSE answer. */
export function decodeError(status: number, headers: HeaderList, body: Uint8Array): PivotError {
  const parsed = parseJson(toText(body));
  const whole = asObject(parsed) ?? asObject(asArray(parsed)[0]);
  const read = decodeErrorObject(status, asObject(whole?.["error"]) ?? {});
  return { ...read, retryAfterMs: retryAfterIn(headers, 0) ?? read.retryAfterMs };
}

/** `status` null: it came inside a stream. */
export function decodeErrorObject(status: number | null, error: JsonObject): PivotError {
  const word = asString(error["status"]);
  const known = word !== null && Object.hasOwn(STATUSES, word) ? STATUSES[word] : undefined;
  const code = typeof error["code"] === "number" ? error["code"] : null;
  const told = status ?? code ?? known?.status ?? 500;
  const message = asString(error["message"]) ?? "The provider gave no reason.";
  const details = asObjects(error["details"]);
  const kind = known?.kind ?? kindOfStatus(told);
  return {
    status: told,
    kind: kind === "invalid_request" && /token count|exceeds the maximum number of tokens/i.test(message) ? "context_length" : kind,
    message,
    code: word,
    param: fieldOf(details),
    retryAfterMs: retryDelay(details),
    requestId: null,
  };
}

/** `google.rpc.RetryInfo`: a duration such as `34.4s`. */
function retryDelay(details: readonly JsonObject[]): number | null {
  for (const detail of details) {
    const match = /^(\d{1,6}(?:\.\d{1,9})?)s$/.exec(asString(detail["retryDelay"]) ?? "");
    if (match !== null) return Math.ceil(Number(match[1]) * 1_000);
  }
  return null;
}

/** `google.rpc.BadRequest`. */
function fieldOf(details: readonly JsonObject[]): string | null {
  for (const detail of details) {
    const field = asString(asObject(asArray(detail["fieldViolations"])[0])?.["field"]);
    if (field !== null) return field;
  }
  return null;
}
