import type { Metrics } from "../attribution/metrics.ts";
import { requestId } from "../listener/request-id.ts";
import type { DegradedPort } from "../model/degradation.ts";
import { Refusal } from "../model/errors.ts";
import type { EgressEvent } from "../model/event.ts";
import type { Exchange } from "../model/exchange.ts";
import type { Clock, Pressure } from "../model/ports.ts";
import { operationOf } from "../providers/operation-of.ts";
import { renderAnswer } from "./answer-refusal.ts";

/** Made once: an error's stack costs as much as all the rest of a refusal. */
const OVERLOADED = new Refusal("overloaded", {
  detail: "This instance of the broker has more calls than it can serve. Try again, best with some jitter.",
  retryAfter: 1,
});

/**
 * Refuses a call that an overloaded instance has no time for. It must cost a small part of what serving it would: nobody is asked who calls,
 * and it is counted but has no record, span, event or line of its own. Never throws.
 */
export function shedCall(exchange: Exchange, metrics: Metrics): Promise<void> {
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
  return SHED;
}

const SHED = Promise.resolve();

/** Tells of the beginning and the end of each overload, by event, status and log; of the calls that are refused meanwhile only a metric tells. */
export function tellOfOverload(
  pressure: Pressure,
  { clock, emit, degraded }: { readonly clock: Clock; readonly emit: (event: EgressEvent) => void; readonly degraded: DegradedPort },
): void {
  pressure.watch(({ cause, since }, over) => {
    const time = clock.now();
    const data = over ? { cause, forMs: Math.round(time - since) } : { cause };
    emit({ type: over ? "instance.recovered" : "instance.overloaded", time, subject: cause, data });
    if (over) degraded.leave("overload", "instance");
    else degraded.enter("overload", "instance", cause);
  });
}
