import { sha256Hex } from "../../lib/sha-256.ts";

/** The bound of the port `UsageStore`, in UTF-16 units. */
const MAX_NAME = 1_024;
/** Callers choose some of the values, such as the model: longer ones are told apart by their digest. */
const MAX_VALUE = 200;
const DIGEST = "sha-256:";

/** What the name of an account says. */
export interface AccountParts {
  /** The rule's id. */
  readonly limit: string;
  /** `sliding:` and its milliseconds, `none`, or the kind of calendar window and when its period began: `day:1795132800000`. */
  readonly window: string;
  /** Values of the rule's `per`, in their order; a very long one is cut and ends in its digest. */
  readonly of: readonly string[];
}

/**
 * The name of an account in the stores: a JSON array, so that no value can pass for two. How much the limit allows is not part of it, so that a changed
 * amount finds what was used. At most 1,024 UTF-16 units.
 */
export function accountName({ limit, window, of }: AccountParts): string {
  const name = JSON.stringify([limit, window, ...of.map(shortened)]);
  return name.length <= MAX_NAME ? name : JSON.stringify([limit, window, DIGEST + sha256Hex(JSON.stringify(of))]);
}

/** Null: nobody here wrote such a name. */
export function readAccountName(name: string): AccountParts | null {
  let parts: unknown;
  try {
    parts = JSON.parse(name);
  } catch {
    return null;
  }
  if (!Array.isArray(parts)) return null;
  const texts = parts.filter((part) => typeof part === "string");
  const [limit, window, ...of] = texts;
  return texts.length !== parts.length || limit === undefined || window === undefined ? null : { limit, window, of };
}

function shortened(value: string): string {
  return value.length <= MAX_VALUE ? value : `${value.slice(0, 64)}…${DIGEST}${sha256Hex(value)}`;
}
