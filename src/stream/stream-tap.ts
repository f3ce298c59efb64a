import { createEventBoundary, readEvent, type SseEvent } from "../lib/sse.ts";
import { joinBytes, toBytes } from "../lib/utf8.ts";
import type { DialectWire } from "../model/dialect-wire.ts";
import type { AnswerFacts, Operation } from "../model/operation.ts";
import { dropUsageEvent } from "./drop-usage-event.ts";
import { foldUsage, lastEvents, readStreamFacts, readsOpening } from "./read-stream-facts.ts";
import { spokenBytes } from "./spoken-bytes.ts";
import { createStreamEnds } from "./stream-ends.ts";
import type { Tap, TapOptions } from "./tap.ts";

/** Reliability T18: an event beyond this is not held, whatever it is. */
const MAX_EVENT_BYTES = 1024 * 1024;

/** Operations whose streams say when they are complete. */
const HAS_END_MARKER: ReadonlySet<Operation["name"]> = new Set(["chat", "completions", "responses", "messages"]);

const NOTHING_TO_ADD = new Uint8Array(0);

/**
 * An event stream. Bytes pass unchanged, but only up to the end of an event: when the upstream breaks off inside one,
 * the caller never gets the torn half, on which SDKs fail with a syntax error before they can read the error event
 * that follows. Nothing is parsed until the stream is over.
 */
export function createStreamTap(wire: DialectWire, operation: Operation, options: TapOptions): Tap {
  const boundary = createEventBoundary(MAX_EVENT_BYTES);
  const ends = createStreamEnds(readsOpening(operation));
  const good = options.status >= 200 && options.status < 300;
  let closing: SseEvent[] | null = null;
  let known: AnswerFacts | null | undefined;

  const lookBack = (): SseEvent[] => {
    closing ??= lastEvents(ends);
    return closing;
  };
  const isEnd = ({ name, data }: SseEvent): boolean => data !== null && wire.isEndEvent(name, data, operation);
  const ended = (): boolean => lookBack().some(isEnd);
  const told = (): boolean => {
    const last = lookBack().at(-1);
    return last !== undefined && last.data !== null && wire.isErrorEvent(last.name, last.data);
  };
  const visible = (events: Uint8Array): Uint8Array | null => (options.hideUsageOnlyEvent && !boundary.overflowed ? dropUsageEvent(wire, events) : events);

  return {
    chunk(bytes) {
      const events = boundary.push(bytes);
      if (events === null) return null;
      ends.push(events);
      return visible(events);
    },
    end() {
      const rest = boundary.rest();
      // Past an event without bound nobody knows where events end: such a stream is not judged.
      if (!good || boundary.overflowed || !HAS_END_MARKER.has(operation.name)) return { bytes: rest, complete: true };
      if (rest !== null && isEnd(readEvent(rest))) {
        // By the standard an event without its blank line is none, but some servers end so, and SDKs accept it.
        ends.push(rest);
        return { bytes: rest, complete: true };
      }
      return ended() ? { bytes: rest, complete: true } : { bytes: null, complete: false };
    },
    fail(message) {
      if (boundary.overflowed) return toBytes(`\n\n${wire.errorEvent(options.error(message), operation)}`);
      // The caller has its whole answer, or has been told by the upstream itself.
      if (ended() || told()) return NOTHING_TO_ADD;
      return toBytes(wire.errorEvent(options.error(message), operation));
    },
    facts() {
      if (known === undefined && good) {
        known = boundary.overflowed ? foldUsage(wire, operation, joinBytes(ends.last), null) : readStreamFacts(wire, operation, ends, lookBack());
      }
      return known ?? null;
    },
    spokenBytes: () => (good ? spokenBytes(ends) : null),
    compact: ends.compact,
  };
}
