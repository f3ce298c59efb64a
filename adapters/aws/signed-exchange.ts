import type { Clock, Random } from "../../src/index.ts";
import { readBounded } from "../transport/read-bounded.ts";
import { AwsError } from "./aws-error.ts";
import type { AwsCredentialSource } from "./credentials.ts";
import { errorCodeOf, isRetryable, mayBeClockSkew } from "./error-code.ts";
import { afterReal, LimitReached, pause, withinLimit } from "./within-limit.ts";

export interface SignedExchangeOptions {
  /** The name the service signs with, such as `dynamodb`. */
  readonly service: string;
  readonly region: string;
  readonly credentials: AwsCredentialSource;
  readonly fetch?: typeof fetch;
  /** Times a request is sent at most. */
  readonly attempts?: number;
  /** Milliseconds for one try, from asking for the keys to the answer's last byte. */
  readonly timeoutMs?: number;
  readonly clock?: Pick<Clock, "now" | "after">;
  readonly random?: Random;
}

export interface SignedRequest {
  readonly method: "GET" | "POST";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Null: none. */
  readonly body: string | null;
  /** A longer answer is an error, and is not read to its end. */
  readonly maxBytes: number;
  readonly signal: AbortSignal;
  /** Is shown the body of an answer that says no: it stands in no error. */
  readonly onRefused?: (bytes: Uint8Array) => void;
}

/** An answer of 2xx or 304. */
export interface SignedAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Uint8Array;
  /** Times the request was sent. */
  readonly attempts: number;
}

/** Signs, sends, sends again what may be sent again, follows no redirect. Rejects with `AwsError`. */
export type SignedExchange = (request: SignedRequest) => Promise<SignedAnswer>;

const MAX_ERROR_BYTES = 64 * 1024;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;
/** Clocks that are nearer than this are not why a signature was refused: AWS takes five minutes. Milliseconds. */
const NOTABLE_SKEW_MS = 60_000;
/** A day's keys of a few credentials; more means that they are temporary and the old ones are of no use. */
const MAX_SIGNING_KEYS = 8;

export function createSignedExchange(options: SignedExchangeOptions): SignedExchange {
  const { service, region, credentials, attempts: maxAttempts = 3, timeoutMs = 3_000, random = Math.random } = options;
  const { now, after } = options.clock ?? { now: Date.now, after: afterReal };
  // Called as a function of its own: workerd refuses `fetch` as a method of something else.
  const send: typeof fetch = options.fetch ?? ((input, init) => fetch(input, init));
  const signingKeys = new Map<string, ArrayBuffer>();
  /** What the servers' clock is ahead of ours. Milliseconds. */
  let skewMs = 0;

  async function sendOnce(request: SignedRequest, attempts: number, signal: AbortSignal): Promise<SignedAnswer> {
    const { accessKeyId, secretAccessKey, sessionToken } = await credentials().catch((error: unknown) => {
      throw error instanceof AwsError ? error : new AwsError(service, "CredentialsUnavailable", { status: null, retryable: true, attempts: 0 });
    });
    const { AwsV4Signer } = await import("aws4fetch");
    if (signingKeys.size > MAX_SIGNING_KEYS) signingKeys.clear();
    const signed = await new AwsV4Signer({
      method: request.method,
      url: request.url,
      headers: request.headers,
      service,
      region,
      accessKeyId,
      secretAccessKey,
      cache: signingKeys,
      datetime: new Date(now() + skewMs).toISOString().replace(/[:-]|\.\d{3}/g, ""),
      ...(request.body === null ? {} : { body: request.body }),
      ...(sessionToken === null ? {} : { sessionToken }),
    }).sign();
    const { method, headers, url } = signed;
    const answer = await send(url, { method, headers, body: request.body, redirect: "manual", signal });
    const { status } = answer;
    const good = (status >= 200 && status < 300) || status === 304;
    const bytes = await readBounded(answer, good ? request.maxBytes : MAX_ERROR_BYTES);
    if (good && bytes !== null) return { status, headers: answer.headers, bytes, attempts };
    if (good) throw new AwsError(service, "TooLarge", { status, retryable: false, attempts });
    if (bytes !== null) request.onRefused?.(bytes);
    const code = errorCodeOf(answer.headers, bytes) ?? (status < 400 ? "Redirected" : `Http${status}`);
    throw new RefusedTry(new AwsError(service, code, { status, retryable: isRetryable(status, code), attempts }), answer.headers.get("date"));
  }

  /** What the servers' clock is ahead of ours, when that is why the signature was refused; else null. */
  function newSkew(refused: RefusedTry): number | null {
    if (refused.date === null || !mayBeClockSkew(refused.error.code)) return null;
    const skew = Date.parse(refused.date) - now();
    // A date that is none gives NaN, of which no comparison holds.
    return Math.abs(skew - skewMs) > NOTABLE_SKEW_MS ? skew : null;
  }

  return async (request) => {
    let signedAgain = false;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await withinLimit({ ms: timeoutMs, signal: request.signal, after }, (signal) => sendOnce(request, attempt, signal));
      } catch (thrown) {
        const skew = thrown instanceof RefusedTry ? newSkew(thrown) : null;
        if (skew !== null && !signedAgain) {
          skewMs = skew;
          signedAgain = true;
          continue;
        }
        const error = errorOf(service, thrown, attempt);
        if (!error.retryable || attempt >= maxAttempts || request.signal.aborted) throw error;
        await pause((0.5 + random() / 2) * Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (attempt - 1)), request.signal, after);
      }
    }
  };
}

/** An answer that says no, with the server's date. */
class RefusedTry {
  readonly error: AwsError;
  readonly date: string | null;

  constructor(error: AwsError, date: string | null) {
    this.error = error;
    this.date = date;
  }
}

/** Everything that is thrown becomes an `AwsError` without a cause: causes of `fetch` and of credentials quote addresses and more. */
function errorOf(service: string, thrown: unknown, attempts: number): AwsError {
  if (thrown instanceof RefusedTry) return thrown.error;
  if (thrown instanceof AwsError) return thrown;
  const code = !(thrown instanceof LimitReached) ? "NoAnswer" : thrown.reason === "time" ? "TimeLimit" : "Aborted";
  return new AwsError(service, code, { status: null, retryable: true, attempts });
}
