import { EventStreamCodec } from "@smithy/eventstream-codec";
import { toBytes, toText } from "../../lib/utf8.ts";

/** One message of `application/vnd.amazon.eventstream`. */
export interface EventStreamMessage {
  /** `event`, `exception` or `error` (`:message-type`). */
  readonly type: string;
  /** `:event-type`, `:exception-type` or `:error-code`. */
  readonly name: string;
  /** JSON text, or the words of an `error`. */
  readonly payload: string;
}

/** Splits the bytes of an event stream, wherever they are cut. */
export interface EventStreamReader {
  /** The messages that are complete now. Throws on a broken frame: nothing after it can be trusted. */
  push(bytes: Uint8Array): readonly EventStreamMessage[];
  /** Bytes of an unfinished message are held. */
  readonly unfinished: boolean;
}

/** AWS's own bound is 16 MiB of payload; headers are 128 KiB at most. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024 + 256 * 1024;
/** Two lengths and their checksum, then at least the checksum of the whole. */
const MIN_MESSAGE_BYTES = 16;

const codec = new EventStreamCodec(toText, toBytes);

/** Work is linear in the bytes; memory: one message and one chunk. */
export function createEventStreamReader(): EventStreamReader {
  let held = new Uint8Array(0);
  let length = 0;

  const hold = (bytes: Uint8Array): void => {
    const needed = length + bytes.length;
    if (needed > held.length) {
      const larger = new Uint8Array(Math.max(needed, held.length * 2, 4_096));
      larger.set(held.subarray(0, length));
      held = larger;
    }
    held.set(bytes, length);
    length = needed;
  };

  return {
    push(bytes) {
      hold(bytes);
      const messages: EventStreamMessage[] = [];
      let at = 0;
      while (length - at >= 4) {
        const size = new DataView(held.buffer, held.byteOffset + at, 4).getUint32(0);
        if (size < MIN_MESSAGE_BYTES || size > MAX_MESSAGE_BYTES) throw new RangeError("the length of a message is impossible");
        if (length - at < size) break;
        messages.push(read(held.slice(at, at + size)));
        at += size;
      }
      if (at > 0) {
        held = held.slice(at, length);
        length = held.length;
      }
      return messages;
    },
    get unfinished() {
      return length > 0;
    },
  };
}

/** The library checks both checksums and throws. */
function read(bytes: Uint8Array): EventStreamMessage {
  const { headers, body } = codec.decode(bytes);
  const text = (name: string): string => {
    const header = headers[name];
    return header?.type === "string" ? header.value : "";
  };
  const type = text(":message-type");
  const name = type === "exception" ? text(":exception-type") : type === "error" ? text(":error-code") : text(":event-type");
  return { type, name, payload: type === "error" ? text(":error-message") : toText(body) };
}
