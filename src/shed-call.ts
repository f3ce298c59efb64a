import { renderAnswer } from "./answer-refusal.ts";
import type { Metrics } from "./attribution/metrics.ts";
import { requestId } from "./listener/request-id.ts";
import { Refusal } from "./model/errors.ts";
import type { Exchange } from "./model/exchange.ts";
import { operationOf } from "./providers/operation-of.ts";

/** Made once: an error's stack costs as much as all the rest of a refusal. */
const OVERLOADED = new Refusal("overloaded", {
  detail: "This instance of the broker has more calls than it can serve. Try again, best with some jitter.",
  retryAfter: 1,
});

/**
 * Refuses a call that an overloaded instance has no time for. It must cost a small part of what serving it would: nobody is asked who calls,
 * and it is counted but has no record, span, event or line of its own. Never throws.
 */
export function shedCall(exchange: Exchange, metrics: Metrics): void {
  metrics.callShed();
  const { method, target, headers, joiner, responder } = exchange;
  const mark = target.indexOf("?");
  const { dialect } = operationOf(method, mark === -1 ? target : target.slice(0, mark), joiner !== null);
  const rendered = renderAnswer(exchange, OVERLOADED, dialect, requestId(headers));
  try {
    responder.reply(rendered.status, rendered.headers, rendered.body);
  } catch {
    // The caller has left already.
  }
}
