import { lastBlockEnd, readEvent, splitBlocks } from "../lib/sse.ts";
import type { DialectWire } from "../model/dialect-wire.ts";

/** Beyond this an opening that has not ended an event is taken for an answer: the caller waits no longer. */
const PATIENCE_BYTES = 64 * 1024;

/**
 * Whether a 200 event stream opens with an error, in which case another candidate can still be tried (F7), judged
 * before anything is delivered. Comments and pings say nothing yet.
 */
export function judgeFirstEvent(wire: DialectWire, bytes: Uint8Array): "error" | "good" | "more" {
  const complete = bytes.subarray(0, lastBlockEnd(bytes, bytes.length, 0));
  for (const block of splitBlocks(complete)) {
    const { name, data } = readEvent(block);
    if (data === null || name === "ping") continue;
    return wire.isErrorEvent(name, data) ? "error" : "good";
  }
  return bytes.length >= PATIENCE_BYTES ? "good" : "more";
}
