import { compactPieces } from "../lib/compact-pieces.ts";
import { parseJson } from "../lib/json-value.ts";
import { joinBytes, toText } from "../lib/utf8.ts";
import type { DialectWire } from "../model/dialect-wire.ts";
import type { AnswerFacts, Operation } from "../model/operation.ts";
import { findUsage, PARSE_BYTES } from "./find-usage.ts";
import type { Tap } from "./tap.ts";

/** Of a larger answer only this much of its end is kept: every API puts its usage there. */
const TAIL_BYTES = 64 * 1024;
const MAX_PIECES = 256;

/** A whole JSON answer: bytes pass as they are, references to them are kept, and they are read once, when the answer is over. */
export function createJsonTap(wire: DialectWire, operation: Operation): Tap {
  let kept: Uint8Array[] = [];
  let bytes = 0;
  let whole = true;
  let passed = 0;
  let known: AnswerFacts | null | undefined;

  const keep = (piece: Uint8Array): void => {
    kept.push(piece);
    bytes += piece.length;
    passed += piece.length;
    if (bytes > PARSE_BYTES) whole = false;
    if (!whole) {
      for (let oldest = kept[0]; oldest !== undefined && bytes - oldest.length >= TAIL_BYTES; oldest = kept[0]) {
        kept.shift();
        bytes -= oldest.length;
      }
    }
    // Many tiny pieces become one: an array of one-byte views would weigh a hundred times its bytes.
    if (kept.length > MAX_PIECES) kept = [joinBytes(kept)];
  };
  const read = (): AnswerFacts | null => {
    const joined = joinBytes(kept);
    kept = [];
    if (whole) return wire.readAnswer(parseJson(toText(joined)), operation);
    const usage = findUsage(joined.subarray(Math.max(0, joined.length - TAIL_BYTES)));
    return usage === null ? null : wire.readAnswer({ usage }, operation);
  };

  return {
    chunk(piece) {
      keep(piece);
      return piece;
    },
    end: () => ({ bytes: null, complete: true }),
    // A JSON document has no place for an error once it has begun: the framing tells that it broke.
    fail: () => null,
    facts() {
      if (known === undefined) known = read();
      return known;
    },
    // A document is mostly what the model says.
    spokenBytes: () => passed,
    compact: () => compactPieces(kept),
  };
}
