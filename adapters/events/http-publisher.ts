import type { EventPublisher } from "../../src/index.ts";
import type { SinkToken } from "./sink-token.ts";
import { createStructuredPublisher, type StructuredPublisherOptions } from "./structured-publisher.ts";

export interface HttpPublisherOptions extends StructuredPublisherOptions {
  readonly url: string;
  /** PEM of authorities that are trusted beside the system's (`K_CA_CERTS`). */
  readonly trustedCertificates?: string | null;
  /** Shown to the receiver as a bearer token; left out: nothing is. */
  readonly token?: SinkToken;
  /** Connections at the same time; more publishes wait for one. */
  readonly connections?: number;
}

const MAX_ANSWER_BYTES = 64 * 1024;

/** CloudEvents to one URL from Node, over kept connections. `close` cuts what is on its way. */
export function createHttpPublisher(options: HttpPublisherOptions): EventPublisher {
  const { url, trustedCertificates = null, token = async () => null, connections = 8, timeoutMs = 10_000 } = options;
  let client: ReturnType<typeof openClient> | null = null;

  /** With the first event, not with the process: a cold start has better things to load. */
  async function openClient() {
    const { Agent, request } = await import("../transport/undici-parts.ts");
    const trust = trustedCertificates === null ? {} : { ca: [...process.getBuiltinModule("node:tls").getCACertificates("default"), trustedCertificates] };
    const times = { headersTimeout: timeoutMs, bodyTimeout: timeoutMs, connect: { timeout: timeoutMs, ...trust } };
    return { agent: new Agent({ connections, pipelining: 1, ...times }), request };
  }

  async function send(body: string, contentType: string, shown: string | null, signal: AbortSignal): Promise<number> {
    client ??= openClient();
    const { agent, request } = await client;
    const headers = { "content-type": contentType, ...(shown === null ? {} : { authorization: `Bearer ${shown}` }) };
    const answer = await request(agent, new URL(url), { method: "POST", headers, body, signal });
    // Read and thrown away within a bound, so that the connection can be used again. The status counts, even if the rest breaks off.
    await answer.body.dump({ limit: MAX_ANSWER_BYTES, signal }).catch(() => undefined);
    return answer.statusCode;
  }

  return createStructuredPublisher(
    {
      async post(body, contentType, signal) {
        const shown = await token(false);
        const status = await send(body, contentType, shown, signal);
        if (status !== 401 || shown === null) return status;
        // It has been renewed, perhaps, since it was read.
        return send(body, contentType, await token(true), signal);
      },
      async close() {
        const opened = await client;
        await opened?.agent.destroy();
      },
    },
    options,
  );
}
