import { parseJson } from "../lib/json-value.ts";
import { readEvent, splitBlocks } from "../lib/sse.ts";
import type { StreamEnds } from "./stream-ends.ts";

/** Members of events that hold what a model says: texts, thoughts, arguments of tools. */
const SPOKEN: ReadonlySet<string> = new Set(["content", "text", "delta", "partial_json", "arguments", "thinking", "reasoning", "reasoning_content", "refusal"]);
const MAX_DEPTH = 8;

/**
 * About how many characters a stream has said, for one that breaks off before its provider tells: the share of text in the latest part, which is kept
 * anyway, times all that has passed. Nothing is counted while the stream runs.
 */
export function spokenBytes(ends: StreamEnds): number {
  let sample = 0;
  let spoken = 0;
  for (const piece of ends.last) {
    sample += piece.length;
    for (const block of splitBlocks(piece)) {
      const { data } = readEvent(block);
      if (data?.trimStart().startsWith("{")) spoken += spokenIn(parseJson(data));
    }
  }
  return sample === 0 ? 0 : Math.round((spoken / sample) * ends.total);
}

function spokenIn(event: unknown): number {
  // The Responses API says everything again when a part is done.
  if (typeof event === "object" && event !== null && "type" in event && typeof event.type === "string") {
    if (event.type.startsWith("response.") && !event.type.endsWith(".delta")) return 0;
  }
  return lengthOf(event, 0);
}

function lengthOf(value: unknown, depth: number): number {
  if (typeof value !== "object" || value === null || depth > MAX_DEPTH) return 0;
  let length = 0;
  for (const [name, member] of Object.entries(value)) {
    if (typeof member === "string") length += SPOKEN.has(name) ? member.length : 0;
    else length += lengthOf(member, depth + 1);
  }
  return length;
}
