import { validateHeaderName, validateHeaderValue } from "node:http";
import type { HeaderList } from "../../src/index.ts";

/** The platform frames the answer itself. */
const FRAMING: ReadonlySet<string> = new Set(["content-length", "transfer-encoding", "connection", "keep-alive"]);

/** Statuses whose answer has no body. */
export function isBodiless(method: string, status: number): boolean {
  return method === "HEAD" || status === 204 || status === 304;
}

/** Headers by lower-case name with all their values, without framing. Throws for a status or header that is not HTTP: the platform would take it. */
export function answerHeaders(status: number, list: HeaderList): ReadonlyMap<string, readonly string[]> {
  if (!Number.isInteger(status) || status < 200 || status > 999) throw new RangeError("this is not the status of an answer");
  const headers = new Map<string, string[]>();
  for (let i = 0; i + 1 < list.length; i += 2) {
    const written = list[i] ?? "";
    const value = list[i + 1] ?? "";
    validateHeaderName(written);
    validateHeaderValue(written, value);
    const name = written.toLowerCase();
    if (FRAMING.has(name)) continue;
    const values = headers.get(name);
    if (values === undefined) headers.set(name, [value]);
    else values.push(value);
  }
  return headers;
}

/** One value a name, as most shapes want it; cookies, whose values cannot be joined, apart. */
export function joined(headers: ReadonlyMap<string, readonly string[]>): {
  readonly headers: Readonly<Record<string, string>>;
  readonly cookies: readonly string[];
} {
  const one: Record<string, string> = {};
  for (const [name, values] of headers) if (name !== "set-cookie") one[name] = values.join(", ");
  return { headers: one, cookies: headers.get("set-cookie") ?? [] };
}
