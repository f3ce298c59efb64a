import { answerModels } from "./answer-models.ts";
import { answerPreflight } from "./answer-preflight.ts";
import type { CallInFlight } from "./attempt.ts";
import { noteBody, noteIdentified, noteReceived, noteRouted } from "./attribution/note-stages.ts";
import { authorizeCall } from "./authorize-call.ts";
import { type CallTimer, startTimer, timeLimit } from "./call-timer.ts";
import { deliverAnswer } from "./deliver-answer.ts";
import { findAnswer } from "./find-answer.ts";
import { guardOutlets } from "./guard-outlets.ts";
import { isGrpc } from "./lib/grpc-protocol.ts";
import { renderGrpcRefusal } from "./listener/grpc-refusal.ts";
import { receive } from "./listener/receive.ts";
import { renderRefusal } from "./listener/render-refusal.ts";
import { requestId } from "./listener/request-id.ts";
import { mirrorCall } from "./mirror-call.ts";
import type { Routed } from "./model/call.ts";
import type { CallRecord } from "./model/call-record.ts";
import { Refusal } from "./model/errors.ts";
import type { Exchange } from "./model/exchange.ts";
import type { CorsRule, RedirectRule, Snapshot } from "./model/snapshot.ts";
import { plan } from "./plan/plan.ts";
import { planMirrors } from "./plan/plan-mirrors.ts";
import { PlanRefusal } from "./plan/plan-refusal.ts";
import { planRequest } from "./plan-request.ts";
import { operationOf } from "./providers/operation-of.ts";
import { wireOf } from "./providers/wires.ts";
import { holdCallBody, readCallBody } from "./read-call-body.ts";
import { withCors } from "./routing/cors-headers.ts";
import { route } from "./routing/decide.ts";
import { redirectLocation } from "./routing/redirect-location.ts";
import type { Stages } from "./stages.ts";
import { chainAnswer } from "./transport/egress-region.ts";

/**
 * The whole product in reading order: a call is learned about in ten steps and refused at the first that says no.
 * Never rejects; every call is answered once and settled once.
 */
export async function runCall(stages: Stages, snapshot: Snapshot | null, exchange: Exchange): Promise<void> {
  const id = requestId(exchange.headers);
  const record = stages.attribution.begin(exchange, id);
  record.snapshot = snapshot?.id ?? "none";
  let timer: CallTimer | null = null;
  let cors: CorsRule | null = null;
  try {
    // Before anything can be refused: the refusal speaks the API that was called.
    record.operation = operationOf(record.method, record.path, exchange.joiner !== null);
    if (snapshot === null) throw new Refusal("not_ready", { detail: "No manifest has been loaded yet.", retryAfter: 1 });
    // 1 Received: well formed, bounded, no loop.
    const received = receive(exchange, snapshot, id, record.operation);
    noteReceived(record, received);
    // A browser asks whether a page may call before it shows any credential.
    if (answerPreflight(received, record)) return;
    // 2 Identified: who calls, proved.
    const proving = stages.identity.identify(received);
    const identified = proving instanceof Promise ? await proving : proving;
    noteIdentified(record, identified);
    // 3 Routed: the rule, its policies merged.
    const body = await readCallBody(identified);
    noteBody(record, body.facts);
    const routed = route(identified, body.facts?.model ?? null);
    cors = routed.rule.cors;
    noteRouted(record, routed, body.bytes?.byteLength ?? exchange.body.declaredLength);
    if (routed.lock !== null) guardOutlets(stages.outlets, routed, record);
    const { action, externalAuth } = routed.rule;
    const requestMs = timeLimit(routed);
    timer = requestMs === null ? null : startTimer(stages.clock, requestMs, exchange.signal);
    let call: CallInFlight = { routed, body, record, signal: timer?.signal ?? exchange.signal, admitted: null };
    // 4 Admitted: whoever is to be asked says yes.
    if (externalAuth !== null) call = await authorizeCall(stages, call, externalAuth);
    if (action.kind === "redirect") return redirect(routed, action.redirect, record);
    // 5 Planned: what the lock allows, in order. What models there are, the policies say.
    if (answerModels(call)) return;
    const asked = planRequest(routed.operation, body.facts?.model ?? null);
    const planned = plan(routed, asked, stages.health, stages.random);
    record.excluded = planned.excluded;
    if (planned.redirect !== null) return redirect(routed, planned.redirect, record);
    // 6 to 8 credential, encode, send: per candidate, until one answers.
    // Nobody else can take part in a WebSocket.
    const mirrored = routed.rule.mirrors.length > 0 && routed.handshake === null;
    // Under a lock the last door has to read what leaves.
    if (mirrored || routed.lock !== null) call = { ...call, body: await holdCallBody(call.body, routed) };
    if (mirrored) mirrorCall(stages, call, planMirrors(routed, asked, planned.candidates[0]?.target ?? null, stages.random));
    const won = await findAnswer(stages, call, planned, timer?.deadline ?? null);
    // 9 Delivered: committed from the first byte on.
    if (won.outcome.kind === "answer") await deliverAnswer(stages, call, won, won.outcome);
  } catch (error) {
    refuse(exchange, record, error, timer?.expired() ?? false, cors);
  } finally {
    timer?.stop();
    record.ended = stages.clock.monotonic();
    // 10 Settled: exactly once.
    stages.attribution.settle(record);
  }
}

function redirect(routed: Routed, redirectRule: RedirectRule, record: CallRecord): void {
  const { exchange, host, path, query, match, rule } = routed;
  const colon = exchange.authority.lastIndexOf(":");
  const port = colon > exchange.authority.lastIndexOf("]") ? Number(exchange.authority.slice(colon + 1)) : routed.listener.port;
  const location = redirectLocation(redirectRule, { scheme: exchange.scheme, host, port, path, query, match });
  const headers = ["location", location, "content-length", "0", "x-request-id", record.id, ...chainAnswer(record)];
  exchange.responder.reply(redirectRule.statusCode, rule.cors === null ? headers : withCors(rule.cors, exchange.headers, headers), null);
  record.status = redirectRule.statusCode;
  record.outcome = "ok";
}

/** Renders what stopped the call; anything that is not a `Refusal` is our own fault and says nothing of its cause. */
function refuse(exchange: Exchange, record: CallRecord, error: unknown, expired: boolean, cors: CorsRule | null): void {
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
  const { dialect } = record.operation;
  const grpc = isGrpc(exchange.protocol, exchange.headers);
  const rendered = grpc ? renderGrpcRefusal(refusal, record.id) : renderRefusal(refusal, dialect === null ? null : wireOf(dialect), record.id);
  try {
    // A page that may read the answer may read why there is none.
    const headers = cors === null ? rendered.headers : withCors(cors, exchange.headers, rendered.headers);
    exchange.responder.reply(rendered.status, headers.concat(chainAnswer(record)), rendered.body);
  } catch {
    // The platform can write no more. A rejection that nobody handles would end the process, and every other call with it.
    record.outcome = "broker_error";
  }
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
