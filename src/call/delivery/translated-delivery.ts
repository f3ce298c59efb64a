import { redactor } from "../../credentials/redact.ts";
import { find, remove } from "../../lib/header-list.ts";
import type { HeaderList } from "../../model/http.ts";
import type { Operation } from "../../model/operation.ts";
import type { Answer } from "../../model/outcome.ts";
import type { TranslatedAnswer } from "../../providers/translate-stream.ts";
import { wireOf } from "../../providers/wires.ts";
import { withCors } from "../../routing/cors-headers.ts";
import { editHeaders } from "../../routing/edit-headers.ts";
import { createTap } from "../../stream/tap.ts";
import { forwardableResponseHeaders } from "../../transport/response-headers.ts";
import type { CallInFlight } from "../attempt/attempt.ts";
import type { TranslatedCall } from "../attempt/translate-candidate.ts";
import type { Won } from "../find-answer.ts";
import type { Stages } from "../stages.ts";
import { brokerHeaders } from "./broker-headers.ts";
import { collectBody } from "./collect-body.ts";

/** A provider's error is some text; more of it is no use to anybody. */
const ERROR_BYTES = 64 * 1024;
const OF_THE_UPSTREAM: ReadonlySet<string> = new Set(["content-type", "content-encoding", "retry-after", "retry-after-ms"]);

/** The codec of a good answer, and the headers that tell what it makes of it. */
export function translatedCodec(
  stages: Stages,
  { record, routed }: CallInFlight,
  { translator, answer, losses, stream }: TranslatedCall,
): { readonly codec: TranslatedAnswer; readonly headers: HeaderList } {
  const codec =
    answer === null
      ? carriedCodec(routed.operation, record.id, translator, stream)
      : translator.answer({ ...answer, requestId: record.id, now: Math.floor(stages.clock.now() / 1000) });
  const type = stream ? "text/event-stream; charset=utf-8" : "application/json";
  return { codec, headers: ["content-type", type, ...(stream ? ["cache-control", "no-cache"] : []), ...lossHeader(losses)] };
}

/** The answer is in the caller's API already, and only comes in another's framing. */
function carriedCodec(operation: Operation, requestId: string, translator: TranslatedCall["translator"], stream: boolean): TranslatedAnswer {
  const tap = createTap(operation.dialect === null ? null : wireOf(operation.dialect), operation, {
    streaming: stream,
    status: 200,
    hideUsageOnlyEvent: false,
    contentEncoding: null,
    error: (message) => ({ status: 502, code: "upstream_unavailable", message, requestId }),
  });
  const unwrap = stream ? translator.unwrap() : null;
  if (unwrap === null) return tap;
  return {
    ...tap,
    chunk(bytes) {
      const events = unwrap.chunk(bytes);
      return events === null ? null : tap.chunk(events);
    },
  };
}

/** An error answer in the caller's words: the broker's own credential is taken out before anybody reads it. */
export async function replyTranslatedError(stages: Stages, call: CallInFlight, won: Won, translated: TranslatedCall, answer: Answer): Promise<void> {
  const { record, routed } = call;
  const { exchange, rule } = routed;
  const redact = won.lease === null ? null : redactor(won.lease.secret);
  const held = await collectBody(stages.clock, answer.body, ERROR_BYTES);
  const bytes = redact?.bytes(held) ?? held;
  const error = translated.translator.error(answer.status, answer.headers, bytes, record.id);
  let headers: HeaderList = [...upstreamHeaders(answer), "content-type", "application/json", ...error.headers, ...lossHeader(translated.losses)];
  if (won.soonestRetryMs !== null && find(error.headers, "retry-after") === null)
    headers = [...headers, "retry-after", String(Math.ceil(won.soonestRetryMs / 1000))];
  headers = editHeaders(editHeaders(headers, rule.responseHeaders), won.cleared.target.responseHeaders);
  if (rule.cors !== null) headers = withCors(rule.cors, exchange.headers, headers);
  if (redact !== null) headers = redact.headers(headers);
  record.status = error.status;
  record.responseBytes = error.body.byteLength;
  record.outcome = "upstream_error";
  const length = ["content-length", String(error.body.byteLength)];
  exchange.responder.reply(error.status, headers.concat(length, brokerHeaders(call, won, answer)), error.body);
}

/** What of the upstream's headers means something to a caller of another API. */
export function upstreamHeaders(answer: Answer): HeaderList {
  const kept = remove(forwardableResponseHeaders(answer.headers, false), OF_THE_UPSTREAM);
  const id = find(answer.headers, "x-request-id") ?? find(answer.headers, "request-id") ?? find(answer.headers, "x-amzn-requestid");
  return id === null ? kept : [...kept, "x-egress-upstream-request-id", id];
}

function lossHeader(losses: readonly string[]): HeaderList {
  return losses.length === 0 ? [] : ["x-egress-translation-loss", losses.join(", ")];
}
