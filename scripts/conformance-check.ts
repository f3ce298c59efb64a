import { once } from "node:events";
import { Agent, type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";
import type { ConformanceCase } from "./conformance-cases.ts";
import type { EchoedRequest } from "./conformance-echo.ts";

/** Host of a call whose case names none: in a cluster it would be the Gateway's address. */
const GATEWAY_HOST = "gateway.example";

/** An answer as it came. */
export interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Null: the answer is not an echo server's. */
  readonly echoed: EchoedRequest | null;
}

const agent = new Agent({ keepAlive: true, maxSockets: 32 });

/** Sends the request of a case, as the suite's client does. */
export async function call(url: string, { Request }: ConformanceCase): Promise<Answered> {
  const { hostname, port } = new URL(url);
  const sent = request({
    agent,
    hostname,
    port,
    method: Request.Method ?? "GET",
    path: Request.Path ?? "/",
    headers: { host: Request.Host || GATEWAY_HOST, ...Request.Headers },
  });
  sent.end();
  const [response] = (await once(sent, "response")) as [IncomingMessage]; // as: what node:http emits
  let body = "";
  response.setEncoding("utf8");
  for await (const chunk of response) body += chunk;
  return { status: response.statusCode ?? 0, headers: response.headers, echoed: readEcho(body) };
}

function readEcho(body: string): EchoedRequest | null {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null && "pod" in value ? (value as EchoedRequest) : null; // as: our own echo server wrote it
  } catch {
    return null;
  }
}

/** Everything in which an answer differs from what the case asks; empty: it passes. */
export function differences(expected: ConformanceCase, answered: Answered): readonly string[] {
  const { Response = {}, RedirectRequest } = expected;
  const faults: string[] = [];
  const statuses = Response.StatusCodes ?? [Response.StatusCode ?? 200];
  if (!statuses.includes(answered.status)) faults.push(`status ${answered.status}, not ${statuses.join(" or ")}`);
  // Who is to answer a preflight is left open: such a case names no Namespace.
  const bySomebody = expected.Backend !== undefined || expected.Namespace !== "";
  if (answered.status === 200 && statuses.includes(200) && bySomebody) faults.push(...echoDifferences(expected, answered.echoed));
  if (RedirectRequest !== undefined) faults.push(...redirectDifferences(expected, answered.headers.location ?? ""));
  const loose = Response.IgnoreWhitespace === true;
  const valid: Readonly<Record<string, readonly string[]>> = {
    ...Object.fromEntries(Object.entries(Response.Headers ?? {}).map(([name, value]) => [name, [value]])),
    ...Response.ValidHeaderValues,
  };
  for (const [name, values] of Object.entries(valid)) {
    const value = textOf(answered.headers[name.toLowerCase()]);
    const plain = (text: string) => (loose ? text.replaceAll(" ", "") : text);
    if (value === null || !values.some((one) => plain(one) === plain(value))) faults.push(`${name}: ${value ?? "absent"}, not ${values.join(" or ")}`);
  }
  for (const name of Response.AbsentHeaders ?? []) {
    if (answered.headers[name.toLowerCase()] !== undefined) faults.push(`${name}: ${textOf(answered.headers[name.toLowerCase()]) ?? ""}, not absent`);
  }
  return faults;
}

function echoDifferences({ Request, ExpectedRequest, Backend, Namespace }: ConformanceCase, echoed: EchoedRequest | null): readonly string[] {
  if (echoed === null) return ["the answer is not a destination's"];
  const faults: string[] = [];
  const asked = ExpectedRequest?.Request ?? Request;
  const method = asked.Method ?? "GET";
  if (echoed.method !== method) faults.push(`the destination got ${echoed.method}, not ${method}`);
  if (asked.Path !== undefined && asked.Path !== "" && echoed.path !== asked.Path)
    faults.push(`the destination got the path ${echoed.path}, not ${asked.Path}`);
  if (asked.Host !== undefined && asked.Host !== "" && echoed.host !== asked.Host) faults.push(`the destination got Host ${echoed.host}, not ${asked.Host}`);
  for (const [name, value] of Object.entries(asked.Headers ?? {})) {
    const got = echoed.headers[name.toLowerCase()]?.join(",") ?? null;
    if (got !== value) faults.push(`the destination got ${name}: ${got ?? "nothing"}, not ${value}`);
  }
  for (const name of ExpectedRequest?.AbsentHeaders ?? []) {
    if (echoed.headers[name.toLowerCase()] !== undefined) faults.push(`the destination got ${name}, which should be absent`);
  }
  if (Namespace !== undefined && Namespace !== "" && echoed.namespace !== Namespace) faults.push(`namespace ${echoed.namespace} answered, not ${Namespace}`);
  if (Backend !== undefined && !echoed.pod.startsWith(Backend)) faults.push(`${echoed.pod} answered, not ${Backend}`);
  return faults;
}

/** What a case leaves out of its redirect is as in its request. */
function redirectDifferences({ Request, RedirectRequest = {} }: ConformanceCase, location: string): readonly string[] {
  if (!URL.canParse(location)) return [`Location is ${location === "" ? "absent" : location}`];
  const { protocol, hostname, port, pathname } = new URL(location);
  const wanted = {
    scheme: RedirectRequest.Scheme ?? "http",
    host: RedirectRequest.Host ?? (Request.Host || GATEWAY_HOST),
    port: RedirectRequest.Port ?? "",
    path: RedirectRequest.Path ?? Request.Path ?? "/",
  };
  const got = { scheme: protocol.slice(0, -1), host: hostname, port, path: pathname };
  return JSON.stringify(wanted) === JSON.stringify(got) ? [] : [`Location ${location}, not ${wanted.scheme}://${wanted.host}:${wanted.port}${wanted.path}`];
}

function textOf(value: string | readonly string[] | undefined): string | null {
  return value === undefined ? null : typeof value === "string" ? value : value.join(", ");
}
