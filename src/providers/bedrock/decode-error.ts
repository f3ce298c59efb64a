import { find } from "../../lib/header-list.ts";
import { asObject, asString, parseJson } from "../../lib/json-value.ts";
import { retryAfterIn } from "../../lib/retry-after.ts";
import { toText } from "../../lib/utf8.ts";
import type { HeaderList } from "../../model/http.ts";
import type { PivotError, PivotErrorKind } from "../pivot/error.ts";
import { kindOfStatus } from "../pivot/error-kind.ts";

/** Exceptions of the runtime, lower-case without `exception`: whole answers write them `ThrottlingException`, streams `throttlingException`. */
const EXCEPTIONS: Readonly<Record<string, { readonly kind: PivotErrorKind; readonly status: number }>> = {
  validation: { kind: "invalid_request", status: 400 },
  accessdenied: { kind: "permission", status: 403 },
  unrecognizedclient: { kind: "authentication", status: 403 },
  expiredtoken: { kind: "authentication", status: 403 },
  resourcenotfound: { kind: "not_found", status: 404 },
  modeltimeout: { kind: "timeout", status: 408 },
  modelerror: { kind: "server", status: 424 },
  modelstreamerror: { kind: "server", status: 424 },
  throttling: { kind: "rate_limit", status: 429 },
  modelnotready: { kind: "overloaded", status: 429 },
  servicequotaexceeded: { kind: "quota", status: 400 },
  internalserver: { kind: "server", status: 500 },
  serviceunavailable: { kind: "overloaded", status: 503 },
};

/** `{message}`, with the exception's name in `x-amzn-errortype` (`ValidationException:http://…`) or in `__type`. */
export function decodeError(status: number, headers: HeaderList, body: Uint8Array): PivotError {
  const read = asObject(parseJson(toText(body)));
  const type = find(headers, "x-amzn-errortype") ?? asString(read?.["__type"]) ?? "";
  return {
    ...decodeErrorWords(status, type, asString(read?.["message"]) ?? asString(read?.["Message"]) ?? ""),
    retryAfterMs: retryAfterIn(headers, 0),
    requestId: find(headers, "x-amzn-requestid"),
  };
}

/** `status` null: it came inside a stream. */
export function decodeErrorWords(status: number | null, exception: string, message: string): PivotError {
  const [name = ""] = (exception.split("#").at(-1) ?? "").split(":");
  const known = EXCEPTIONS[name.toLowerCase().replace(/exception$/, "")];
  const told = status ?? known?.status ?? 500;
  const kind = known?.kind ?? kindOfStatus(told);
  return {
    status: told,
    kind: kind === "invalid_request" && /too long|too many (input )?tokens|exceeds? the (maximum|context|limit)/i.test(message) ? "context_length" : kind,
    message: message === "" ? "The provider gave no reason." : message,
    code: name === "" ? null : name,
    param: null,
    retryAfterMs: null,
    requestId: null,
  };
}
