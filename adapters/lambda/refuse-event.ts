import type { Responder } from "../../src/index.ts";
import type { EventFault } from "./http-event.ts";

/** Answers a request that nobody can take for certain. What is refused here has reached nobody. */
export function refuseEvent({ fault }: EventFault, responder: Responder): void {
  const headers = ["content-type", "text/plain; charset=utf-8", "x-egress-error", "request_malformed", "x-request-id", crypto.randomUUID()];
  responder.reply(400, headers, new TextEncoder().encode(`${fault}\n`));
}
