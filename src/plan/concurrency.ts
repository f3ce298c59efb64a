import type { ConcurrencyRule } from "../model/backend.ts";
import type { Clock } from "../model/ports.ts";

/** How many calls each backend that asks for it has open from this instance, and how many it may have. No operation throws. */
export interface Concurrency {
  /** Takes a place; null: there is none. */
  enter(backendKey: string, rule: ConcurrencyRule): Seat | null;
  /** A backend that never had too much to do is not among them. For `/-/status`. */
  snapshot(): readonly BackendConcurrency[];
  /** Forgets all other backends, those with open calls once these have ended: to be called after a reload. */
  retain(backendKeys: ReadonlySet<string>): void;
}

export interface Seat {
  /** What the backend said. */
  tell(sign: "good" | "overloaded"): void;
  /** Gives the place back, once. */
  leave(): void;
}

export interface BackendConcurrency {
  readonly backend: string;
  readonly open: number;
  readonly limit: number;
}

interface Entry {
  open: number;
  /** Not whole: it grows by parts. */
  limit: number;
  cutAt: number;
  /** No manifest names it any more. */
  isGone: boolean;
}

const CUT = 0.7;
/** Calls that were under way together are refused together: that is one sign, and not twenty. */
const CUT_EVERY_MS = 1_000;

/**
 * Finds by trying how many calls a backend takes at a time, as TCP finds the speed of a path: less by 30 % when it says that it has too much to do, more by
 * one for each round of calls that it answers while the limit is in use.
 *
 * The sign is what the backend says (429, 503, 529), or that it is not to be reached or silent until the time for the first byte is over. How long answers take is none: a model
 * thinks for as long as it is asked to, and the time to the first token goes by the length of the prompt, so that a limit by latency would punish long prompts in
 * place of overload. There is no queue: who finds no place goes to the next destination at once.
 *
 * Begins at the most that is allowed. Holds nothing of a backend that has no open call and its whole limit.
 */
export function createConcurrency(clock: Pick<Clock, "monotonic">): Concurrency {
  const entries = new Map<string, Entry>();
  return {
    enter(key, { min, max }) {
      let entry = entries.get(key);
      if (entry === undefined) {
        entry = { open: 0, limit: max, cutAt: Number.NEGATIVE_INFINITY, isGone: false };
        entries.set(key, entry);
      }
      // A reload may have set other bounds.
      entry.limit = Math.max(min, Math.min(max, entry.limit));
      if (entry.open >= Math.floor(entry.limit)) return null;
      entry.open += 1;
      const held = entry;
      let isLeft = false;
      return {
        tell(sign) {
          if (sign === "good") {
            // A limit that nobody comes near says nothing of what the backend could take.
            if (held.open * 2 >= held.limit) held.limit = Math.min(max, held.limit + 1 / held.limit);
            return;
          }
          const now = clock.monotonic();
          if (now - held.cutAt < CUT_EVERY_MS) return;
          held.cutAt = now;
          held.limit = Math.max(min, Math.min(held.limit, held.open) * CUT);
        },
        leave() {
          if (isLeft) return;
          isLeft = true;
          held.open -= 1;
          if (held.open === 0 && (held.limit >= max || held.isGone)) entries.delete(key);
        },
      };
    },
    snapshot: () =>
      [...entries]
        .filter(([, { cutAt }]) => cutAt !== Number.NEGATIVE_INFINITY)
        .map(([backend, { open, limit }]) => ({ backend, open, limit: Math.floor(limit) })),
    retain(keys) {
      for (const [key, entry] of entries) {
        // Calls of the configuration before may be open yet, and one that is undone soon finds its limit as it was.
        entry.isGone = !keys.has(key);
        if (entry.isGone && entry.open === 0) entries.delete(key);
      }
    },
  };
}
