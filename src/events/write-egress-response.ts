import { find } from "../lib/header-list.ts";
import { isNestedWithin, parseJson } from "../lib/json-value.ts";
import { toBytes, toTextStrictly } from "../lib/utf8.ts";
import type { CloudEvent } from "../model/cloud-event.ts";
import type { HeaderList } from "../model/http.ts";
import type { CollectedAnswer } from "./collected-answer.ts";
import { isJson, isText } from "./read-cloud-event.ts";
import { base64OfBytes, structuredCloudEvent } from "./write-cloud-event.ts";

export const RESPONSE_TYPE = "dev.spillway.egress.response.v1";

/** Of the hop that the answer came by, not of the answer. */
const LEFT_OUT: ReadonlySet<string> = new Set(["connection", "content-length", "date", "keep-alive", "transfer-encoding", "www-authenticate"]);

/** What of an event is left for all but the body: attributes, headers. Bytes. */
const ENVELOPE_BYTES = 16 * 1024;
/** Headers that a too long list is cut down to. */
const ESSENTIAL = /^(?:content-type|retry-after|x-request-id|x-egress-.+)$/;

/** Levels of a JSON body; a deeper one is told as text, for nobody could write it again. */
const MAX_LEVELS = 200;

/** Bytes of a body that an event of this size can carry, whatever they are: in base64 three become four. */
export function bodyBytesWithin(maxEventBytes: number): number {
  return Math.max(0, Math.floor(((maxEventBytes - ENVELOPE_BYTES) * 3) / 4));
}

/**
 * The answer to a request event: `{request: {id, source}, status, headers, body: {json} | {text} | {base64} | null, bytes, truncated, error}`
 * (docs/events.md). Its id is made from the request's, so that one which is sent again is known as the same.
 */
export function writeEgressResponse(
  request: CloudEvent,
  answer: CollectedAnswer,
  own: { readonly id: string; readonly source: string; readonly time: number; readonly maxEventBytes: number },
): CloudEvent {
  const contentType = find(answer.headers, "content-type");
  const truncated = answer.body.length < answer.bytes;
  const opaque = truncated || find(answer.headers, "content-encoding") !== null;
  const all = headersOf(answer.headers);
  const readable = writeWith(request, answer, own, all, bodyOf(answer.body, contentType, opaque));
  if (fits(readable, own.maxEventBytes)) return readable;
  // Text of many escapes is several times as long in JSON as it is; and headers have no bound of their own.
  const headers = Object.fromEntries(Object.entries(all).filter(([name]) => ESSENTIAL.test(name)));
  const plain = writeWith(request, answer, own, headers, bodyOf(answer.body, contentType, true));
  return fits(plain, own.maxEventBytes) ? plain : writeWith(request, { ...answer, body: new Uint8Array() }, own, {}, null);
}

function fits(event: CloudEvent, maxBytes: number): boolean {
  return toBytes(JSON.stringify(structuredCloudEvent(event))).length <= maxBytes;
}

function writeWith(
  request: CloudEvent,
  answer: CollectedAnswer,
  own: { readonly id: string; readonly source: string; readonly time: number },
  headers: ReturnType<typeof headersOf>,
  body: Readonly<Record<string, unknown>> | null,
): CloudEvent {
  return {
    id: own.id,
    source: own.source,
    type: RESPONSE_TYPE,
    subject: request.subject ?? request.id,
    time: new Date(own.time).toISOString(),
    dataContentType: "application/json",
    dataSchema: null,
    // The CloudEvents correlation extension: what this belongs to, and what caused it.
    extensions: { correlationid: request.extensions["correlationid"] ?? request.id, causationid: request.id },
    data: {
      kind: "json",
      value: {
        request: { id: request.id, source: request.source },
        status: answer.status,
        headers,
        body,
        bytes: answer.bytes,
        truncated: answer.body.length < answer.bytes,
        error: find(answer.headers, "x-egress-error"),
      },
    },
  };
}

/** One value as text, several as a list; names in lower case. */
function headersOf(headers: HeaderList): Readonly<Record<string, string | readonly string[]>> {
  const values = new Map<string, string[]>();
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = (headers[index] ?? "").toLowerCase();
    if (LEFT_OUT.has(name)) continue;
    const known = values.get(name);
    if (known === undefined) values.set(name, [headers[index + 1] ?? ""]);
    else known.push(headers[index + 1] ?? "");
  }
  return Object.fromEntries([...values].map(([name, list]) => [name, list.length === 1 ? (list[0] ?? "") : list]));
}

function bodyOf(bytes: Uint8Array, contentType: string | null, opaque: boolean): Readonly<Record<string, unknown>> | null {
  if (bytes.length === 0) return null;
  const readable = contentType !== null && !opaque && (isJson(contentType) || isText(contentType));
  const text = readable ? toTextStrictly(bytes) : null;
  if (text === null || contentType === null) return { base64: base64OfBytes(bytes) };
  const json = isJson(contentType) ? parseJson(text) : undefined;
  return json === undefined || !isNestedWithin(json, MAX_LEVELS) ? { text } : { json };
}
