import type { EventPublisher } from "../../src/index.ts";
import { createStructuredPublisher, type StructuredPublisherOptions } from "./structured-publisher.ts";

export interface FetchPublisherOptions extends StructuredPublisherOptions {
  readonly url: string;
}

/** CloudEvents to one URL by `fetch`, which is what a Worker has. Holds nothing between two requests. */
export function createFetchPublisher(options: FetchPublisherOptions): EventPublisher {
  return createStructuredPublisher(
    {
      async post(body, contentType, signal) {
        const answer = await fetch(options.url, { method: "POST", headers: { "content-type": contentType }, body, redirect: "manual", signal });
        // What a receiver says beside its status is of no use; left open it would hold the connection.
        await answer.body?.cancel().catch(() => undefined);
        return answer.status;
      },
      close: async () => undefined,
    },
    options,
  );
}
