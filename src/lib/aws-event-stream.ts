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
      // Most often a chunk is whole messages, which are read where they are.
      const whole = held.length === 0;
      if (!whole) held.add(bytes);
      const source = whole ? bytes : held.view();
      const messages: EventStreamMessage[] = [];
      let at = 0;
      while (source.length - at >= PRELUDE_BYTES) {
        const size = messageSize(source, at);
        if (source.length - at < size) break;
        messages.push(readMessage(source.slice(at, at + size)));
        at += size;
      }
      if (whole && at < bytes.length) held.add(bytes.subarray(at));
      if (!whole && at > 0) held.take(at);
      return messages;
    },
    get unfinished() {
      return held.length > 0;
    },
  };
}

/** The prelude has a checksum of its own, so that a damaged length is not believed. */
function messageSize(bytes: Uint8Array, at: number): number {
  if (crc32(bytes, at, at + 8) !== uint32(bytes, at + 8)) throw new RangeError("the prelude of a message does not match its checksum");
  const size = uint32(bytes, at);
  if (size < MIN_MESSAGE_BYTES || size > MAX_MESSAGE_BYTES) throw new RangeError("the length of a message is impossible");
  return size;
}

function readMessage(message: Uint8Array): EventStreamMessage {
  const end = message.length - 4;
  if (crc32(message, 0, end) !== uint32(message, end)) throw new RangeError("a message does not match its checksum");
  const headersEnd = PRELUDE_BYTES + uint32(message, 4);
  if (headersEnd > end) throw new RangeError("the headers of a message are longer than it is");
  return { headers: readHeaders(message, headersEnd), body: message.subarray(headersEnd, end) };
}

/** Bytes of a value by its type; null: its length stands before it. The order is the format's: true, false, byte, short, int, long, bytes, string, timestamp, uuid. */
const VALUE_BYTES: readonly (number | null)[] = [0, 0, 1, 2, 4, 8, null, null, 8, 16];
const STRING = 7;

function readHeaders(message: Uint8Array, end: number): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  let at = PRELUDE_BYTES;
  const take = (bytes: number): number => {
    const from = at;
    at += bytes;
    if (at > end) throw new RangeError("a header of a message is cut off");
    return from;
  };
  while (at < end) {
    const nameLength = message[take(1)] ?? 0;
    const nameAt = take(nameLength);
    const type = message[take(1)] ?? 0;
    const fixed = VALUE_BYTES[type];
    if (fixed === undefined) throw new RangeError("a header of a message has an unknown type");
    const valueLength = fixed ?? uint16(message, take(2));
    const valueAt = take(valueLength);
    if (type === STRING) headers.set(shortText(message, nameAt, nameAt + nameLength), shortText(message, valueAt, valueAt + valueLength));
  }
  return headers;
}

/** Headers are short and ASCII, for which a decoder costs more than the letters. */
function shortText(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte >= 0x80) return toText(bytes.subarray(start, end));
    text += String.fromCharCode(byte);
  }
  return text;
}

function uint16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

function uint32(bytes: Uint8Array, at: number): number {
  return ((uint16(bytes, at) << 16) | uint16(bytes, at + 2)) >>> 0;
}
