/** Codes of AWS for too much at once and for faults that pass, whatever the status. 429 and 5xx count as such without a code. */
const RETRYABLE: ReadonlySet<string> = new Set([
  "BandwidthLimitExceeded",
  "InternalError",
  "InternalFailure",
  "InternalServerError",
  "InternalServiceError",
  "PriorRequestNotComplete",
  "ProvisionedThroughputExceededException",
  "RequestLimitExceeded",
  "RequestThrottled",
  "RequestThrottledException",
  "RequestTimeout",
  "RequestTimeoutException",
  "ServiceUnavailable",
  "SlowDown",
  "ThrottledException",
  "Throttling",
  "ThrottlingException",
  "TooManyRequestsException",
  "TransactionInProgressException",
]);

/** Codes that a clock which is wrong brings about; most have other reasons too. */
const CLOCK_SKEW: ReadonlySet<string> = new Set([
  "AuthFailure",
  "InvalidSignatureException",
  "RequestExpired",
  "RequestInTheFuture",
  "RequestTimeTooSkewed",
  "SignatureDoesNotMatch",
]);

export function isRetryable(status: number, code: string): boolean {
  return status === 429 || status >= 500 || RETRYABLE.has(code);
}

export function mayBeClockSkew(code: string): boolean {
  return CLOCK_SKEW.has(code);
}

/** The code in an error's answer: JSON's `__type` after the `#`, the header of REST services, or S3's XML. Null: there is none. `bytes` null: too long to be read. */
export function errorCodeOf(headers: Headers, bytes: Uint8Array | null): string | null {
  const text = new TextDecoder().decode(bytes ?? new Uint8Array(0));
  const named = headers.get("x-amzn-errortype") ?? typeOf(text) ?? /<Code>([^<]*)<\/Code>/.exec(text)?.[1] ?? null;
  // `com.amazon.coral.service#ThrottlingException:http://internal.amazon.com/…`
  const code = named?.split(":")[0]?.split("#").at(-1)?.trim() ?? "";
  // It goes into messages: nothing but a name.
  return /^[\w.]{1,80}$/.test(code) ? code : null;
}

function typeOf(text: string): string | null {
  if (!text.startsWith("{")) return null;
  try {
    const document: unknown = JSON.parse(text);
    if (typeof document !== "object" || document === null) return null;
    const type = "__type" in document ? document.__type : "code" in document ? document.code : null;
    return typeof type === "string" ? type : null;
  } catch {
    return null;
  }
}
