import { readEvent, splitBlocks } from "../lib/sse.ts";
import { joinBytes } from "../lib/utf8.ts";
import type { DialectWire } from "../model/dialect-wire.ts";
import { findUsageObject } from "./find-usage.ts";

/** The whole events without the ones that carry nothing but usage: the same array when there are none, null when nothing is left. */
export function dropUsageEvent(wire: DialectWire, events: Uint8Array): Uint8Array | null {
  // One quick search for nearly every chunk; only a chunk with a usage object is taken apart.
  if (findUsageObject(events, 0) < 0) return events;
  const blocks = splitBlocks(events);
  const kept = blocks.filter((block) => {
    const { data } = readEvent(block);
    return data === null || !wire.isUsageOnlyEvent(data);
  });
  if (kept.length === blocks.length) return events;
  return kept.length === 0 ? null : joinBytes(kept);
}
