import type { DocumentFetcher } from "../../src/index.ts";
import { readBounded } from "./read-bounded.ts";

/** Fetches small JSON documents of the control plane over the platform's `fetch`: https only, no redirects, bounded in size and time. */
export function createFetchDocumentFetcher(): DocumentFetcher {
  return {
    fetchJson: async (uri, { maxBytes, timeoutMs, signal }) => {
      const url = new URL(uri);
      if (url.protocol !== "https:") throw new Error(`${url.host} may be asked over https only`);
      signal.throwIfAborted();
      const controller = new AbortController();
      const stop = (): void => controller.abort();
      const timer = setTimeout(stop, timeoutMs);
      signal.addEventListener("abort", stop);
      try {
        const answer = await fetch(url, { headers: { accept: "application/json" }, redirect: "manual", cache: "no-store", signal: controller.signal });
        if (answer.status !== 200) {
          await answer.body?.cancel();
          throw new Error(`${url.host} answered ${answer.status}`);
        }
        const bytes = await readBounded(answer, maxBytes);
        if (bytes === null) throw new Error(`the document at ${url.host} is larger than ${maxBytes} bytes`);
        const document: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
        return document;
      } finally {
        clearTimeout(timer);
        signal.removeEventListener("abort", stop);
      }
    },
  };
}
