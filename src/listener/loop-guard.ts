import type { HeaderList } from "../model/http.ts";

/** More intermediaries than this in one header are a loop that nobody in it has seen, or somebody's filling. */
const MAX_PASSED = 32;

/**
 * Why the request must not go on; null: it may. Our own id in `CDN-Loop` (RFC 8586 section 2) or as a received-by in `Via` (RFC 9110 section
 * 7.6.3), in any case and in any of several headers, says that it has passed this Gateway before. Clients can add such a header, and then only
 * refuse their own call.
 */
export function loopFault(headers: HeaderList, chainId: string): "ourselves" | "too_many" | null {
  let passedBy = 0;
  let via = 0;
  let own: string | null = null;
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = headers[index] ?? "";
    if (name.length !== 8 && name.length !== 3) continue;
    const lower = name.toLowerCase();
    if (lower !== "cdn-loop" && lower !== "via") continue;
    // A cdn-id may be a host name, which has no case.
    own ??= chainId.toLowerCase();
    for (const listed of (headers[index + 1] ?? "").toLowerCase().split(",")) {
      const entry = listed.trim();
      if (entry === "") continue;
      if (lower === "cdn-loop") {
        passedBy += 1;
        if ((entry.split(";", 1)[0] ?? "").trim() === own) return "ourselves";
      } else {
        via += 1;
        if (entry.split(/\s+/, 2)[1] === own) return "ourselves";
      }
    }
    if (passedBy > MAX_PASSED || via > MAX_PASSED) return "too_many";
  }
  return null;
}
