import { findAll } from "../lib/header-list.ts";
import { Refusal } from "../model/errors.ts";
import type { HeaderList } from "../model/http.ts";
import type { ExternalAuthRule, HeaderEdits } from "../model/snapshot.ts";
import { WITHHELD_HEADERS } from "./withheld-headers.ts";

/** Of the answer itself, of its connection, or what no header of a call may be set to by anybody but the broker. */
const NEVER: ReadonlySet<string> = new Set([
  ...WITHHELD_HEADERS,
  "authority",
  "date",
  "server",
  "vary",
  "etag",
  "last-modified",
  "cache-control",
  "set-cookie",
  "x-request-id",
]);

/** Never copied: they describe the body of the answer, and the body of the call is another. */
const DESCRIBES_BODY = "content-";

/** What may be told of a no: how to ask again, and when. */
const TOLD: readonly string[] = ["www-authenticate", "retry-after"];

/**
 * What an authorization server said of a call. Only 200 is a yes (GEP-1494), and gives what is to be copied into the call. Everything else throws
 * `access_denied`: a 4xx with its own status, for the caller may mend that; any other as 403.
 */
export function readAuthAnswer(rule: ExternalAuthRule, status: number, headers: HeaderList): HeaderEdits {
  if (status === 200) return { set: copied(rule.responseHeaders, headers), add: [], remove: [] };
  const told = TOLD.flatMap((name) => findAll(headers, name).flatMap((value) => [name, value]));
  throw new Refusal("access_denied", {
    detail: "The authorization server of this route has denied the call.",
    status: status >= 400 && status < 500 ? status : 403,
    headers: told,
  });
}

function copied(allowed: ReadonlySet<string> | null, headers: HeaderList): HeaderEdits["set"] {
  const found = new Map<string, string>();
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = (headers[index] ?? "").toLowerCase();
    if (NEVER.has(name) || name.startsWith(DESCRIBES_BODY) || name.startsWith("x-egress-") || name.startsWith("sec-websocket-")) continue;
    if (allowed !== null && !allowed.has(name)) continue;
    const before = found.get(name);
    const value = headers[index + 1] ?? "";
    found.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return [...found].map(([name, value]) => ({ name, value }));
}
