import { grpcMessage } from "../lib/grpc-protocol.ts";
import type { Refusal, RefusalCode } from "../model/errors.ts";
import type { RenderedRefusal } from "./render-refusal.ts";

/** Where gRPC has a better word than its table of HTTP statuses. */
const BY_CODE: Partial<Readonly<Record<RefusalCode, number>>> = {
  // RESOURCE_EXHAUSTED: what gRPC libraries say of messages that are too large.
  request_too_large: 8,
  limit_exceeded: 8,
  // DEADLINE_EXCEEDED: `grpc-timeout` bounds the call, and clients know their own deadline by it.
  upstream_timeout: 4,
  request_timeout: 4,
  // UNAVAILABLE: another connection may serve it.
  misdirected: 14,
  // UNIMPLEMENTED: nobody here speaks it.
  translation_unsupported: 12,
};

/** gRPC's own table (doc/http-grpc-status-mapping.md); everything else is UNKNOWN. */
const BY_STATUS: Readonly<Record<number, number>> = { 400: 13, 401: 16, 403: 7, 404: 12, 429: 14, 502: 14, 503: 14, 504: 14 };
const UNKNOWN = 2;

/** A refusal as a gRPC client reads it: an answer of trailers only, HTTP status 200, the reason in `grpc-status` and `grpc-message`. */
export function renderGrpcRefusal(refusal: Refusal, requestId: string): Omit<RenderedRefusal, "body"> & { readonly body: null } {
  const status = BY_CODE[refusal.code] ?? BY_STATUS[refusal.status] ?? UNKNOWN;
  const headers = [
    "content-type",
    "application/grpc",
    "grpc-status",
    String(status),
    "grpc-message",
    grpcMessage(refusal.detail),
    "x-request-id",
    requestId,
    "x-egress-error",
    refusal.code,
  ];
  if (refusal.retryAfter !== null) headers.push("grpc-retry-pushback-ms", String(refusal.retryAfter * 1_000));
  return { status: 200, headers, body: null };
}
