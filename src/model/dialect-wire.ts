import type { RefusalCode } from "./errors.ts";
import type { AnswerFacts, Dialect, Operation } from "./operation.ts";

/** What the broker must know of a wire API to stand in its stream: one object per dialect in `providers/<dialect>/wire.ts`. */
export interface DialectWire {
  readonly dialect: Dialect;
  /** The error envelope that this API's SDKs parse, as JSON text. */
  errorBody(error: WireError): string;
  /** The same as a stream event, complete with its blank line. */
  errorEvent(error: WireError, operation: Operation): string;
  /** Whether a complete first SSE event is an error rather than the start of an answer. */
  isErrorEvent(eventName: string | null, data: string): boolean;
  /** Whether this event is the one that ends a good stream (`[DONE]`, `message_stop`, `response.completed` …). */
  isEndEvent(eventName: string | null, data: string, operation: Operation): boolean;
  /** True for the chunk that carries nothing but usage, which a caller that did not ask must not see. */
  isUsageOnlyEvent(data: string): boolean;
  /** Reads usage and identity from a whole JSON answer (parsed). */
  readAnswer(answer: unknown, operation: Operation): AnswerFacts | null;
  /** Folds one parsed stream event into what is known so far. */
  readEvent(event: unknown, known: AnswerFacts | null, operation: Operation): AnswerFacts | null;
}

export interface WireError {
  readonly status: number;
  readonly code: RefusalCode;
  readonly message: string;
  readonly requestId: string;
}
