import type { HeaderList } from "../model/http.ts";
import type { HeaderEdits } from "../model/snapshot.ts";

/**
 * Applies a HeaderModifier filter: set, then add, then remove. `add` to a header that is there appends `,value` to it, as the standard
 * shows; `set-cookie` gets a line of its own, because it cannot be joined (RFC 6265 section 3). Without edits the list itself comes back.
 */
export function editHeaders(list: HeaderList, edits: HeaderEdits | null): HeaderList {
  if (edits === null || (edits.set.length === 0 && edits.add.length === 0 && edits.remove.length === 0)) return list;
  const edited: string[] = [];
  for (let i = 0; i + 1 < list.length; i += 2) {
    const name = list[i] ?? "";
    const lower = name.toLowerCase();
    if (edits.remove.includes(lower) || edits.set.some((one) => one.name === lower)) continue;
    edited.push(name, list[i + 1] ?? "");
  }
  for (const { name, value } of edits.set) {
    if (!edits.remove.includes(name)) edited.push(name, value);
  }
  for (const { name, value } of edits.add) {
    if (edits.remove.includes(name)) continue;
    const at = name === "set-cookie" ? -1 : lastIndexOfName(edited, name);
    if (at < 0) edited.push(name, value);
    else edited[at + 1] = `${edited[at + 1] ?? ""},${value}`;
  }
  return edited;
}

function lastIndexOfName(list: HeaderList, name: string): number {
  for (let i = list.length - 2; i >= 0; i -= 2) {
    if (list[i]?.toLowerCase() === name) return i;
  }
  return -1;
}
