import type { DegradedPort, DocumentFetcher } from "../../src/index.ts";
import { createCompareClocks } from "./compare-clocks.ts";
import { Agent, request } from "./undici-parts.ts";

/** Hosts that may be asked in plaintext: nothing leaves the machine. */
const LOOPBACK: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "[::1]"]);

/**
 * Fetches small JSON documents of the control plane. Verifies with the system's roots and `NODE_EXTRA_CA_CERTS`; follows no
 * redirect, so that an issuer's keys come from the place that the manifest names and from no other. With `clocks` the time of each answer is compared with `now`.
 */
export function createDocumentFetcher(clocks: { readonly degraded: DegradedPort; readonly now: () => number } | null = null): DocumentFetcher {
  const compareClocks = clocks === null ? null : createCompareClocks(clocks.degraded, clocks.now);
  const agent = new Agent({ connections: 4, keepAliveTimeout: 10_000, maxHeaderSize: 32_768, allowH2: false });
  return {
    fetchJson: async (uri, { maxBytes, timeoutMs, signal }) => {
      const url = new URL(uri);
      if (url.protocol !== "https:" && !(url.protocol === "http:" && LOOPBACK.has(url.hostname))) {
        throw new Error(`${url.host} may be asked over https only`);
      }
      const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
      const answer = await request(agent, url, { method: "GET", headers: { accept: "application/json" }, signal: limit });
      if (answer.statusCode !== 200) {
        // Destroying it makes it emit an error, which nobody would hear.
        answer.body.on("error", ignore).destroy();
        throw new Error(`${url.host} answered ${answer.statusCode}`);
      }
      compareClocks?.(url.host, answer.headers["date"], answer.headers["age"]);
      const parts: Buffer[] = [];
      let length = 0;
      // Leaving the loop by an error destroys the body.
      for await (const part of answer.body) {
        const bytes: unknown = part;
        if (!(bytes instanceof Uint8Array)) throw new Error("the body is not made of bytes");
        length += bytes.length;
        if (length > maxBytes) throw new Error(`the document at ${url.host} is larger than ${maxBytes} bytes`);
        parts.push(Buffer.from(bytes));
      }
      const document: unknown = JSON.parse(Buffer.concat(parts, length).toString("utf8"));
      return document;
    },
  };
}

function ignore(): void {}
