import { joinBytes } from "../lib/utf8.ts";
import type { AnswerFacts } from "../model/operation.ts";
import { createStreamEnds } from "./stream-ends.ts";
import type { Tap } from "./tap.ts";

/** What is read of an answer when it is over, from its first piece and its last ones; they may be the same. */
export interface WatchedAnswer {
  facts(opening: Uint8Array, closing: Uint8Array): AnswerFacts | null;
  /** About how many characters of what a model says there are in these bytes; null: nobody can tell. */
  spoken(closing: Uint8Array): number | null;
}

/**
 * For APIs that nobody here speaks: bytes pass as they came and when they came, cut as they were, and references to the first and the last of them are
 * kept. Nothing is judged, held back or added, so that an answer that is not what it seems passes all the same.
 */
export function createWatchingTap(watched: WatchedAnswer): Tap {
  const ends = createStreamEnds();
  let known: AnswerFacts | null | undefined;
  return {
    chunk(bytes) {
      ends.push(bytes);
      return bytes;
    },
    end: () => ({ bytes: null, complete: true }),
    fail: () => null,
    facts() {
      if (known === undefined) known = watched.facts(joinBytes(ends.first), joinBytes(ends.last));
      return known;
    },
    compact: ends.compact,
    spokenBytes() {
      const closing = joinBytes(ends.last);
      const spoken = closing.length === 0 ? 0 : watched.spoken(closing);
      return spoken === null ? null : Math.round((spoken / Math.max(1, closing.length)) * ends.total);
    },
  };
}
