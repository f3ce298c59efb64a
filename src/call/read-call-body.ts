import { find } from "../lib/header-list.ts";
import { joinBytes } from "../lib/utf8.ts";
import { tooLarge } from "../listener/receive.ts";
import type { BodyFacts, Identified, Received } from "../model/call.ts";
import { Refusal } from "../model/errors.ts";
import type { RequestBody } from "../model/http.ts";
import { handshakeFacts } from "../providers/handshake-model.ts";
import { modelInPath, pathModel } from "../providers/path-model.ts";
import { readBodyFacts } from "../providers/read-body-facts.ts";
import { needsModel } from "../routing/build-route-table.ts";

/** The request body as the call holds it: whole where something must read it, else a stream that can be replayed. */
export interface CallBody {
  readonly request: RequestBody;
  /** The same bytes as in `request`, where it is whole. */
  readonly bytes: Uint8Array | null;
  readonly facts: BodyFacts | null;
}

/** Bodies up to this size are read whole even where nobody looks inside: one buffer is cheaper than a stream and replays freely. */
const SMALL_BODY = 64 * 1024;

const NO_BODY: CallBody = { request: { kind: "none" }, bytes: null, facts: null };

/** Reads the body only as far as a rule or a policy needs it. Never before the caller is identified. Throws `Refusal`. */
export async function readCallBody(call: Identified): Promise<CallBody> {
  const { body } = call.exchange;
  if (call.handshake !== null) return { ...NO_BODY, facts: handshakeFacts(call.query) };
  if (!body.present) return NO_BODY;
  const { maxRequestBytes, replayBytes } = call.gateway.bounds;
  const wanted = wantsFacts(call);
  if (!wanted && (body.declaredLength === null || body.declaredLength > SMALL_BODY)) {
    return { request: body.stream(maxRequestBytes, replayBytes), bytes: null, facts: null };
  }
  const bytes = await body.collect(maxRequestBytes);
  if (bytes === "too_large") throw tooLarge(maxRequestBytes);
  if (bytes === "too_slow") throw new Refusal("request_timeout", { detail: "The request body did not arrive in time." });
  if (bytes === "aborted") throw incomplete();
  return { request: { kind: "bytes", bytes }, bytes, facts: wanted ? readFacts(call, bytes) : null };
}

/**
 * The body with all of it held, where a copy of the call needs that and its declared length says that it may be sent twice; else as it is.
 * Throws `Refusal`.
 */
export async function holdCallBody(body: CallBody, { gateway }: Received): Promise<CallBody> {
  const { request } = body;
  if (request.kind !== "stream" || request.length === null || request.length > gateway.bounds.replayBytes) return body;
  const parts: Uint8Array[] = [];
  try {
    for await (const part of request.open()) parts.push(part);
  } catch {
    throw request.overflowed() ? tooLarge(gateway.bounds.maxRequestBytes) : incomplete();
  }
  return { ...body, request: { kind: "bytes", bytes: joinBytes(parts) } };
}

function incomplete(): Refusal {
  return new Refusal("request_malformed", { detail: "The request ended before its body was complete." });
}

/** What the body says, where a rule or a policy needs it; null: nobody does, or it cannot be read (compressed). Throws `Refusal`. */
export function bodyFacts(call: Received, bytes: Uint8Array): BodyFacts | null {
  return wantsFacts(call) ? readFacts(call, bytes) : null;
}

function wantsFacts({ operation, listener, exchange }: Received): boolean {
  return operation.inference || (needsModel(listener.routes) && isJson(find(exchange.headers, "content-type")));
}

function readFacts({ operation, exchange, path }: Received, bytes: Uint8Array): BodyFacts | null {
  const inPath = operation.inference && operation.dialect === null ? pathModel(path) : null;
  if (inPath !== null) return { model: modelInPath(path, inPath), stream: inPath.stream, asksForUsage: false, maxOutputTokens: null, choices: 1 };
  return isEncoded(find(exchange.headers, "content-encoding")) ? null : readBodyFacts(bytes, operation);
}

function isJson(contentType: string | null): boolean {
  return contentType !== null && /^application\/(?:[\w.+-]+\+)?json\b/i.test(contentType);
}

function isEncoded(contentEncoding: string | null): boolean {
  return contentEncoding !== null && contentEncoding.toLowerCase() !== "identity";
}
