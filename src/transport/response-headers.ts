import { byName } from "../lib/by-name.ts";
import type { HeaderList } from "../model/http.ts";
import { nominatedByConnection } from "./request-headers.ts";

/**
 * Names that never come back from a destination: they belong to one hop, or they bind the caller's client to the
 * broker's own origin (cookies, alternative services, HSTS), which is not the destination's to decide.
 */
const WITHHELD: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "set-cookie",
  "set-cookie2",
  "server",
  "alt-svc",
  "strict-transport-security",
  "clear-site-data",
  "public-key-pins",
  // The broker answers with its own: two values read as one id would match no log line.
  "x-request-id",
]);

const WITHHELD_PREFIXES: readonly string[] = ["egress-", "x-egress-", "proxy-"];

/**
 * The destination's headers that go back to the caller, in their order. `bodyUnchanged` false also drops
 * `content-length` and `content-md5`/`digest`, which would contradict the bytes. `Location` stays: a redirect is handed back, never followed.
 */
export function forwardableResponseHeaders(list: HeaderList, bodyUnchanged: boolean): HeaderList {
  const nominated = nominatedByConnection(list);
  let kept: string[] | null = null;
  for (let i = 0; i < list.length; i += 2) {
    const name = list[i] ?? "";
    const fate = fateOf(name);
    if (fate !== "withheld" && (bodyUnchanged || fate === "passes") && (nominated === null || !nominated.has(name.toLowerCase()))) {
      if (kept !== null) kept.push(name, list[i + 1] ?? "");
    } else if (kept === null) {
      kept = list.slice(0, i);
    }
  }
  return kept ?? list;
}

const DESCRIBES_BODY: ReadonlySet<string> = new Set(["content-length", "content-md5", "digest", "content-digest", "repr-digest", "etag"]);

/** What the name alone says. */
const fateOf = byName((written: string): "withheld" | "describes_body" | "passes" => {
  const name = written.toLowerCase();
  if (WITHHELD.has(name) || WITHHELD_PREFIXES.some((prefix) => name.startsWith(prefix))) return "withheld";
  return DESCRIBES_BODY.has(name) ? "describes_body" : "passes";
});
