import { AwsError } from "./aws-error.ts";
import { awsHost, readEndpoint } from "./endpoints.ts";
import { createSignedExchange, type SignedExchangeOptions } from "./signed-exchange.ts";

export { AwsError } from "./aws-error.ts";

export interface AwsClientOptions extends SignedExchangeOptions {
  /** Address in place of AWS's own; null or left out: the service's in the region. */
  readonly endpoint?: string | null;
}

export interface AwsCallOptions {
  readonly signal: AbortSignal;
  /** EventBridge and Secrets Manager speak 1.1; DynamoDB and SQS 1.0, which is what it is when left out. */
  readonly contentType?: "application/x-amz-json-1.0" | "application/x-amz-json-1.1";
  /** A longer answer is refused; 1 MiB when left out. */
  readonly maxBytes?: number;
  /** Is shown the body of an answer that says no, since errors never hold what was answered. */
  readonly onRefused?: (bytes: Uint8Array) => void;
}

/** A service of AWS that speaks JSON 1.0 or 1.1. */
export interface AwsClient {
  /**
   * One operation, such as `DynamoDB_20120810.GetItem`. Gives the answer's JSON, or null where it is empty. Rejects with `AwsError`. What
   * is retryable has been sent up to three times by then, so that `body` should name something that does no harm when it is carried out twice.
   */
  call(target: string, body: unknown, options: AwsCallOptions): Promise<unknown>;
}

const MAX_ANSWER_BYTES = 1024 * 1024;

/** Signed calls over `fetch`, on every platform. Throws at once on a region or an endpoint that is none. */
export function createAwsClient(options: AwsClientOptions): AwsClient {
  const { service, region, endpoint = null } = options;
  const url = `${endpoint === null ? `https://${awsHost(service, region)}` : readEndpoint(endpoint)}/`;
  const exchange = createSignedExchange(options);

  return {
    async call(target, body, { signal, contentType = "application/x-amz-json-1.0", maxBytes = MAX_ANSWER_BYTES, onRefused }) {
      const headers = { "content-type": contentType, "x-amz-target": target };
      const { status, bytes, attempts } = await exchange({
        method: "POST",
        url,
        headers,
        body: JSON.stringify(body),
        maxBytes,
        signal,
        ...(onRefused === undefined ? {} : { onRefused }),
      });
      if (bytes.length === 0) return null;
      try {
        return JSON.parse(new TextDecoder().decode(bytes)) as unknown;
      } catch {
        // Without the parser's error, which quotes the text.
        throw new AwsError(service, "Malformed", { status, retryable: false, attempts });
      }
    },
  };
}
