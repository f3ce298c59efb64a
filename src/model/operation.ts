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

/** Tokens used by one call, as the provider reported them. Null is unknown, never 0. */
export interface Usage {
  /** All input tokens, cached ones included. */
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
  readonly cacheReadTokens: number | null;
  readonly cacheWriteTokens: number | null;
  /** Part of `outputTokens`. */
  readonly reasoningTokens: number | null;
}

/** What the answer told about itself while it passed. */
export interface AnswerFacts {
  readonly usage: Usage | null;
  readonly responseModel: string | null;
  readonly responseId: string | null;
  readonly finishReasons: readonly string[];
}
