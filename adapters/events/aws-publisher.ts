import { type EventPublisher, PublishError } from "../../src/index.ts";
import { type AwsClient, AwsError } from "../aws/aws-client.ts";
import { type EntryFault, publishInRequests, type RequestLimits, type WrittenEvent } from "./publish-in-requests.ts";

/** One operation of an AWS service that takes a batch and answers for each entry. */
export interface AwsBatchOperation {
  /** What errors call it. */
  readonly sink: string;
  readonly target: string;
  readonly contentType: "application/x-amz-json-1.0" | "application/x-amz-json-1.1";
  readonly limits: RequestLimits;
  bodyOf(entries: readonly WrittenEvent[]): Promise<unknown>;
  /** Faults of single entries; whatever the answer does not speak of has not been taken. */
  faultsOf(answer: unknown, entries: readonly WrittenEvent[]): readonly EntryFault[];
}

/** A publisher over one operation. The client tries again by itself what is throttled; its limits hold for each try. */
export function createAwsPublisher(client: AwsClient, operation: AwsBatchOperation): EventPublisher {
  const { sink, target, contentType, limits } = operation;
  const stop = new AbortController();
  return {
    maxBatch: limits.events,
    publish: (events, signal) =>
      publishInRequests(sink, events, limits, async (entries) => {
        if (stop.signal.aborted) throw new PublishError("the publisher is closed", true);
        if (signal.aborted) throw new PublishError("the send was cancelled", true);
        const body = await operation.bodyOf(entries);
        let answer: unknown;
        try {
          answer = await client.call(target, body, { contentType, signal: AbortSignal.any([signal, stop.signal]) });
        } catch (error) {
          throw publishErrorOf(error);
        }
        return operation.faultsOf(answer, entries);
      }),
    close: async () => stop.abort(),
  };
}

/** Not faults of the events: the caller's will, an answer that a proxy has spoilt, keys or permissions that come later. */
const PASSING: ReadonlySet<string> = new Set([
  "Aborted",
  "Malformed",
  "CredentialsUnavailable",
  "AccessDenied",
  "AccessDeniedException",
  "ExpiredToken",
  "ExpiredTokenException",
  "IncompleteSignature",
  "InvalidClientTokenId",
  "InvalidSignatureException",
  "MissingAuthenticationTokenException",
  "SignatureDoesNotMatch",
  "UnrecognizedClientException",
]);

function publishErrorOf(error: unknown): PublishError {
  // What is no answer of AWS says nothing against the events.
  if (!(error instanceof AwsError)) return new PublishError("the call failed", true);
  return new PublishError(error.code, error.retryable || PASSING.has(error.code));
}

/** A code that AWS gave; anything longer or stranger is not repeated. */
export function codeOf(value: unknown): string {
  return typeof value === "string" && /^[\w.]{1,100}$/.test(value) ? value : "not taken";
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
