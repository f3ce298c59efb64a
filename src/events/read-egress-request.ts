import { isFieldValue, isToken } from "../lib/field-syntax.ts";
import { asObject, type JsonObject } from "../lib/json-value.ts";
import { toBytes } from "../lib/utf8.ts";
import { CREDENTIAL_SLOTS } from "../model/caller.ts";
import type { CloudEvent } from "../model/cloud-event.ts";
import { HEAD_BOUNDS, type HeaderList } from "../model/http.ts";
import { EventFault } from "./event-fault.ts";
import { bytesOfBase64 } from "./read-cloud-event.ts";

export const REQUEST_TYPE = "dev.spillway.egress.request.v1";

/** The call that an event asks for. */
export interface EgressRequest {
  readonly method: string;
  readonly scheme: "http" | "https";
  /** Host that chooses listener and route; null: the first listener of the route named, or the host that took the event. */
  readonly authority: string | null;
  /** Path and query. */
  readonly target: string;
  /** `namespace/name` of the HTTPRoute that must serve it; null: any. */
  readonly route: string | null;
  readonly headers: HeaderList;
  readonly body: Uint8Array | null;
  /** True when the headers hold a credential, which then says on whose behalf it runs. */
  readonly hasCredential: boolean;
}

const MEMBERS: ReadonlySet<string> = new Set(["method", "url", "route", "path", "headers", "body", "token"]);
const BODY_MEMBERS: ReadonlySet<string> = new Set(["json", "text", "base64"]);
/** What frames a message or belongs to one connection is the broker's business. */
const FORBIDDEN: ReadonlySet<string> = new Set([
  "host",
  "content-length",
  "transfer-encoding",
  "connection",
  "keep-alive",
  "te",
  "trailer",
  "upgrade",
  "expect",
]);
const CREDENTIALS: ReadonlySet<string> = new Set(CREDENTIAL_SLOTS);
const ROUTE = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?\/[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?$/;

/**
 * Reads the data of a request event: `{method?, url | (route, path), headers?, body?: {json} | {text} | {base64}, token?}` (docs/events.md).
 * Throws `EventFault` that names the member.
 */
export function readEgressRequest(event: CloudEvent): EgressRequest {
  const data = event.data.kind === "json" ? asObject(event.data.value) : null;
  if (data === null) throw new EventFault("the data of a request event is a JSON object with url, or route and path");
  const unknown = Object.keys(data).find((name) => !MEMBERS.has(name));
  if (unknown !== undefined) throw new EventFault(`data.${unknown.slice(0, 64)} is not a member of a request event: ${[...MEMBERS].join(", ")}`);
  const where = readWhere(data);
  const body = readBody(data["body"]);
  const headers = readHeaders(data["headers"]);
  if (body !== null && !headers.names.has("content-type")) headers.list.push("content-type", body.contentType);
  const { token } = data;
  if (token !== undefined) {
    if (typeof token !== "string" || token === "" || !isFieldValue(token)) throw new EventFault("data.token must be the broker's token as text");
    if (headers.names.has("authorization")) throw new EventFault("data.token and data.headers.authorization stand together: one of them must go");
    headers.list.push("authorization", `Bearer ${token}`);
    headers.names.add("authorization");
  }
  const { method = body === null ? "GET" : "POST" } = data;
  if (typeof method !== "string" || !isToken(method)) throw new EventFault("data.method must be an HTTP method such as POST");
  return { ...where, method, headers: headers.list, body: body?.bytes ?? null, hasCredential: [...headers.names].some((name) => CREDENTIALS.has(name)) };
}

function readWhere(data: JsonObject): Pick<EgressRequest, "scheme" | "authority" | "target" | "route"> {
  const { url, route = null, path } = data;
  if (route !== null && (typeof route !== "string" || !ROUTE.test(route))) throw new EventFault("data.route must be namespace/name of an HTTPRoute");
  if (url === undefined) {
    if (typeof path !== "string" || !path.startsWith("/")) throw new EventFault("data.url, or data.path that begins with /, must say what to call");
    return { scheme: "http", authority: null, target: path, route };
  }
  if (path !== undefined) throw new EventFault("data.url and data.path stand together: one of them must go");
  // Cut, not parsed: a parser would tidy up what the listener wants to see as it came.
  const parts = typeof url === "string" ? /^(https?):\/\/([^/?#@\s]+)(\/[^#]*)?$/i.exec(url) : null;
  if (parts === null) throw new EventFault("data.url must be an http or https URL without credentials and fragment");
  const [, scheme = "", authority = "", target = "/"] = parts;
  return { scheme: scheme.toLowerCase() === "https" ? "https" : "http", authority, target, route };
}

function readHeaders(value: unknown): { readonly list: string[]; readonly names: Set<string> } {
  const list: string[] = [];
  const names = new Set<string>();
  if (value === undefined) return { list, names };
  const object = asObject(value);
  if (object === null) throw new EventFault("data.headers must be an object of names and values");
  for (const [name, given] of Object.entries(object)) {
    const lower = name.toLowerCase();
    if (!isToken(name)) throw new EventFault("data.headers has a name that is not an HTTP token");
    if (FORBIDDEN.has(lower)) throw new EventFault(`data.headers.${lower} is made by the broker: leave it out`);
    if (names.has(lower)) throw new EventFault(`data.headers.${lower} stands twice`);
    names.add(lower);
    for (const one of Array.isArray(given) ? given : [given]) {
      if (typeof one !== "string" || !isFieldValue(one))
        throw new EventFault(`data.headers.${lower} must be text, or a list of texts, that can stand in a header`);
      list.push(name, one);
    }
    if (list.length > 2 * HEAD_BOUNDS.fields) throw new EventFault(`data.headers has more than ${HEAD_BOUNDS.fields} fields`);
  }
  return { list, names };
}

function readBody(value: unknown): { readonly bytes: Uint8Array; readonly contentType: string } | null {
  if (value === undefined || value === null) return null;
  const object = asObject(value);
  const [member, ...more] = object === null ? [] : Object.keys(object);
  if (object === null || member === undefined || more.length > 0 || !BODY_MEMBERS.has(member)) {
    throw new EventFault("data.body must be {json: any value}, {text: a string} or {base64: a string}");
  }
  const content = object[member];
  if (member === "json") return { bytes: toBytes(JSON.stringify(content)), contentType: "application/json" };
  if (typeof content !== "string") throw new EventFault(`data.body.${member} must be a string`);
  if (member === "text") return { bytes: toBytes(content), contentType: "text/plain; charset=utf-8" };
  const bytes = bytesOfBase64(content);
  if (bytes === null) throw new EventFault("data.body.base64 is not base64");
  return { bytes, contentType: "application/octet-stream" };
}
