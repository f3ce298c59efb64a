/** A provider's error in no API's own words. */
export interface PivotError {
  /** HTTP status as the provider gave it; for an error inside a stream what it would have been. */
  readonly status: number;
  readonly kind: PivotErrorKind;
  /** The provider's sentence; may quote the request. The broker's own credential is redacted before it is read here. */
  readonly message: string;
  /** The provider's own code or type, such as `context_length_exceeded`; null: none. */
  readonly code: string | null;
  /** The field that is wrong, in the provider's words; null: not told. */
  readonly param: string | null;
  /** Milliseconds after which a new try makes sense; null: not told. */
  readonly retryAfterMs: number | null;
  readonly requestId: string | null;
}

export type PivotErrorKind =
  | "invalid_request"
  | "context_length"
  | "content_policy"
  | "authentication"
  | "permission"
  | "not_found"
  | "too_large"
  | "rate_limit"
  /** 429 that waiting does not mend. */
  | "quota"
  | "overloaded"
  | "timeout"
  | "server";
