import { crc32 } from "./crc32.ts";
import { holdBytes } from "./held-bytes.ts";
import { toText } from "./utf8.ts";

/** One message of `application/vnd.amazon.eventstream`. */
export interface EventStreamMessage {
  /** Headers that are strings, such as `:message-type`; others are passed over. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Uint8Array;
}

/** Splits the bytes of an event stream, wherever they are cut. */
export interface EventStreamReader {
  /** The messages that are complete now. Throws a `RangeError` on a broken frame: nothing after it can be trusted. */
  push(bytes: Uint8Array): readonly EventStreamMessage[];
  /** Bytes of an unfinished message are held. */
  readonly unfinished: boolean;
}

/** AWS's own bounds: 16 MiB of payload, 128 KiB of headers. */
const MAX_HEADER_BYTES = 128 * 1024;
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024 + MAX_HEADER_BYTES + 16;
/** Two lengths and their checksum, and the checksum of the whole. */
const PRELUDE_BYTES = 12;
const MIN_MESSAGE_BYTES = PRELUDE_BYTES + 4;

/** Work is linear in the bytes; memory: one message and one chunk. */
export function createEventStreamReader(): EventStreamReader {
  const held = holdBytes();
  return {
    push(bytes) {
      held.add(bytes);
      const messages: EventStreamMessage[] = [];
      const all = held.view();
      let at = 0;
      while (all.length - at >= PRELUDE_BYTES) {
        const size = messageSize(all.subarray(at, at + PRELUDE_BYTES));
        if (all.length - at < size) break;
        messages.push(readMessage(all.slice(at, at + size)));
        at += size;
      }
      if (at > 0) held.take(at);
      return messages;
    },
    get unfinished() {
      return held.length > 0;
    },
  };
}

/** The prelude has a checksum of its own, so that a damaged length is not believed. */
function messageSize(prelude: Uint8Array): number {
  const view = viewOf(prelude);
  if (crc32(prelude.subarray(0, 8)) !== view.getUint32(8)) throw new RangeError("the prelude of a message does not match its checksum");
  const size = view.getUint32(0);
  if (size < MIN_MESSAGE_BYTES || size > MAX_MESSAGE_BYTES) throw new RangeError("the length of a message is impossible");
  return size;
}

function readMessage(message: Uint8Array): EventStreamMessage {
  const view = viewOf(message);
  const end = message.length - 4;
  if (crc32(message.subarray(0, end)) !== view.getUint32(end)) throw new RangeError("a message does not match its checksum");
  const headersEnd = PRELUDE_BYTES + view.getUint32(4);
  if (headersEnd > end) throw new RangeError("the headers of a message are longer than it is");
  return { headers: readHeaders(message, view, headersEnd), body: message.subarray(headersEnd, end) };
}

/** Bytes of a value by its type; null: its length stands before it. The order is the format's: true, false, byte, short, int, long, bytes, string, timestamp, uuid. */
const VALUE_BYTES: readonly (number | null)[] = [0, 0, 1, 2, 4, 8, null, null, 8, 16];
const STRING = 7;

function readHeaders(message: Uint8Array, view: DataView, end: number): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  let at = PRELUDE_BYTES;
  const take = (bytes: number): number => {
    const from = at;
    at += bytes;
    if (at > end) throw new RangeError("a header of a message is cut off");
    return from;
  };
  while (at < end) {
    const nameLength = view.getUint8(take(1));
    const nameAt = take(nameLength);
    const type = view.getUint8(take(1));
    const fixed = VALUE_BYTES[type];
    if (fixed === undefined) throw new RangeError("a header of a message has an unknown type");
    const valueLength = fixed ?? view.getUint16(take(2));
    const valueAt = take(valueLength);
    if (type === STRING) headers.set(toText(message.subarray(nameAt, nameAt + nameLength)), toText(message.subarray(valueAt, valueAt + valueLength)));
  }
  return headers;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
