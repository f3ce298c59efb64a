import type { HeaderList } from "../model/http.ts";

/**
 * Whether the request has passed this Gateway before: our own id in `CDN-Loop` (RFC 8586 section 2) or as a
 * received-by in `Via` (RFC 9110 section 7.6.3). Clients can add such a header, and then only refuse their own call.
 */
export function namesOurselves(headers: HeaderList, chainId: string): boolean {
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = headers[index] ?? "";
    if (name.length !== 8 && name.length !== 3) continue;
    const lower = name.toLowerCase();
    const value = headers[index + 1] ?? "";
    if (lower === "cdn-loop" && listed(value).some((entry) => (entry.split(";", 1)[0] ?? "").trim() === chainId)) return true;
    if (lower === "via" && listed(value).some((entry) => entry.trim().split(/\s+/)[1] === chainId)) return true;
  }
  return false;
}

function listed(value: string): string[] {
  return value.split(",");
}
