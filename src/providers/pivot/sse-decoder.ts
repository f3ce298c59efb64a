import { createEventBoundary, readEvent, splitBlocks } from "../../lib/sse.ts";
import { joinBytes, toBytes } from "../../lib/utf8.ts";
import type { PivotEvent } from "./answer.ts";
import type { StreamDecoder } from "./codec.ts";
import type { PivotError } from "./error.ts";

/** Larger than any event of a provider, images in base64 included. */
const MAX_EVENT_BYTES = 16 * 1024 * 1024;
const BLANK_LINE = toBytes("\n\n");

/** What one API makes of its events. Neither member throws. */
export interface EventReader {
  /** `data` is never empty of meaning: blocks without data (comments, `retry`) do not come here. */
  read(name: string | null, data: string): readonly PivotEvent[];
  /** The framing ended: what is still owed. Called once, unless an `error` or `end` came before. */
  finish(): readonly PivotEvent[];
}

/** Server-sent events as a stream of the pivot: joins what was cut, reads each event once, and lets nothing follow an `error` or an `end`. */
export function createSseDecoder(reader: EventReader): StreamDecoder {
  const boundary = createEventBoundary(MAX_EVENT_BYTES);
  let over = false;

  function take(bytes: Uint8Array): readonly PivotEvent[] {
    const events: PivotEvent[] = [];
    for (const block of splitBlocks(bytes)) {
      const { name, data } = readEvent(block);
      if (data === null) continue;
      for (const event of reader.read(name, data)) {
        events.push(event);
        over = event.kind === "error" || event.kind === "end";
        if (over) return events;
      }
    }
    return events;
  }

  return {
    push(bytes) {
      if (over) return [];
      const whole = boundary.push(bytes);
      if (boundary.overflowed) {
        over = true;
        return [{ kind: "error", error: brokenStream("an event of the destination's stream is too large to be translated") }];
      }
      return whole === null ? [] : take(whole);
    },
    end() {
      if (over) return [];
      const rest = boundary.rest();
      // By the standard an event without its blank line is none, but some servers end so, and SDKs accept it.
      const events = rest === null ? [] : take(joinBytes([rest, BLANK_LINE]));
      if (over) return events;
      over = true;
      return [...events, ...reader.finish()];
    },
  };
}

/** The destination's stream cannot be understood or stopped too soon: our own words, for the caller's stream. */
export function brokenStream(message: string): PivotError {
  return { status: 502, kind: "server", message, code: "upstream_unavailable", param: null, retryAfterMs: null, requestId: null };
}

/** The stream ended although the answer had not. */
export const CUT_SHORT: PivotEvent = { kind: "error", error: brokenStream("The destination ended its answer before it was complete.") };
/** An event is not what the API says it is. */
export const UNREADABLE: PivotEvent = { kind: "error", error: brokenStream("The destination sent an event that cannot be read.") };
