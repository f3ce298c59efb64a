import { type EventPublisher, PublishError } from "../../src/index.ts";
import { publishInRequests } from "./publish-in-requests.ts";

/** How structured events get to an HTTP receiver. */
export interface StructuredPost {
  /** Posts a body and gives the status; rejects when there was none. */
  post(body: string, contentType: string, signal: AbortSignal): Promise<number>;
  close(): Promise<void>;
}

export interface StructuredPublisherOptions {
  /** Sends several events in one request. Knative brokers, among others, take single events only. */
  readonly batched?: boolean;
  /** Milliseconds for one request. */
  readonly timeoutMs?: number;
}

const MAX_BATCH = 100;
const MAX_BATCH_BYTES = 256 * 1024;

/**
 * What CloudEvents senders try again (Knative's delivery table): a receiver that is not there yet, or not now. And 401 and 403: a token that has run out
 * says nothing against the events, and answers that were paid for must not end among the dead letters for it. Redirects are not followed, so that they refuse.
 */
const RETRIED: ReadonlySet<number> = new Set([401, 403, 404, 408, 409, 425, 429]);

/** CloudEvents over HTTP in structured mode: one a request, or a batch where asked for. Each answer with 2xx is an acknowledgement. */
export function createStructuredPublisher(wire: StructuredPost, options: StructuredPublisherOptions): EventPublisher {
  const { batched = false, timeoutMs = 10_000 } = options;
  // A single event may be as large as the receiver likes; it answers 413 to more.
  const limits = { events: batched ? MAX_BATCH : 1, bytes: MAX_BATCH_BYTES, eventBytes: Number.POSITIVE_INFINITY, overhead: 1 };
  let closed = false;

  async function post(body: string, contentType: string, signal: AbortSignal): Promise<void> {
    if (closed) throw new PublishError("the publisher is closed", true);
    if (signal.aborted) throw new PublishError("the send was cancelled", true);
    const timeout = AbortSignal.timeout(timeoutMs);
    let status: number;
    try {
      status = await wire.post(body, `${contentType}; charset=utf-8`, AbortSignal.any([signal, timeout]));
    } catch (error) {
      if (closed || signal.aborted) throw new PublishError("the send was cancelled", true);
      if (timeout.aborted) throw new PublishError(`no answer within ${timeoutMs} ms`, true);
      throw new PublishError(`the receiver cannot be reached (${codeOf(error)})`, true);
    }
    if (status >= 200 && status < 300) return;
    throw new PublishError(`HTTP ${status}`, RETRIED.has(status) || status >= 500);
  }

  return {
    maxBatch: limits.events,
    publish: (events, signal) =>
      publishInRequests("event sink", events, limits, async (entries) => {
        const [first] = entries;
        if (first !== undefined && entries.length === 1) await post(first.text, "application/cloudevents+json", signal);
        else await post(`[${entries.map(({ text }) => text).join(",")}]`, "application/cloudevents-batch+json", signal);
        return [];
      }),
    async close() {
      closed = true;
      await wire.close();
    },
  };
}

/** A code such as ECONNREFUSED; never the error's own text, which may hold the address with its query. */
function codeOf(error: unknown): string {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : null;
  return typeof code === "string" && /^\w{1,64}$/.test(code) ? code : "no reason given";
}
