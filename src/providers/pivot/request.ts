import type { Block, CacheMark, WireApi } from "./block.ts";

/** A call of a model in no API's own words. `null` is "the caller said nothing", everywhere. */
export interface PivotRequest {
  /** Which API the caller spoke. */
  readonly from: WireApi;
  /** As the caller wrote it; the encoder gets the name for the upstream beside it. */
  readonly model: string | null;
  readonly stream: boolean;
  /** The caller wants the usage in the stream (OpenAI chat leaves it out otherwise). */
  readonly wantsUsage: boolean;
  /** Instructions before the first turn. `developer` is the same. */
  readonly system: readonly SystemBlock[];
  readonly turns: readonly Turn[];
  readonly tools: readonly Tool[];
  readonly toolChoice: ToolChoice | null;
  readonly parallelToolCalls: boolean | null;
  readonly format: OutputFormat | null;
  readonly reasoning: ReasoningWish | null;
  readonly sampling: Sampling;
  /** Upper bound of what is written, thought included. */
  readonly maxOutputTokens: number | null;
  readonly stop: readonly string[];
  /** A pseudonym of the end user (OpenAI `user` and `safety_identifier`, Anthropic `metadata.user_id`). */
  readonly user: string | null;
  /** Everything else the caller's body said: top-level names with their values, in the caller's dialect. Encoders of the same API family may take them; others must declare or refuse each. */
  readonly extras: Readonly<Record<string, unknown>>;
}

export interface SystemBlock {
  readonly text: string;
  readonly cache: CacheMark | null;
}

/** Tool results stand in `user` turns, as the caller ordered them. `system` is one in the middle of the conversation. Neighbours may have the same role. */
export interface Turn {
  readonly role: "user" | "assistant" | "system";
  readonly blocks: readonly Block[];
  /** OpenAI's `name` of a participant. */
  readonly name: string | null;
}

export type Tool =
  | {
      readonly kind: "function";
      readonly name: string;
      readonly description: string | null;
      /** JSON Schema; null: takes nothing. */
      readonly parameters: Readonly<Record<string, unknown>> | null;
      readonly strict: boolean | null;
      readonly cache: CacheMark | null;
    }
  /** A tool that the provider runs itself: only the same API can be asked for it. */
  | { readonly kind: "server"; readonly origin: WireApi; readonly value: Readonly<Record<string, unknown>> };

export type ToolChoice =
  | { readonly kind: "none" | "auto" | "required" }
  | { readonly kind: "tool"; readonly name: string }
  /** Only these may be called; `required`: one of them must be. */
  | { readonly kind: "allowed"; readonly names: readonly string[]; readonly required: boolean };

export type OutputFormat =
  | { readonly kind: "text" }
  | { readonly kind: "json" }
  | {
      readonly kind: "json_schema";
      readonly name: string | null;
      readonly description: string | null;
      readonly schema: Readonly<Record<string, unknown>>;
      readonly strict: boolean | null;
    };

export interface ReasoningWish {
  /** False: the caller asked for none. */
  readonly enabled: boolean;
  /** OpenAI's words; `max` is Anthropic's. Null: the provider's own. */
  readonly effort: "none" | "minimal" | "low" | "medium" | "high" | "xhigh" | "max" | null;
  /** Tokens of thought (Anthropic `budget_tokens`, Gemini `thinkingBudget`); null: none named. */
  readonly budgetTokens: number | null;
  /** The provider chooses (Anthropic `adaptive`). */
  readonly adaptive: boolean;
  /** The caller wants to see the thought or a summary of it; null: nothing said. */
  readonly show: boolean | null;
}

export interface Sampling {
  readonly temperature: number | null;
  readonly topP: number | null;
  readonly topK: number | null;
  readonly seed: number | null;
  readonly frequencyPenalty: number | null;
  readonly presencePenalty: number | null;
  /** OpenAI `n`, Gemini `candidateCount`; null: one. */
  readonly choices: number | null;
  readonly logprobs: boolean | null;
  readonly topLogprobs: number | null;
  readonly logitBias: Readonly<Record<string, number>> | null;
}
