import { find } from "../lib/header-list.ts";
import type { DialectWire } from "../model/dialect-wire.ts";
import { REFUSALS, type Refusal } from "../model/errors.ts";
import type { HeaderList } from "../model/http.ts";

/** A whole answer of the broker's own. */
export interface RenderedRefusal {
  readonly status: number;
  readonly headers: HeaderList;
  readonly body: Uint8Array;
}

const encoder = new TextEncoder();

/**
 * The one place where a refusal becomes bytes: the dialect's own error envelope for an AI call, so that SDKs parse it,
 * else `application/problem+json` (RFC 9457). `x-egress-error` carries the code either way.
 */
export function renderRefusal(refusal: Refusal, wire: DialectWire | null, requestId: string): RenderedRefusal {
  const { code, status, detail } = refusal;
  const body =
    wire === null
      ? JSON.stringify({ type: `https://spillway.dev/errors/${code}`, title: REFUSALS[code].title, status, detail, code, requestId })
      : wire.errorBody({ status, code, message: detail, requestId });
  const bytes = encoder.encode(body);
  const headers = [
    "content-type",
    wire === null ? "application/problem+json" : "application/json",
    "content-length",
    String(bytes.byteLength),
    "cache-control",
    "no-store",
    "x-request-id",
    requestId,
    "x-egress-error",
    code,
  ];
  // RFC 9110 section 15.5.2: a 401 names a scheme by which the caller may try again.
  if (status === 401 && find(refusal.headers, "www-authenticate") === null) headers.push("www-authenticate", 'Bearer realm="spillway"');
  // RFC 6455 section 4.4: the version that is spoken here.
  if (status === 426) headers.push("sec-websocket-version", "13");
  if (refusal.retryAfter !== null) headers.push("retry-after", String(refusal.retryAfter));
  return { status, headers: headers.concat(refusal.headers), body: bytes };
}
