import { byName } from "../lib/by-name.ts";
import type { HeaderList } from "../model/http.ts";

/**
 * Names that never go upstream. Four reasons: they belong to one hop (RFC 9110 section 7.6.1); the transport writes
 * them itself (framing, Host); they tell who or where the caller is; or servers obey them in place of the request line
 * (X-Original-URL, method override: the attack of T2).
 */
const WITHHELD: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
  "host",
  "content-length",
  "expect",
  "x-gateway-model-name",
  "forwarded",
  "x-real-ip",
  "true-client-ip",
  "cf-connecting-ip",
  "x-client-ip",
  "x-cluster-client-ip",
  "x-original-url",
  "x-rewrite-url",
  "x-original-host",
  "x-host",
  "x-http-method",
  "x-http-method-override",
  "x-method-override",
  "cookie",
  "cookie2",
  "x-amz-security-token",
  "x-serverless-authorization",
  "baggage",
  "traceparent",
  "tracestate",
]);

const WITHHELD_PREFIXES: readonly string[] = ["egress-", "x-egress-", "x-forwarded-", "x-envoy-", "proxy-"];

/**
 * The caller's headers that may go on to a destination, in their order. Also drops what `Connection` nominates, and
 * names with `_`, which CGI-like servers read as `-` and so as another header. Gives back the same list when all may pass.
 */
export function forwardableRequestHeaders(list: HeaderList): HeaderList {
  const nominated = nominatedByConnection(list);
  let kept: string[] | null = null;
  for (let i = 0; i < list.length; i += 2) {
    const name = list[i] ?? "";
    if (mayPass(name) && (nominated === null || !nominated.has(name.toLowerCase()))) {
      if (kept !== null) kept.push(name, list[i + 1] ?? "");
    } else if (kept === null) {
      kept = list.slice(0, i);
    }
  }
  return kept ?? list;
}

/** Lower-case names that `Connection` lists: they end here too. Null: none. */
export function nominatedByConnection(list: HeaderList): ReadonlySet<string> | null {
  let nominated: Set<string> | null = null;
  for (let i = 0; i < list.length; i += 2) {
    const name = list[i] ?? "";
    if (name.length !== 10 || name.toLowerCase() !== "connection") continue;
    const value = (list[i + 1] ?? "").toLowerCase();
    // Nearly every client sends one of these two, and they nominate nothing.
    if (value === "keep-alive" || value === "close") continue;
    nominated ??= new Set();
    for (const token of value.split(",")) nominated.add(token.trim());
  }
  return nominated;
}

/** What the name alone says. */
const mayPass = byName((written: string): boolean => {
  const name = written.toLowerCase();
  return !WITHHELD.has(name) && !name.includes("_") && !WITHHELD_PREFIXES.some((prefix) => name.startsWith(prefix));
});
