import type { HeaderList } from "../model/http.ts";

/**
 * The value of a header by its lower-case name; null when it is absent. Several lines are one value joined by `, ` (RFC 9110 section
 * 5.3), so that a rule cannot be dodged by splitting or repeating a header.
 */
export function headerValue(headers: HeaderList, name: string): string | null {
  let value: string | null = null;
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const candidate = headers[i];
    // Length first: it settles most names without making a lower-case copy.
    if (candidate === undefined || candidate.length !== name.length) continue;
    if (candidate !== name && candidate.toLowerCase() !== name) continue;
    const line = headers[i + 1] ?? "";
    value = value === null ? line : `${value}, ${line}`;
  }
  return value;
}
