import type { IncomingMessage } from "node:http";
import { HEAD_BOUNDS, type RefusalCode } from "../../src/index.ts";
import { authorityOf } from "./origin-form.ts";
import { asksForWebSocket } from "./web-socket-request.ts";

/** Why a request is refused before anybody looks at it. */
export interface Fault {
  readonly status: number;
  readonly code: RefusalCode;
  readonly text: string;
}

/** Of an exception of our own: it says nothing of its cause. */
export const BROKEN: Fault = { status: 500, code: "internal_error", text: "The broker failed. The request id finds the cause in its log." };

/** Headers of which a second one is an attack: whoever reads the first and whoever reads the last would see different callers or hosts. */
const SINGLE: ReadonlySet<string> = new Set([
  "host",
  "authorization",
  "x-api-key",
  "api-key",
  "x-goog-api-key",
  "content-type",
  "content-length",
  "transfer-encoding",
]);
/** Their lengths: most headers have another one, and need not be lower-cased to be passed over. */
const SINGLE_LENGTHS: ReadonlySet<number> = new Set([...SINGLE].map((name) => name.length));
const HOST = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/;

/** The head of a request; one of node:http is one as it is. */
export interface RequestHead {
  readonly rawHeaders: readonly string[];
  readonly headers: { readonly host?: string | undefined; readonly upgrade?: string | undefined };
  readonly url?: string | undefined;
}

/** The checks that node:http leaves to us; null: none fails. */
export function requestFault(request: RequestHead): Fault | null {
  const { rawHeaders } = request;
  if (rawHeaders.length > HEAD_BOUNDS.fields * 2) return { status: 431, code: "request_malformed", text: "The request has too many headers." };
  const repeated = repeatedHeader(rawHeaders);
  if (repeated !== null) return malformed(`The request has more than one ${repeated}.`);
  const host = request.headers.host;
  if (host === undefined || !HOST.test(host)) return malformed("The request has no Host that can be used.");
  const target = request.url ?? "";
  if (!target.startsWith("/") && authorityOf(target) !== host.toLowerCase()) return malformed("The request target and Host name different hosts.");
  return null;
}

/**
 * Why a request that HTTP goes on after cannot ask for a WebSocket; null: it asks for none. `Upgrade: h2c`, which some clients offer with every call,
 * may be ignored; a WebSocket would wait for ever.
 */
export function strayHandshake(request: IncomingMessage): Fault | null {
  return asksForWebSocket(request)
    ? malformed("A WebSocket handshake is a GET without body, with Connection: Upgrade, not under /-/, and not sent before the answers to earlier requests.")
    : null;
}

function repeatedHeader(rawHeaders: readonly string[]): string | null {
  let seen: string[] | null = null;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const written = rawHeaders[i] ?? "";
    if (!SINGLE_LENGTHS.has(written.length)) continue;
    const name = written.toLowerCase();
    if (!SINGLE.has(name)) continue;
    if (seen?.includes(name) === true) return name;
    seen ??= [];
    seen.push(name);
  }
  return null;
}

function malformed(text: string): Fault {
  return { status: 400, code: "request_malformed", text };
}
