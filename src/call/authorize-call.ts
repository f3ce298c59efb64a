import { newAttempt } from "../attribution/call-record.ts";
import { joinBytes } from "../lib/utf8.ts";
import { imaginedExchange } from "../listener/imagined-exchange.ts";
import type { Routed } from "../model/call.ts";
import { clear } from "../model/cleared.ts";
import { Refusal } from "../model/errors.ts";
import { lockOn } from "../model/lock-on.ts";
import { DEFAULT_HEALTH, type ExternalAuthRule } from "../model/snapshot.ts";
import { readAuthAnswer } from "../policy/auth-answer.ts";
import { type AuthQuestion, authQuestion } from "../policy/auth-question.ts";
import { operationOf } from "../providers/operation-of.ts";
import { attemptCandidate, type CallInFlight } from "./attempt/attempt.ts";
import { discardBody } from "./attempt/discard-body.ts";
import { startTimer } from "./call-timer.ts";
import type { CallBody } from "./read-call-body.ts";
import type { Stages } from "./stages.ts";

/** Longest time of one question: a call waits for it before anything of it is sent. */
const QUESTION_MS = 10_000;
/** A connection that had gone stale costs a second try, before which nothing was sent. */
const TRIES = 2;

/**
 * Stage 4 where the rule has an ExternalAuth filter: asks, through the one door, and gives the call with what the answer adds to it. Fails closed:
 * throws `access_denied` for a no, `access_unavailable` where there is no answer, `region_locked` where the lock keeps the question from being
 * asked, `request_too_large` for a body that cannot be shown whole.
 */
export async function authorizeCall(stages: Stages, call: CallInFlight, rule: ExternalAuthRule): Promise<CallInFlight> {
  const { routed, record } = call;
  const clearance = clear({ target: rule.target, tier: 0, failover: null, health: DEFAULT_HEALTH }, lockOn(routed.lock, "authCallouts"), routed.exchange.place);
  if (!clearance.ok) {
    throw new Refusal("region_locked", { detail: `The authorization server of this route may not be asked: ${clearance.evidence.reason}.` });
  }
  const body = rule.bodyBytes === 0 ? call.body : await holdForQuestion(call.body, rule.bodyBytes);
  const shown: CallBody = rule.bodyBytes === 0 || body.bytes === null ? { request: { kind: "none" }, bytes: null, facts: null } : { ...body, facts: null };
  const asked = questionOf(routed, authQuestion(routed, rule, shown.bytes !== null));
  for (let left = TRIES; left > 0; left -= 1) {
    const timer = startTimer(stages.clock, QUESTION_MS, call.signal);
    const attempt = newAttempt(clearance.cleared, null, stages.clock.monotonic());
    record.authCallout = attempt;
    try {
      const { outcome } = await attemptCandidate(
        stages,
        { ...call, routed: asked, body: shown, signal: timer.signal, admitted: null, charges: null },
        clearance.cleared,
        attempt,
        null,
      );
      attempt.outcome = outcome.kind;
      if (outcome.kind === "answer") {
        discardBody(stages.clock, outcome.body);
        if (outcome.status >= 500) break;
        return { ...call, body, admitted: readAuthAnswer(rule, outcome.status, outcome.headers) };
      }
      if (outcome.kind !== "reset" || outcome.sent) break;
    } finally {
      timer.stop();
      attempt.ended = stages.clock.monotonic();
    }
  }
  throw new Refusal("access_unavailable", {
    detail: "The authorization server of this route gave no answer, and without its yes no call is made.",
    retryAfter: 1,
  });
}

/** A call of its own, of which nothing comes from the caller but what the question says. */
function questionOf(routed: Routed, { target, headers }: AuthQuestion): Routed {
  const { exchange, rule } = routed;
  const mark = target.indexOf("?");
  return {
    ...routed,
    exchange: {
      ...imaginedExchange({ method: routed.method, target, authority: exchange.authority, headers: [] }),
      protocol: exchange.protocol,
      place: exchange.place,
      waitUntil: (work) => exchange.waitUntil(work),
    },
    path: mark === -1 ? target : target.slice(0, mark),
    query: mark === -1 ? "" : target.slice(mark),
    operation: operationOf("GET", "/"),
    handshake: null,
    tokenSlot: null,
    rule: { ...rule, requestHeaders: headers, rewrite: null },
  };
}

/** The body whole, so that it can be shown and then sent. Throws `Refusal` for one that is larger than may be shown: half a body would be judged by half. */
async function holdForQuestion(body: CallBody, maxBytes: number): Promise<CallBody> {
  const { request } = body;
  if (request.kind === "none") return body;
  if (request.kind === "bytes") {
    if (request.bytes.byteLength > maxBytes) throw tooLarge(maxBytes);
    return { ...body, bytes: request.bytes };
  }
  if (request.length !== null && request.length > maxBytes) throw tooLarge(maxBytes);
  const parts: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const part of request.open()) {
      length += part.byteLength;
      if (length > maxBytes) break;
      parts.push(part);
    }
  } catch {
    throw new Refusal("request_malformed", { detail: "The request ended before its body was complete." });
  }
  if (length > maxBytes) throw tooLarge(maxBytes);
  const bytes = joinBytes(parts);
  return { ...body, request: { kind: "bytes", bytes }, bytes };
}

function tooLarge(maxBytes: number): Refusal {
  return new Refusal("request_too_large", {
    detail: `The authorization server of this route is shown at most ${maxBytes} bytes of a body (forwardBody.maxSize).`,
  });
}
