/** What came back in place of an answer. */
export interface AwsErrorDetails {
  /** The HTTP status; null: no answer came. */
  readonly status: number | null;
  /** The same call may succeed later: an outage, or too much at once. */
  readonly retryable: boolean;
  /** Times the request was sent. More than one: an earlier one may have been carried out. */
  readonly attempts: number;
}

/**
 * A call of AWS that failed. Its message holds the service's name and the code, never what was sent or answered; it has no cause, for a
 * cause would.
 */
export class AwsError extends Error {
  override readonly name = "AwsError";
  /**
   * What AWS calls it (`__type` after the `#`), such as `ConditionalCheckFailedException`; or one of ours: `NoAnswer`, `TimeLimit`, `Aborted`,
   * `Redirected`, `TooLarge`, `Malformed`, `CredentialsUnavailable`, `Http<status>`.
   */
  readonly code: string;
  readonly status: number | null;
  readonly retryable: boolean;
  readonly attempts: number;

  constructor(service: string, code: string, details: AwsErrorDetails) {
    super(`AWS ${service}: ${code}${details.status === null ? "" : ` (${details.status})`}`);
    this.code = code;
    this.status = details.status;
    this.retryable = details.retryable;
    this.attempts = details.attempts;
  }
}
