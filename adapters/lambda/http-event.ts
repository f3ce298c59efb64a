import { HEAD_BOUNDS, isFieldValue, isToken, type PlatformPrincipal } from "../../src/index.ts";
import { type Fields, fieldsOf, textOf } from "./fields.ts";
import { endsHere, viaBehindCloudFront, withoutIamParameters } from "./platform-headers.ts";

/** Who invoked: it decides what an answer looks like. */
export type FrontDoor = "v2" | "v1" | "alb" | "alb-multi";

/** An HTTP request as a front door of Lambda hands it over. */
export interface HttpEvent {
  readonly door: FrontDoor;
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly authority: string;
  readonly scheme: "http" | "https";
  readonly port: number | null;
  readonly headers: readonly string[];
  readonly remoteAddress: string | null;
  readonly principal: PlatformPrincipal | null;
  readonly body: Uint8Array;
}

/** An HTTP event that is refused: one sentence for the caller. */
export interface EventFault {
  readonly door: FrontDoor;
  readonly fault: string;
}

const HOST = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/;
/** Headers of which a second one is an attack: whoever reads the first and whoever reads the last would see different callers. */
const SINGLE: ReadonlySet<string> = new Set(["host", "authorization", "x-api-key", "api-key", "x-goog-api-key", "content-type", "content-length"]);

/** Reads what a function URL, API Gateway (payload 1.0 and 2.0) or an Application Load Balancer sends; null: this is no HTTP request. */
export function readHttpEvent(event: unknown): HttpEvent | EventFault | null {
  const fields = fieldsOf(event);
  const context = fieldsOf(fields["requestContext"]);
  const door = doorOf(fields, context);
  if (door === null) return null;
  const http = fieldsOf(context["http"]);
  const method = textOf(door === "v2" ? http["method"] : fields["httpMethod"]) ?? "";
  const path = textOf(door === "v2" ? fields["rawPath"] : fields["path"]) ?? "";
  const principal = principalOf(door, context);
  const pathFault = faultOfPath(path, isDecoded(door, fields, context));
  if (pathFault !== null) return { door, fault: pathFault };
  const query = door === "v2" ? (textOf(fields["rawQueryString"]) ?? "") : queryOf(fields, door === "v1");
  const raw = headersOf(fields, door);
  const repeated = repeatedHeader(raw);
  if (repeated !== null) return { door, fault: `The request has more than one ${repeated}.` };
  const authority = headerOf(raw, "host") ?? textOf(context["domainName"]) ?? "";
  if (!HOST.test(authority)) return { door, fault: "The request has no Host that can be used." };
  const headers = forBroker(raw, principal !== null);
  const headerFault = faultOfHeaders(headers);
  if (headerFault !== null) return { door, fault: headerFault };
  const body = bodyOf(fields);
  if (body === null) return { door, fault: "The body of the request cannot be read." };
  const kept = principal === null ? query : withoutIamParameters(query);
  const port = headerOf(raw, "x-forwarded-port") ?? "";
  return {
    door,
    method,
    target: kept === "" ? path : `${path}?${kept}`,
    authority,
    scheme: headerOf(raw, "x-forwarded-proto") === "http" ? "http" : "https",
    port: /^\d{1,5}$/.test(port) ? Number(port) : null,
    headers,
    remoteAddress: textOf(door === "v2" ? http["sourceIp"] : fieldsOf(context["identity"])["sourceIp"]) ?? lastForwardedFor(raw),
    principal,
    body,
  };
}

function doorOf(fields: Fields, context: Fields): FrontDoor | null {
  if (textOf(fields["version"]) === "2.0" && textOf(fields["rawPath"]) !== null && context["http"] !== undefined) return "v2";
  if (textOf(fields["httpMethod"]) === null || textOf(fields["path"]) === null) return null;
  if (context["elb"] === undefined) return "v1";
  return fields["multiValueHeaders"] === undefined ? "alb" : "alb-multi";
}

/** Whom IAM has authenticated: only where the front door's authorizer is IAM. */
function principalOf(door: FrontDoor, context: Fields): PlatformPrincipal | null {
  if (door !== "v2" && door !== "v1") return null;
  const name = textOf(door === "v2" ? fieldsOf(fieldsOf(context["authorizer"])["iam"])["userArn"] : fieldsOf(context["identity"])["userArn"]);
  return name === null ? null : { type: "AWSIAM", name };
}

/** HTTP APIs of API Gateway decode the path (and cut it at a decoded `?`); REST APIs, function URLs and load balancers leave it as it came. */
function isDecoded(door: FrontDoor, fields: Fields, context: Fields): boolean {
  if (door === "v1") return textOf(fields["version"]) === "1.0";
  return door === "v2" && !(textOf(context["domainName"]) ?? "").includes(".lambda-url.");
}

/** A path of which it cannot be told what the caller wrote is refused: another reading of it might be another route. */
function faultOfPath(path: string, decoded: boolean): string | null {
  if (!path.startsWith("/") || path.includes("?") || path.includes("#")) return "The path cannot be read.";
  if (decoded && /[^\x21-\x7e]|%/.test(path))
    return "An HTTP API of API Gateway decodes the path, and this one can be read in two ways: call a function URL or a REST API instead.";
  return /%(?![0-9A-Fa-f]{2})/.test(path) ? "The path has a percent sign that escapes nothing." : null;
}

/** Whoever may invoke the function writes events as they like: no HTTP parser has seen them. Without what the front door adds. */
function faultOfHeaders(headers: readonly string[]): string | null {
  if (headers.length > HEAD_BOUNDS.fields * 2) return "The request has too many headers.";
  let bytes = 0;
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] ?? "";
    const value = headers[i + 1] ?? "";
    bytes += name.length + value.length;
    if (!isToken(name) || !isFieldValue(value)) return "A header of the request cannot be read.";
  }
  return bytes > HEAD_BOUNDS.bytes ? "The headers of the request are too large." : null;
}

/** Load balancers hand parameters over as they came; API Gateway decodes them, and the order among different names is lost. */
function queryOf(fields: Fields, decoded: boolean): string {
  const write = decoded ? encodeURIComponent : (text: string) => text;
  const multi = fields["multiValueQueryStringParameters"];
  const entries = multi === undefined || multi === null ? pairsOf(fields["queryStringParameters"]) : listPairsOf(multi);
  return entries.map(([name, value]) => `${write(name)}=${write(value)}`).join("&");
}

function headersOf(fields: Fields, door: FrontDoor): string[] {
  const multi = fields["multiValueHeaders"];
  const list = (multi === undefined || multi === null || door === "v2" ? pairsOf(fields["headers"]) : listPairsOf(multi)).flat();
  const { cookies } = fields;
  if (door === "v2" && Array.isArray(cookies) && cookies.length > 0 && headerOf(list, "cookie") === null) list.push("cookie", cookies.join("; "));
  return list;
}

/** What the broker sees of them: the front door's own additions end here, and so does the caller's proof towards IAM. */
function forBroker(list: readonly string[], byIam: boolean): readonly string[] {
  const kept: string[] = [];
  for (let i = 0; i + 1 < list.length; i += 2) {
    const name = (list[i] ?? "").toLowerCase();
    const written = list[i + 1] ?? "";
    if (endsHere(name, written, byIam)) continue;
    const value = name === "via" ? viaBehindCloudFront(written) : written;
    if (value !== null) kept.push(list[i] ?? "", value);
  }
  return kept;
}

function bodyOf(fields: Fields): Uint8Array | null {
  const { body } = fields;
  if (body === undefined || body === null) return new Uint8Array(0);
  if (typeof body !== "string") return null;
  if (fields["isBase64Encoded"] !== true) return Buffer.from(body, "utf8");
  // Node passes over what is no base64; then the length tells of it.
  const bytes = Buffer.from(body, "base64");
  const padding = body.endsWith("==") ? 2 : body.endsWith("=") ? 1 : 0;
  return bytes.length === (body.length / 4) * 3 - padding ? bytes : null;
}

function repeatedHeader(list: readonly string[]): string | null {
  const seen = new Set<string>();
  for (let i = 0; i < list.length; i += 2) {
    const name = (list[i] ?? "").toLowerCase();
    if (!SINGLE.has(name)) continue;
    if (seen.has(name)) return name;
    seen.add(name);
  }
  return null;
}

/** The one that the load balancer has added itself. */
function lastForwardedFor(list: readonly string[]): string | null {
  return headerOf(list, "x-forwarded-for")?.split(",").at(-1)?.trim() ?? null;
}

function headerOf(list: readonly string[], lowerName: string): string | null {
  for (let i = 0; i + 1 < list.length; i += 2) if (list[i]?.toLowerCase() === lowerName) return list[i + 1] ?? null;
  return null;
}

function pairsOf(value: unknown): [string, string][] {
  return Object.entries(fieldsOf(value)).flatMap(([name, one]): [string, string][] => (typeof one === "string" ? [[name, one]] : []));
}

function listPairsOf(value: unknown): [string, string][] {
  return Object.entries(fieldsOf(value)).flatMap(([name, list]) =>
    (Array.isArray(list) ? list : []).flatMap((one: unknown): [string, string][] => (typeof one === "string" ? [[name, one]] : [])),
  );
}
