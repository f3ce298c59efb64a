import type { StreamCodec } from "../model/codec.ts";
import type { DialectWire, WireError } from "../model/dialect-wire.ts";
import type { AnswerFacts, Operation } from "../model/operation.ts";
import { createJsonTap } from "./json-tap.ts";
import { createStreamTap } from "./stream-tap.ts";

/** Watches an answer pass and says afterwards what it told about itself. */
export interface Tap extends StreamCodec {
  /** What is known so far; call it when the answer is over, however it ended. Null: unknown. */
  facts(): AnswerFacts | null;
  /** About how many characters of what the model says have passed; of a long stream by its latest part. Null: nobody looked. To be asked only when the answer broke off or told no usage. */
  spokenBytes(): number | null;
}

export interface TapOptions {
  /** The answer's content-type is `text/event-stream`. */
  readonly streaming: boolean;
  readonly status: number;
  /** Usage was asked for in the caller's place: its event stays here. */
  readonly hideUsageOnlyEvent: boolean;
  /** Null when the bytes are as they mean. */
  readonly contentEncoding: string | null;
  /** Makes the error that a broken stream ends with. */
  error(message: string): WireError;
}

/** The right tap for an answer. What is compressed, of an unknown API or no success passes unseen. */
export function createTap(wire: DialectWire | null, operation: Operation, options: TapOptions): Tap {
  if (wire === null || options.contentEncoding !== null) return UNSEEN;
  if (options.streaming) return createStreamTap(wire, operation, options);
  return options.status >= 200 && options.status < 300 ? createJsonTap(wire, operation) : UNSEEN;
}

const UNSEEN: Tap = {
  chunk: (bytes) => bytes,
  end: () => ({ bytes: null, complete: true }),
  fail: () => null,
  facts: () => null,
  spokenBytes: () => null,
};
