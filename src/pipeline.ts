import { notePlanned } from "./attribution/debug-log.ts";
import { readMcpFacts } from "./attribution/mcp-facts.ts";
import { noteBody, noteIdentified, noteReceived, noteRouted } from "./attribution/note-stages.ts";
import { answerModels } from "./call/answer-models.ts";
import { answerPreflight } from "./call/answer-preflight.ts";
import { answerRedirect } from "./call/answer-redirect.ts";
import { answerRefusal } from "./call/answer-refusal.ts";
import type { CallInFlight } from "./call/attempt/attempt.ts";
import { authorizeCall } from "./call/authorize-call.ts";
import { type CallTimer, startTimer, timeLimit } from "./call/call-timer.ts";
import { deliverAnswer } from "./call/delivery/deliver-answer.ts";
import { findAnswer } from "./call/find-answer.ts";
import { guardOutlets } from "./call/guard-outlets.ts";
import { mirrorCall } from "./call/mirror-call.ts";
import { planRequest } from "./call/plan-request.ts";
import { holdCallBody, readCallBody } from "./call/read-call-body.ts";
import type { Stages } from "./call/stages.ts";
import { receive } from "./listener/receive.ts";
import { requestId } from "./listener/request-id.ts";
import type { Identified } from "./model/call.ts";
import { Refusal } from "./model/errors.ts";
import type { Exchange } from "./model/exchange.ts";
import type { CorsRule, Snapshot } from "./model/snapshot.ts";
import type { Seat } from "./plan/concurrency.ts";
import { plan } from "./plan/plan.ts";
import { planMirrors } from "./plan/plan-mirrors.ts";
import { operationOf } from "./providers/operation-of.ts";
import { route } from "./routing/decide.ts";
import { isUnlimited, loadReserve } from "./usage/call-charges.ts";
import { settleUsage } from "./usage/settle-usage.ts";

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
  let call: CallInFlight | null = null;
  let place: Identified | null = null;
  let seat: Seat | null = null;
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
    if (identified.gateway.debug !== null) stages.attribution.debug(record, identified.gateway.debug, identified);
    stages.openCalls.enter(identified.gateway, identified.caller.namespace);
    place = identified;
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
    call = { routed, body, record, signal: timer?.signal ?? exchange.signal, admitted: null, charges: null };
    // 4 Admitted: whoever is to be asked says yes.
    if (externalAuth !== null) call = await authorizeCall(stages, call, externalAuth);
    if (action.kind === "redirect") return answerRedirect(routed, action.redirect, record);
    // 5 Planned: what the lock allows, in order. What models there are, the policies say.
    if (answerModels(call)) return;
    const asked = planRequest(routed.operation, body.facts?.model ?? null);
    const planned = plan(routed, asked, stages.health.viewOf(routed.caller.namespace), stages.random);
    record.excluded = planned.excluded;
    if (record.debug !== null) notePlanned(record.debug, planned, stages.clock.monotonic());
    if (planned.redirect !== null) return answerRedirect(routed, planned.redirect, record);
    // 4 Limited: there is room on all accounts. What a call may cost depends on whom it goes to.
    let { candidates } = planned;
    if (candidates[0]?.target.backend.mcp === true) record.mcp = readMcpFacts(body.bytes, exchange.headers);
    if (!isUnlimited(call, candidates)) {
      // Loaded with the first call that a limit is for.
      const loading = loadReserve();
      const reserve = loading instanceof Promise ? await loading : loading;
      const reserving = reserve(stages, call, candidates);
      const reserved = reserving instanceof Promise ? await reserving : reserving;
      candidates = reserved.candidates;
      call = { ...call, charges: reserved.charges };
    }
    // 6 to 8 credential, encode, send: per candidate, until one answers.
    // Nobody else can take part in a WebSocket.
    const mirrored = routed.rule.mirrors.length > 0 && routed.handshake === null;
    // Under a lock the last door has to read what leaves.
    if (mirrored || routed.lock !== null) call = { ...call, body: await holdCallBody(call.body, routed) };
    if (mirrored) mirrorCall(stages, call, planMirrors(routed, asked, candidates[0]?.target ?? null, stages.random));
    const won = await findAnswer(stages, call, candidates, timer?.deadline ?? null);
    // 9 Delivered: committed from the first byte on.
    seat = won.seat;
    if (won.outcome.kind === "answer") await deliverAnswer(stages, call, won, won.outcome);
  } catch (error) {
    answerRefusal(exchange, record, error, timer?.expired() ?? false, cors);
  } finally {
    timer?.stop();
    seat?.leave();
    if (place !== null) stages.openCalls.leave(place.gateway, place.caller.namespace);
    record.ended = stages.clock.monotonic();
    // 10 Settled: exactly once.
    const settling = settleUsage(stages, call, record);
    if (settling !== null) await settling;
  }
}
