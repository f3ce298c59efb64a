import { byName } from "./by-name.ts";

/** Value of the first header with this lower-case name in a flat list `[name, value, …]`; null where there is none. */
export function find(list: readonly string[], lowerName: string): string | null {
  const length = lowerName.length;
  for (let index = 0; index + 1 < list.length; index += 2) {
    const name = list[index] ?? "";
    // The length is compared first: most names differ in it, and lower-casing is the dear part.
    if (name.length === length && (name === lowerName || name.toLowerCase() === lowerName)) return list[index + 1] ?? "";
  }
  return null;
}

/** Values of every header with this lower-case name, in order. */
export function findAll(list: readonly string[], lowerName: string): readonly string[] {
  const length = lowerName.length;
  let values: string[] | null = null;
  for (let index = 0; index + 1 < list.length; index += 2) {
    const name = list[index] ?? "";
    if (name.length !== length || (name !== lowerName && name.toLowerCase() !== lowerName)) continue;
    values ??= [];
    values.push(list[index + 1] ?? "");
  }
  return values ?? NONE;
}

/** The list without the headers of these lower-case names; the same list when none of them is in it. */
export function remove(list: readonly string[], lowerNames: ReadonlySet<string>): readonly string[] {
  let kept: string[] | null = null;
  for (let index = 0; index + 1 < list.length; index += 2) {
    const name = list[index] ?? "";
    if (lowerNames.has(lowered(name))) kept ??= list.slice(0, index);
    else if (kept !== null) kept.push(name, list[index + 1] ?? "");
  }
  return kept ?? list;
}

const lowered = byName((name: string) => name.toLowerCase());

const NONE: readonly string[] = [];
