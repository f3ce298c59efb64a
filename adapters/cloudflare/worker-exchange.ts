import { type BrokerPlace, type Exchange, type HeaderList, NOTHING_ATTESTED } from "../../src/index.ts";
import { authorityOf } from "./request-fault.ts";
import { createWorkerBody } from "./worker-body.ts";
import { WorkerResponder } from "./worker-responder.ts";

/** What of the platform's context of a request is used here. */
export interface WorkerContext {
  waitUntil(work: Promise<unknown>): void;
}

/** What Cloudflare's edge adds about the caller and the way here. It is nobody else's business, and a copy from the caller is a lie. */
const EDGE_HEADERS: ReadonlySet<string> = new Set([
  "cf-connecting-ip",
  "cf-connecting-ipv6",
  "cf-connecting-o2o",
  "cf-ew-via",
  "cf-ipcountry",
  "cf-pseudo-ipv4",
  "cf-ray",
  "cf-visitor",
  "cf-worker",
]);

/** One call of a Worker as the broker takes it, which `requestFault` has let pass; `answer` is called once, with what goes back. */
export function createWorkerExchange(request: Request, context: WorkerContext, place: BrokerPlace, answer: (response: Response) => void): Exchange {
  const { url, headers, method } = request;
  const authority = authorityOf(url);
  const target = url.slice(url.indexOf("://") + 3 + authority.length);
  const scheme = url.startsWith("https:") ? "https" : "http";
  const onEdge = "cf" in request && request.cf !== undefined;
  return {
    method,
    target: target === "" ? "/" : target,
    scheme,
    authority,
    headers: headerList(headers),
    port: portOf(authority, scheme),
    // Only Cloudflare's edge sets it for sure; in a workerd of one's own it is whatever the caller wrote.
    remoteAddress: onEdge ? headers.get("cf-connecting-ip") : null,
    protocol: "1.1",
    ...NOTHING_ATTESTED,
    place,
    signal: request.signal,
    body: createWorkerBody(request),
    responder: new WorkerResponder(method, answer),
    waitUntil: (work) => context.waitUntil(work),
  };
}

function headerList(headers: Headers): HeaderList {
  const list: string[] = [];
  headers.forEach((value, name) => {
    if (!EDGE_HEADERS.has(name)) list.push(name, value);
  });
  return list;
}

function portOf(authority: string, scheme: "http" | "https"): number {
  const written = /:(\d+)$/.exec(authority)?.[1];
  if (written !== undefined) return Number(written);
  return scheme === "https" ? 443 : 80;
}
