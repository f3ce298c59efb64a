import { remove } from "../../lib/header-list.ts";
import type { HeaderList } from "../../model/http.ts";
import { ANTHROPIC_FACTS } from "./data/anthropic-facts.ts";

/** With these a caller would choose the organisation, project or workspace, and so where it is processed and on whose account. */
const WITHHELD: ReadonlySet<string> = new Set([
  "openai-organization",
  "openai-project",
  "anthropic-workspace-id",
  "x-goog-user-project",
  "x-goog-request-params",
]);

const BETA = "anthropic-beta";

/** The caller's headers under a lock, before a manifest's own filters, which may set what their author answers for. The same list when nothing is in the way. */
export function withoutPlaceHeaders(list: HeaderList): HeaderList {
  const kept = remove(list, WITHHELD);
  if (!kept.some((name, index) => index % 2 === 0 && name.length === BETA.length && name.toLowerCase() === BETA)) return kept;
  const rewritten: string[] = [];
  for (let index = 0; index + 1 < kept.length; index += 2) {
    const name = kept[index] ?? "";
    const value = kept[index + 1] ?? "";
    if (name.toLowerCase() !== BETA) {
      rewritten.push(name, value);
      continue;
    }
    const tokens = value.split(",").map((token) => token.trim());
    const harmless = tokens.filter((token) => ANTHROPIC_FACTS.betas.has(token));
    if (harmless.length > 0) rewritten.push(name, harmless.join(","));
  }
  return rewritten;
}
