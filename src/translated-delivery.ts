import type { CallInFlight } from "./attempt.ts";
import { brokerHeaders } from "./broker-headers.ts";
import { collectBody } from "./collect-body.ts";
import { redactor } from "./credentials/redact.ts";
import type { Won } from "./find-answer.ts";
import { find, remove } from "./lib/header-list.ts";
import type { HeaderList } from "./model/http.ts";
import type { Answer } from "./model/outcome.ts";
import type { AnswerContext } from "./providers/pivot/codec.ts";
import type { TranslatedAnswer } from "./providers/translate-stream.ts";
import { withCors } from "./routing/cors-headers.ts";
import { editHeaders } from "./routing/edit-headers.ts";
import type { Stages } from "./stages.ts";
import type { TranslatedCall } from "./translate-candidate.ts";
import { forwardableResponseHeaders } from "./transport/response-headers.ts";

/** A provider's error is some text; more of it is no use to anybody. */
const ERROR_BYTES = 64 * 1024;
const OF_THE_UPSTREAM: ReadonlySet<string> = new Set(["content-type", "content-encoding", "retry-after", "retry-after-ms"]);

/** The codec of a good answer, and the headers that tell what it makes of it. */
export function translatedCodec(
  stages: Stages,
  { record }: CallInFlight,
  { translator, answer, losses }: TranslatedCall,
): { readonly codec: TranslatedAnswer; readonly headers: HeaderList } {
  const context: AnswerContext = { ...answer, requestId: record.id, now: Math.floor(stages.clock.now() / 1000) };
  const { stream } = answer.request;
  const codec = translator.answer(context);
  const type = stream ? "text/event-stream; charset=utf-8" : "application/json";
  return { codec, headers: ["content-type", type, ...(stream ? ["cache-control", "no-cache"] : []), ...lossHeader(losses)] };
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
