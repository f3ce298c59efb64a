import { find } from "../../lib/header-list.ts";
import { asObject, type JsonObject, parseJson } from "../../lib/json-value.ts";
import { toTextStrictly } from "../../lib/utf8.ts";
import type { HeaderList, RequestBody } from "../../model/http.ts";
import type { OutboundRequest } from "../../model/ports.ts";

/** The final request as the rules of the door read it: taken apart once, nothing tidied up. */
export interface ViewedRequest {
  readonly hostname: string;
  /** What Host says, without a port: a front of many names goes by it. */
  readonly host: string;
  readonly method: string;
  /** As it leaves, without the query. */
  readonly path: string;
  /** Between the slashes, escapes kept. */
  readonly segments: readonly string[];
  /** Names of the query's parameters, escapes kept. */
  readonly parameters: readonly string[];
  readonly headers: HeaderList;
  /** Null: there is none. `unreadable`: nobody can be sure that the provider reads the same. */
  readonly body: JsonObject | null | "unreadable";
  /** What is said after the answer cannot be read. */
  readonly upgraded: boolean;
  /** It goes by TLS to port 443 of a name that a public authority vouches for, so that the name alone says who it is. */
  readonly genuine: boolean;
}

/** What of a request the door reads. */
export type DoorRequest = Pick<OutboundRequest, "origin" | "method" | "path" | "headers" | "body" | "tls" | "upgrade">;

export function viewRequest(request: DoorRequest): ViewedRequest {
  const { path: target } = request;
  const mark = target.indexOf("?");
  const path = mark === -1 ? target : target.slice(0, mark);
  const query = mark === -1 ? "" : target.slice(mark + 1);
  return {
    hostname: request.origin.hostname,
    host: (find(request.headers, "host") ?? "").replace(/:\d+$/, "").toLowerCase(),
    method: request.method,
    path,
    segments: path.slice(1).split("/"),
    parameters: query === "" ? [] : query.split("&").map((pair) => pair.split("=", 1)[0] ?? ""),
    headers: request.headers,
    body: readBody(request.body, request.headers),
    upgraded: request.upgrade !== null,
    genuine: isGenuine(request),
  };
}

/**
 * The body as a JSON object. It counts as readable only when it is written the one way that we write JSON: then no key stands in it twice and no
 * byte is read in two ways.
 */
function readBody(body: RequestBody, headers: HeaderList): ViewedRequest["body"] {
  if (body.kind === "none" || (body.kind === "bytes" && body.bytes.byteLength === 0)) return null;
  const type = find(headers, "content-type");
  const encoding = find(headers, "content-encoding");
  if (body.kind === "stream" || (type !== null && !isJsonType(type)) || (encoding !== null && encoding.toLowerCase() !== "identity")) return "unreadable";
  const text = toTextStrictly(body.bytes);
  if (text === null) return "unreadable";
  const parsed = asObject(parseJson(text));
  if (parsed === null) return "unreadable";
  try {
    return JSON.stringify(parsed) === text ? parsed : "unreadable";
  } catch {
    // Nested too deep to be written.
    return "unreadable";
  }
}

/** `application/json` and its kin, and what `fetch` writes of a text: whoever takes such a body at all takes it for JSON. */
export function isJsonType(type: string): boolean {
  return /^(?:application\/(?:[\w.+-]+\+)?json|text\/plain)(?:\s*;.*)?$/i.test(type.trim());
}

/** A private authority could vouch for any name, and another port could be anybody's. */
export function isGenuine({ origin, tls }: Pick<DoorRequest, "origin" | "tls">): boolean {
  if (origin.scheme !== "https" || origin.port !== 443 || tls === null || tls.ca !== null || tls.serverName !== origin.hostname) return false;
  return tls.subjectAltNames.every((name) => name.type === "Hostname" && name.value === origin.hostname);
}
