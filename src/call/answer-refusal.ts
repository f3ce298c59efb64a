import { isGrpc } from "../lib/grpc-protocol.ts";
import { renderGrpcRefusal } from "../listener/grpc-refusal.ts";
import { type RenderedRefusal, renderRefusal } from "../listener/render-refusal.ts";
import type { CallRecord } from "../model/call-record.ts";
import { Refusal } from "../model/errors.ts";
import type { Exchange } from "../model/exchange.ts";
import type { Dialect } from "../model/operation.ts";
import type { CorsRule } from "../model/snapshot.ts";
import { PlanRefusal } from "../plan/plan-refusal.ts";
import { wireOf } from "../providers/wires.ts";
import { withCors } from "../routing/cors-headers.ts";
import { chainAnswer } from "../transport/egress-region.ts";

/** Renders what stopped the call; anything that is not a `Refusal` is our own fault and says nothing of its cause. */
export function answerRefusal(exchange: Exchange, record: CallRecord, error: unknown, expired: boolean, cors: CorsRule | null): void {
  if (exchange.responder.started) {
    record.outcome = "broker_error";
    return;
  }
  if (exchange.signal.aborted) {
    record.outcome = "caller_gone";
    record.status = 0;
    return;
  }
  const refusal = toRefusal(error, expired);
  if (error instanceof PlanRefusal) record.excluded = error.excluded;
  record.refusal = refusal.code;
  record.refusalDetail = refusal === error ? refusal.detail : describe(error);
  record.status = refusal.status;
  record.outcome = refusal.code === "internal_error" ? "broker_error" : "refused";
  const rendered = renderAnswer(exchange, refusal, record.operation.dialect, record.id);
  try {
    // A page that may read the answer may read why there is none.
    const headers = cors === null ? rendered.headers : withCors(cors, exchange.headers, rendered.headers);
    exchange.responder.reply(rendered.status, headers.concat(chainAnswer(record)), rendered.body);
  } catch {
    // The platform can write no more. A rejection that nobody handles would end the process, and every other call with it.
    record.outcome = "broker_error";
  }
}

/** In the words of whoever called. */
export function renderAnswer(
  exchange: Exchange,
  refusal: Refusal,
  dialect: Dialect | null,
  id: string,
): Omit<RenderedRefusal, "body"> & { readonly body: Uint8Array | null } {
  if (isGrpc(exchange.protocol, exchange.headers)) return renderGrpcRefusal(refusal, id);
  return renderRefusal(refusal, dialect === null ? null : wireOf(dialect), id);
}

function toRefusal(error: unknown, expired: boolean): Refusal {
  if (expired)
    return new Refusal("upstream_timeout", { detail: "The call's whole time was up (HTTPRoute timeouts.request, or what the platform gives one call)." });
  if (error instanceof Refusal) return error;
  return new Refusal("internal_error", { detail: "The broker failed. The request id finds the cause in its log." });
}

/** What a bug is and where, for our own log only. Its message is left out: it may quote anything, a key or a prompt. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return "unknown";
  const [, trace = ""] = error.stack?.split(error.message || error.name, 2) ?? [];
  const [place = ""] = /\bat .+/.exec(trace) ?? [];
  return `${error.name} ${place}`.trim();
}
