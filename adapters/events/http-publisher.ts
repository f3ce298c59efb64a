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
  let client: ReturnType<typeof openClient> | null = null;

  /** With the first event, not with the process: a cold start has better things to load. */
  async function openClient() {
    const { Agent, request } = await import("../transport/undici-parts.ts");
    const trust = trustedCertificates === null ? {} : { ca: [...process.getBuiltinModule("node:tls").getCACertificates("default"), trustedCertificates] };
    const times = { headersTimeout: timeoutMs, bodyTimeout: timeoutMs, connect: { timeout: timeoutMs, ...trust } };
    return { agent: new Agent({ connections, pipelining: 1, ...times }), request };
  }

  return createStructuredPublisher(
    {
      async post(body, contentType, signal) {
        client ??= openClient();
        const { agent, request } = await client;
        const answer = await request(agent, new URL(url), { method: "POST", headers: { "content-type": contentType }, body, signal });
        // Read and thrown away within a bound, so that the connection can be used again. The status counts, even if the rest breaks off.
        await answer.body.dump({ limit: MAX_ANSWER_BYTES, signal }).catch(() => undefined);
        return answer.statusCode;
      },
      async close() {
        const opened = await client;
        await opened?.agent.destroy();
      },
    },
    options,
  );
}
