import { credentialRedactor } from "../../credentials/redact.ts";
import { isGrpc } from "../../lib/grpc-protocol.ts";
import { find, remove } from "../../lib/header-list.ts";
import type { StreamCodec } from "../../model/codec.ts";
import { Refusal } from "../../model/errors.ts";
import type { DeliveryEnd } from "../../model/exchange.ts";
import type { HeaderList } from "../../model/http.ts";
import type { Operation } from "../../model/operation.ts";
import type { Answer } from "../../model/outcome.ts";
import { wireOf } from "../../providers/wires.ts";
import { withCors } from "../../routing/cors-headers.ts";
import { editHeaders } from "../../routing/edit-headers.ts";
import { answerKind } from "../../stream/answer-kind.ts";
import { createRedactingCodec } from "../../stream/redacting-codec.ts";
import { createTap, type Tap } from "../../stream/tap.ts";
import { createWatchingTap } from "../../stream/watching-tap.ts";
import { forwardableResponseHeaders } from "../../transport/response-headers.ts";
import { chargeAnswer } from "../../usage/charge-answer.ts";
import type { CallInFlight } from "../attempt/attempt.ts";
import { brokenOff } from "../backend-turn.ts";
import type { Won } from "../find-answer.ts";
import type { Stages } from "../stages.ts";
import { brokerHeaders } from "./broker-headers.ts";
import { deliverUpgrade } from "./deliver-upgrade.ts";
import { replyTranslatedError, translatedCodec, upstreamHeaders } from "./translated-delivery.ts";

/** OpenAI's SDKs read the second one first. */
const RETRY_AFTER: ReadonlySet<string> = new Set(["retry-after", "retry-after-ms"]);

/** Stage 9: the answer on its way to the caller. From the first byte on no other candidate can be tried. */
export async function deliverAnswer(stages: Stages, call: CallInFlight, won: Won, answer: Answer): Promise<void> {
  try {
    await deliver(stages, call, won, answer);
  } catch (error) {
    // Where it failed before anybody read it, its connection would stay with nobody. It changes nothing about one that is over.
    answer.body.cancel();
    throw error;
  }
}

async function deliver(stages: Stages, call: CallInFlight, won: Won, answer: Answer): Promise<void> {
  if (answer.sender !== null) return deliverUpgrade(stages, call, won, answer, answer.sender);
  const { routed, record } = call;
  const { exchange, operation, rule } = routed;
  // 304 answers a condition of the caller's own and sends nobody anywhere.
  const redirects = answer.status >= 300 && answer.status < 400 && answer.status !== 304;
  if (redirects && won.cleared.lock !== null) {
    throw new Refusal("upstream_redirect", { detail: "The destination answered with a redirect. On a region-locked route nobody is sent elsewhere." });
  }
  const { translated } = won;
  if (translated !== null && (answer.status < 200 || answer.status >= 300)) return replyTranslatedError(stages, call, won, translated, answer);
  const kind = answerKind(answer.headers);
  const failed = answer.status >= 400;
  const wire = operation.dialect === null ? null : wireOf(operation.dialect);
  const other = translated === null ? null : translatedCodec(stages, call, translated);
  const native = wire === null && !failed && kind.contentEncoding === null && operation.inference ? await nativeTap(operation, routed.path) : null;
  const tap =
    other?.codec ??
    native ??
    createTap(wire, operation, {
      streaming: kind.eventStream,
      status: answer.status,
      hideUsageOnlyEvent: won.hidesUsage && !failed,
      contentEncoding: kind.contentEncoding,
      error: (message) => ({ status: 502, code: "upstream_unavailable", message, requestId: record.id }),
    });
  const grpc = isGrpc(exchange.protocol, exchange.headers);
  // Whoever says no, or sends elsewhere, may quote the credential it was shown. A gRPC call that fails at once says so in its head, under the status 200.
  const redact =
    (failed || redirects || (grpc && find(answer.headers, "grpc-status") !== null)) && won.lease !== null
      ? credentialRedactor(won.cleared.target.backend.credential, won.lease.secret)
      : null;
  // A plain answer of an unknown API is nobody's business: the platform may hand its bytes through untouched.
  const inspected: StreamCodec | null = wire === null && native === null && !kind.eventStream ? null : tap;
  const codec = redact === null ? inspected : createRedactingCodec(redact.bytes, kind.contentEncoding);
  const unchanged = redact === null && !kind.eventStream;
  let headers = other === null ? passedHeaders(answer, unchanged) : [...upstreamHeaders(answer), ...other.headers];
  headers = editHeaders(editHeaders(headers, rule.responseHeaders), won.cleared.target.responseHeaders);
  if (rule.cors !== null) headers = withCors(rule.cors, exchange.headers, headers);
  if (redact !== null) headers = redact.headers(headers);
  if (won.soonestRetryMs !== null && isTemporary(answer.status))
    headers = [...remove(headers, RETRY_AFTER), "retry-after", String(Math.ceil(won.soonestRetryMs / 1000))];
  record.status = answer.status;
  const ended = await exchange.responder.deliver({
    status: answer.status,
    headers: headers.concat(brokerHeaders(call, won, answer)),
    body: answer.body,
    codec,
    trailers: exchange.protocol.startsWith("2") ? (trailers) => trailersFor(won, trailers) : null,
    onFirstByte: () => {
      record.firstByte = stages.clock.monotonic();
    },
  });
  // SDKs hang up as soon as they have read the end marker: such a caller has its whole answer.
  const streams = kind.eventStream || translated?.stream === true;
  const marked = wire !== null && streams && kind.contentEncoding === null && operation.inference && answer.status < 300 && ended.bytes > 0;
  const whole = ended.kind === "complete" || (marked && isGone(ended, call) && tap.end().complete);
  settleDelivery(stages, call, won, tap, whole ? { ...ended, kind: "complete" } : ended);
}

/** Of an API that passes untouched only what was used is read, when the answer is over; null: it does not tell. */
async function nativeTap(operation: Operation, path: string): Promise<Tap | null> {
  const { watchNative } = await import("../../providers/native/watch-native.ts");
  const watched = watchNative(operation, path);
  return watched === null ? null : createWatchingTap(watched);
}

/** What the destination says behind its answer may quote the credential that it refused, whatever the status. */
function trailersFor({ lease, cleared }: Won, trailers: HeaderList): HeaderList {
  const kept = forwardableResponseHeaders(trailers, true);
  return lease === null ? kept : credentialRedactor(cleared.target.backend.credential, lease.secret).headers(kept);
}

function passedHeaders(answer: Answer, unchanged: boolean): HeaderList {
  const headers = forwardableResponseHeaders(answer.headers, unchanged);
  // Under that name the caller gets the broker's own; a provider's support desk asks for the provider's.
  const upstreamId = find(answer.headers, "x-request-id");
  return upstreamId === null ? headers : [...headers, "x-egress-upstream-request-id", upstreamId];
}

/** Statuses that say "not now" and so have a use for Retry-After. */
function isTemporary(status: number): boolean {
  return status === 408 || status === 429 || status >= 500;
}

/** The caller left: told by the way back, or by the upstream that was cancelled for it. */
function isGone(ended: DeliveryEnd, call: CallInFlight): boolean {
  return ended.kind === "caller_gone" || (ended.failure?.kind === "cancelled" && call.routed.exchange.signal.aborted);
}

function settleDelivery(stages: Stages, call: CallInFlight, won: Won, tap: Tap, ended: DeliveryEnd): void {
  const { record, routed } = call;
  const { backend } = won.cleared.target;
  record.responseBytes = ended.bytes;
  record.answer = tap.facts();
  chargeAnswer(stages, call, record.status, ended.kind === "complete", tap);
  if (ended.kind === "complete") {
    if (won.speaksWell) stages.health.succeeded(backend.key, routed.caller.namespace);
    record.outcome = record.status >= 400 ? "upstream_error" : "ok";
    return;
  }
  if (isGone(ended, call) || ended.kind === "stalled") {
    record.outcome = "caller_gone";
    if (!routed.exchange.responder.started) record.status = 0;
    return;
  }
  // A stream that opened with an error was counted when it was judged.
  if (!won.firstEventIsError) stages.health.failed(backend.key, routed.caller.namespace, brokenOff(won.cleared.health));
  record.outcome = "truncated";
  won.attempt.outcome = ended.failure?.kind ?? "truncated";
  if (!routed.exchange.responder.started) {
    throw new Refusal("upstream_unavailable", { detail: "The destination broke off its answer before the first byte of it could be handed on." });
  }
}
