import { find } from "../lib/header-list.ts";
import { parseJson } from "../lib/json-value.ts";
import { toTextStrictly } from "../lib/utf8.ts";
import type { CloudEvent } from "../model/cloud-event.ts";
import type { HeaderList } from "../model/http.ts";
import type { CollectedAnswer } from "./collected-answer.ts";
import { isJson, isText } from "./read-cloud-event.ts";
import { base64OfBytes } from "./write-cloud-event.ts";

export const RESPONSE_TYPE = "dev.spillway.egress.response.v1";

/** Of the hop that the answer came by, not of the answer. */
const LEFT_OUT: ReadonlySet<string> = new Set(["connection", "content-length", "date", "keep-alive", "transfer-encoding", "www-authenticate"]);

/**
 * The answer to a request event: `{request: {id, source}, status, headers, body: {json} | {text} | {base64} | null, bytes, truncated, error}`
 * (docs/events.md). Its id is made from the request's, so that one which is sent again is known as the same.
 */
export function writeEgressResponse(
  request: CloudEvent,
  answer: CollectedAnswer,
  own: { readonly id: string; readonly source: string; readonly time: number },
): CloudEvent {
  const contentType = find(answer.headers, "content-type");
  const truncated = answer.body.length < answer.bytes;
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
        headers: headersOf(answer.headers),
        body: bodyOf(answer.body, contentType, truncated || find(answer.headers, "content-encoding") !== null),
        bytes: answer.bytes,
        truncated,
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
  return json === undefined ? { text } : { json };
}
