import { find } from "../../lib/header-list.ts";
import type { HeaderList } from "../../model/http.ts";

/** Versions of Messages whose forms the codec reads. */
const VERSIONS: ReadonlySet<string> = new Set(["2023-06-01", "2026-10-21"]);

/** Whether the caller speaks a version that can be translated. A newer one may mean other things by the same names: it passes to Anthropic only. */
export function isKnownVersion(headers: HeaderList): boolean {
  const version = find(headers, "anthropic-version");
  return version === null || VERSIONS.has(version.trim());
}
