import { getCACertificates } from "node:tls";
import { Agent, request } from "undici";
import type { EventPublisher } from "../../src/index.ts";
import { createStructuredPublisher, type StructuredPublisherOptions } from "./structured-publisher.ts";

export interface HttpPublisherOptions extends StructuredPublisherOptions {
  readonly url: string;
  /** PEM of authorities that are trusted beside the system's (`K_CA_CERTS`). */
  readonly trustedCertificates?: string | null;
  /** Connections at the same time; more publishes wait for one. */
  readonly connections?: number;
}

const MAX_ANSWER_BYTES = 64 * 1024;

/** CloudEvents to one URL from Node, over kept connections. `close` cuts what is on its way. */
export function createHttpPublisher(options: HttpPublisherOptions): EventPublisher {
  const { url, trustedCertificates = null, connections = 8, timeoutMs = 10_000 } = options;
  const agent = new Agent({
    connections,
    pipelining: 1,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    connect: { timeout: timeoutMs, ...(trustedCertificates === null ? {} : { ca: [...getCACertificates("default"), trustedCertificates] }) },
  });
  return createStructuredPublisher(
    {
      async post(body, contentType, signal) {
        const answer = await request(url, { method: "POST", headers: { "content-type": contentType }, body, dispatcher: agent, signal });
        // Read and thrown away within a bound, so that the connection can be used again. The status counts, even if the rest breaks off.
        await answer.body.dump({ limit: MAX_ANSWER_BYTES, signal }).catch(() => undefined);
        return answer.statusCode;
      },
      close: () => agent.destroy(),
    },
    options,
  );
}
