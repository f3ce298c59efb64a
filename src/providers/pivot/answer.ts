import type { Usage } from "../../model/operation.ts";
import type { Block, Citation, WireApi } from "./block.ts";
import type { PivotError } from "./error.ts";

/** A whole answer of a model in no API's own words. One choice: more than one is never translated. */
export interface PivotAnswer {
  readonly id: string | null;
  /** The model that served, as the provider named it. */
  readonly model: string | null;
  /** Seconds since the Unix epoch; null: the API does not say. */
  readonly created: number | null;
  readonly blocks: readonly Block[];
  readonly finish: Finish;
  readonly usage: Usage | null;
}

export interface Finish {
  readonly reason: FinishReason;
  /** Which stop sequence ended it; null: none, or not told. */
  readonly stopSequence: string | null;
  /** The provider's own word, for telemetry and for what has no equal. */
  readonly raw: string | null;
  /** Why it refused or was filtered, in the provider's words; null: not told. */
  readonly detail: string | null;
}

/** `pause`: the provider wants to be called again with what it said (Anthropic `pause_turn`). `context`: the model's window is full. `malformed`: the provider gave the answer up, most often over a tool call that it could not read. */
export type FinishReason = "stop" | "stop_sequence" | "length" | "tool_calls" | "content_filter" | "refusal" | "pause" | "context" | "malformed";

/** What a block is when its first piece arrives; the pieces follow as deltas with the same `index`. */
export type OpenedBlock =
  | { readonly kind: "text" }
  | { readonly kind: "refusal" }
  | { readonly kind: "reasoning"; readonly id: string | null; readonly summary: boolean; readonly origin: WireApi | null }
  | { readonly kind: "redacted_reasoning"; readonly data: string; readonly origin: WireApi | null }
  | { readonly kind: "tool_call"; readonly id: string; readonly name: string; readonly signature: string | null }
  | { readonly kind: "server_tool"; readonly value: Readonly<Record<string, unknown>> };

/**
 * An answer as it comes. Order: one `start`; blocks, each `open`, its deltas, `close`, with indexes 0, 1, 2 … that count all blocks
 * (several may be open at once, since OpenAI interleaves tool calls); `usage` any number of times, each replacing what it names;
 * one `finish`; one `end`. An `error` ends everything: nothing follows it.
 */
export type PivotEvent =
  | { readonly kind: "start"; readonly id: string | null; readonly model: string | null; readonly created: number | null; readonly usage: Usage | null }
  | { readonly kind: "open"; readonly index: number; readonly block: OpenedBlock }
  | { readonly kind: "text"; readonly index: number; readonly text: string }
  /** Pieces of a tool call's JSON text. */
  | { readonly kind: "arguments"; readonly index: number; readonly text: string }
  /** Set, not added: the signature of a reasoning block or a tool call. */
  | { readonly kind: "signature"; readonly index: number; readonly signature: string }
  | { readonly kind: "citation"; readonly index: number; readonly citation: Citation }
  | { readonly kind: "close"; readonly index: number }
  | { readonly kind: "usage"; readonly usage: Usage }
  | { readonly kind: "finish"; readonly finish: Finish }
  /** The provider says it is alive. */
  | { readonly kind: "ping" }
  | { readonly kind: "error"; readonly error: PivotError }
  /** The API's own end of a good stream was seen. Without it the answer is broken. */
  | { readonly kind: "end" };
