import { holdBytes } from "./held-bytes.ts";
import { toText } from "./utf8.ts";

const LF = 0x0a;
const CR = 0x0d;

/** One event of a stream: its bytes, the blank line included, and what they say. */
export interface SseEvent {
  readonly bytes: Uint8Array;
  /** The `event` field; null when there is none. */
  readonly name: string | null;
  /** The `data` lines joined by line feeds; null for a block without data (comments, `retry`): it is no event. */
  readonly data: string | null;
}

/** One past the blank line that ends the block beginning at `from`, or -1 when the block is not complete. */
export function blockEnd(bytes: Uint8Array, from: number): number {
  let lineStart = from;
  for (let at = from; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (byte !== LF && byte !== CR) continue;
    const blank = at === lineStart;
    if (byte === CR && bytes[at + 1] === LF) at += 1;
    if (blank) return at + 1;
    lineStart = at + 1;
  }
  return -1;
}

/** The same for bytes without carriage returns, as nearly all are: the engine looks for line feeds faster than a loop. */
function plainBlockEnd(bytes: Uint8Array, from: number): number {
  let lineStart = from;
  for (;;) {
    const at = bytes.indexOf(LF, lineStart);
    if (at < 0) return -1;
    if (at === lineStart) return at + 1;
    lineStart = at + 1;
  }
}

/**
 * One past the last blank line in the first `length` bytes, 0 when there is none beyond `floor`. Looks from the back, so
 * the usual chunk, which ends with its event, costs two bytes. A carriage return at the very end does not count: a line
 * feed may still follow that belongs to it.
 */
export function lastBlockEnd(bytes: Uint8Array, length: number, floor: number): number {
  for (let end = length; end > floor; end -= 1) {
    const byte = bytes[end - 1];
    let terminator = end - 1;
    if (byte === LF) {
      if (end > 1 && bytes[end - 2] === CR) terminator = end - 2;
    } else if (byte !== CR || end === length || bytes[end] === LF) {
      continue;
    }
    if (terminator === 0) return end;
    const before = bytes[terminator - 1];
    if (before === LF || before === CR) return end;
  }
  return 0;
}

/** The blocks of bytes that begin where a block begins; what follows the last blank line is the last block. */
export function splitBlocks(bytes: Uint8Array): Uint8Array[] {
  const blocks: Uint8Array[] = [];
  const plain = !bytes.includes(CR);
  let from = 0;
  while (from < bytes.length) {
    const end = plain ? plainBlockEnd(bytes, from) : blockEnd(bytes, from);
    blocks.push(bytes.subarray(from, end < 0 ? bytes.length : end));
    if (end < 0) break;
    from = end;
  }
  return blocks;
}

/** Reads one block (WHATWG HTML, 9.2.6). A byte order mark before it is passed over. */
export function readEvent(block: Uint8Array): SseEvent {
  let name: string | null = null;
  let data: string | null = null;
  const text = toText(block);
  const plain = !text.includes("\r");
  let from = text.charCodeAt(0) === 0xfeff ? 1 : 0;
  while (from < text.length) {
    const end = plain ? nextLine(text, from) : lineEnd(text, from);
    const line = text.slice(from, end);
    if (line.startsWith("data")) {
      const value = fieldValue(line, 4);
      if (value !== null) data = data === null ? value : `${data}\n${value}`;
    } else if (line.startsWith("event")) {
      name = fieldValue(line, 5) ?? name;
    }
    from = text.charCodeAt(end) === CR && text.charCodeAt(end + 1) === LF ? end + 2 : end + 1;
  }
  return { bytes: block, name: name === "" ? null : name, data };
}

/** Where the line ends in a text without carriage returns, as nearly all are. */
function nextLine(text: string, from: number): number {
  const end = text.indexOf("\n", from);
  return end < 0 ? text.length : end;
}

function lineEnd(text: string, from: number): number {
  let end = from;
  while (end < text.length && text.charCodeAt(end) !== LF && text.charCodeAt(end) !== CR) end += 1;
  return end;
}

/** What follows the field's name; null when the line is another, longer field. */
function fieldValue(line: string, length: number): string | null {
  if (line.length === length) return "";
  if (line.charCodeAt(length) !== 0x3a) return null;
  return line.slice(line.charCodeAt(length + 1) === 0x20 ? length + 2 : length + 1);
}

/** Cuts a stream of bytes only where events end. */
export interface EventBoundary {
  /**
   * The bytes up to the end of the last complete event, those held from before included; null when there are none. The
   * same array when it ends with an event, which is the usual case. Lines of comments are not held.
   */
  push(bytes: Uint8Array): Uint8Array | null;
  /** What is held of an unfinished event; null when nothing is. */
  rest(): Uint8Array | null;
  /** True once an event was larger than the bound: from then on bytes pass as they come, wherever events end. */
  readonly overflowed: boolean;
}

/** Holds at most `maxEventBytes` and one chunk. Work is linear in the bytes, however small the chunks (T18). */
export function createEventBoundary(maxEventBytes: number): EventBoundary {
  const held = holdBytes();
  let overflowed = false;

  return {
    push(bytes) {
      if (bytes.length === 0) return null;
      if (overflowed) return bytes;
      if (held.length === 0) {
        const end = pastComments(bytes, lastBlockEnd(bytes, bytes.length, 0));
        if (end === bytes.length) return bytes;
        held.add(bytes.subarray(end));
        if (held.length > maxEventBytes) {
          overflowed = true;
          held.clear();
          return bytes;
        }
        return end === 0 ? null : bytes.subarray(0, end);
      }
      const before = held.length;
      held.add(bytes);
      // A carriage return that was the last byte before may turn out to have ended an event.
      const end = lastBlockEnd(held.view(), held.length, before - 1);
      if (held.length - end > maxEventBytes) {
        overflowed = true;
        return held.take(held.length);
      }
      return end === 0 ? null : held.take(end);
    },
    rest: () => (held.length === 0 ? null : held.view().slice()),
    get overflowed() {
      return overflowed;
    },
  };
}

/** Moves `from` over whole comment lines: heartbeats such as `:\n` must not wait for a blank line that comes with the next event. */
function pastComments(bytes: Uint8Array, from: number): number {
  let at = from;
  while (bytes[at] === 0x3a) {
    let end = at;
    while (end < bytes.length && bytes[end] !== LF) end += 1;
    if (end === bytes.length) return at;
    at = end + 1;
  }
  return at;
}
