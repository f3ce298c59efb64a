import { parseJson } from "../lib/json-value.ts";
import { readEvent, type SseEvent, splitBlocks } from "../lib/sse.ts";
import type { DialectWire } from "../model/dialect-wire.ts";
import type { AnswerFacts, Operation } from "../model/operation.ts";
import { findUsage, PARSE_BYTES } from "./find-usage.ts";
import { type StreamEnds, TAIL_BYTES } from "./stream-ends.ts";

/** Of the opening, and of the end: enough for a usage event, the finish of some choices and the end marker. */
const OPENING_EVENTS = 2;
const CLOSING_EVENTS = 5;

/**
 * The last events with data, in order: at most five, none that ends more than `TAIL_BYTES` before the end. Depends on
 * the bytes alone, not on how they were cut into pieces.
 */
export function lastEvents(ends: StreamEnds): SseEvent[] {
  const events: SseEvent[] = [];
  let after = 0;
  for (let piece = ends.last.length - 1; piece >= 0; piece -= 1) {
    const blocks = splitBlocks(ends.last[piece] ?? new Uint8Array(0));
    for (let index = blocks.length - 1; index >= 0; index -= 1) {
      const block = blocks[index] ?? new Uint8Array(0);
      if (after > TAIL_BYTES || events.length === CLOSING_EVENTS) return events.reverse();
      const event = readEvent(block);
      if (event.data !== null) events.push(event);
      after += block.length;
    }
  }
  return events.reverse();
}

/** Only these two open with an event that names the answer; a chunk of a chat repeats it every time. */
export function readsOpening(operation: Operation): boolean {
  return operation.name === "messages" || operation.name === "responses";
}

/** Folds what the opening and the end of a stream tell. Null: nothing. */
export function readStreamFacts(wire: DialectWire, operation: Operation, ends: StreamEnds, closing: readonly SseEvent[]): AnswerFacts | null {
  let facts: AnswerFacts | null = null;
  if (readsOpening(operation)) {
    for (const event of openingEvents(ends)) facts = fold(wire, operation, event, facts);
  }
  for (const event of closing) facts = fold(wire, operation, event, facts);
  return facts;
}

function openingEvents(ends: StreamEnds): SseEvent[] {
  const events: SseEvent[] = [];
  for (const piece of ends.first) {
    for (const block of splitBlocks(piece)) {
      const event = readEvent(block);
      if (event.data !== null) events.push(event);
      if (events.length === OPENING_EVENTS) return events;
    }
  }
  return events;
}

function fold(wire: DialectWire, operation: Operation, event: SseEvent, known: AnswerFacts | null): AnswerFacts | null {
  // `response.completed` repeats the whole answer: of a very large one only the usage is read.
  if (event.bytes.length > PARSE_BYTES) return foldUsage(wire, operation, event.bytes, known);
  // `[DONE]` is not worth an exception.
  return event.data?.trimStart().startsWith("{") ? wire.readEvent(parseJson(event.data), known, operation) : known;
}

/** Folds the last usage object in the bytes alone, wrapped as each of the dialects has it in an event. */
export function foldUsage(wire: DialectWire, operation: Operation, bytes: Uint8Array, known: AnswerFacts | null): AnswerFacts | null {
  const usage = findUsage(bytes);
  return usage === null ? known : wire.readEvent({ type: "message_delta", usage, response: { usage } }, known, operation);
}
