import { readFile } from "node:fs/promises";

/** The token by which this broker shows itself to its sink; null: it has none. `fresh` reads it anew, for a sink that did not accept the last one. */
export type SinkToken = (fresh: boolean) => Promise<string | null>;

/** The kubelet renews a projected token long before it ends. Milliseconds. */
const KEPT_MS = 60_000;
const MAX_BYTES = 16 * 1024;
const TOKEN = /^[\x21-\x7e]+$/;

/** A token in a file that somebody renews in place. No file, or one that holds no token: none is shown. */
export function createSinkToken(path: string, now: () => number): SinkToken {
  let held: { readonly token: string | null; readonly until: number } | null = null;
  return async (fresh) => {
    if (held !== null && !fresh && now() < held.until) return held.token;
    const text = await readFile(path, "utf8").catch(() => "");
    const token = text.trim();
    held = { token: token.length <= MAX_BYTES && TOKEN.test(token) ? token : null, until: now() + KEPT_MS };
    return held.token;
  };
}
