import type { PivotRequest } from "./request.ts";

/** Names of tools as an upstream takes them, both ways. */
export interface ToolNames {
  /** The upstream's name for the caller's. */
  readonly to: (name: string) => string;
  /** Upstream's name -> caller's, only where they differ. */
  readonly back: ReadonlyMap<string, string>;
}

/** Names of tools that an API does not take are changed. The same request always gives the same names, so that calls in its history keep theirs. */
export function mapToolNames(request: PivotRequest, allowed: RegExp, maxLength: number): ToolNames {
  return mapNames(namesIn(request), allowed, maxLength, "tool");
}

/** The same for ids of calls: a call and its results change alike, and two calls stay two. Ids are the caller's own again in its next request, so nothing leads back. */
export function mapCallIds({ turns }: PivotRequest, allowed: RegExp, maxLength: number): (id: string) => string {
  const ids = new Set<string>();
  for (const turn of turns) {
    for (const block of turn.blocks) {
      if (block.kind === "tool_call") ids.add(block.id);
      else if (block.kind === "tool_result") ids.add(block.callId);
    }
  }
  return mapNames(ids, allowed, maxLength, "call_0").to;
}

/** Every character that is not taken becomes `_`, what is too long is cut, and two that fall together are told apart by a number. */
function mapNames(wanted: ReadonlySet<string>, allowed: RegExp, maxLength: number, unnamed: string): ToolNames {
  const forward = new Map<string, string>();
  const back = new Map<string, string>();
  const taken = new Set<string>();
  const fits = (name: string): boolean => name.length > 0 && name.length <= maxLength && allowed.test(name);
  // Names that may stay keep themselves before any other is made up.
  for (const name of wanted) if (fits(name)) taken.add(name);
  for (const name of wanted) {
    if (fits(name)) continue;
    const letters = name.replace(/[^a-zA-Z0-9_-]/g, "_") || unnamed;
    // Some take no digit at the beginning.
    const plain = (allowed.test(letters) ? letters : `_${letters}`).slice(0, maxLength);
    let made = plain;
    for (let number = 2; taken.has(made); number += 1) made = `${plain.slice(0, maxLength - 1 - String(number).length)}_${number}`;
    taken.add(made);
    forward.set(name, made);
    back.set(made, name);
  }
  return { to: (name) => forward.get(name) ?? name, back };
}

function namesIn(request: PivotRequest): ReadonlySet<string> {
  const names = new Set<string>();
  for (const tool of request.tools) if (tool.kind === "function") names.add(tool.name);
  for (const turn of request.turns) for (const block of turn.blocks) if (block.kind === "tool_call") names.add(block.name);
  return names;
}
