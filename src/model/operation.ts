/** The wire APIs that the broker knows by name. Anything else is plain HTTP and passes through. */
export type Dialect = "openai" | "anthropic";

/** What a call asks for, read from its method and path. `other` is plain HTTP. */
export type OperationName =
  | "chat"
  | "completions"
  | "responses"
  | "embeddings"
  | "messages"
  | "count_tokens"
  | "models"
  | "realtime"
  /** Amazon Bedrock, whose model is in the path; so it is with Google's. */
  | "converse"
  | "invoke_model"
  | "generate_content"
  | "other";

export interface Operation {
  readonly name: OperationName;
  /** Null for `other`, and for APIs that pass untouched. */
  readonly dialect: Dialect | null;
  /** True for calls that ask a model for something: they may be tried again although POST is not idempotent (DESIGN: failover law). */
  readonly inference: boolean;
  /** The tail of the path that names the operation, such as `/chat/completions`; empty for `other`. */
  readonly suffix: string;
}

/** What one call used, as the provider reported it. Null is unknown, never 0. Whoever knows only some of it begins with `UNKNOWN_USAGE`. */
export interface Usage {
  /** All input tokens: cached ones, audio and images included. */
  readonly inputTokens: number | null;
  /** All output tokens: reasoning, audio, images and predictions that were not taken included. */
  readonly outputTokens: number | null;
  readonly cacheReadTokens: number | null;
  /** However long they are kept. */
  readonly cacheWriteTokens: number | null;
  /** Part of `cacheWriteTokens`: those that are kept for an hour, which cost more than those of five minutes. */
  readonly cacheWriteHourTokens: number | null;
  /** Part of `outputTokens`. */
  readonly reasoningTokens: number | null;
  readonly audioInputTokens: number | null;
  readonly audioOutputTokens: number | null;
  /** Part of both `cacheReadTokens` and `audioInputTokens`. */
  readonly cacheReadAudioTokens: number | null;
  readonly imageInputTokens: number | null;
  readonly imageOutputTokens: number | null;
  /** Searches that the provider itself ran, and charges for one by one. */
  readonly webSearches: number | null;
  readonly serviceTier: ServiceTier | null;
  /** Where the provider says that it ran, in its own word (Anthropic's `inference_geo`): it may charge more there. */
  readonly processedIn: string | null;
}

/**
 * How a call was served, in one word for all providers. `prepaid`: out of capacity that was bought beforehand, so that tokens have no price of their own.
 * `other`: a word that is not known here.
 */
export type ServiceTier = "standard" | "flex" | "priority" | "batch" | "fast" | "prepaid" | "other";

export const UNKNOWN_USAGE: Usage = {
  inputTokens: null,
  outputTokens: null,
  cacheReadTokens: null,
  cacheWriteTokens: null,
  cacheWriteHourTokens: null,
  reasoningTokens: null,
  audioInputTokens: null,
  audioOutputTokens: null,
  cacheReadAudioTokens: null,
  imageInputTokens: null,
  imageOutputTokens: null,
  webSearches: null,
  serviceTier: null,
  processedIn: null,
};

/** What the answer told about itself while it passed. */
export interface AnswerFacts {
  readonly usage: Usage | null;
  readonly responseModel: string | null;
  readonly responseId: string | null;
  readonly finishReasons: readonly string[];
}
