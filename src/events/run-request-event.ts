import { find } from "../lib/header-list.ts";
import { type CallAbort, createCallAbort } from "../model/call-signal.ts";
import { type Caller, CREDENTIAL_SLOTS } from "../model/caller.ts";
import type { CloudEvent, EventVerdict } from "../model/cloud-event.ts";
import type { RefusalCode } from "../model/errors.ts";
import type { Exchange } from "../model/exchange.ts";
import { type Clock, type EventPublisher, PublishError } from "../model/ports.ts";
import { type CollectedAnswer, createCollectingResponder } from "./collected-answer.ts";
import type { EventDelivery } from "./event-desk.ts";
import { eventExchange } from "./event-exchange.ts";
import { EventFault } from "./event-fault.ts";
import type { Claim, EventLedger, Lease } from "./event-ledger.ts";
import { type EgressRequest, readEgressRequest } from "./read-egress-request.ts";
import { bodyBytesWithin, writeEgressResponse } from "./write-egress-response.ts";

/** Runs the call that an event asks for. Never rejects. */
export type RequestRunner = (event: CloudEvent, delivery: EventDelivery, sender: Caller | null) => Promise<EventVerdict>;

export interface RequestRunnerOptions {
  readonly clock: Clock;
  readonly handle: (exchange: Exchange) => Promise<void>;
  /** Whether this caller belongs to a Gateway's own namespace. */
  readonly isOperator: (caller: Caller) => boolean;
  /** Host by which the HTTPRoute `namespace/name` is reached; null: there is no such route, or any host will do. */
  readonly authorityOf: (route: string) => string | null;
  readonly ledger: EventLedger;
  /** Where answers go that nobody waits for; null: nowhere. */
  readonly answers: EventPublisher | null;
  /** CloudEvents `source` of answers. */
  readonly source: string;
  /** Bytes of an answer's event, in JSON. */
  readonly maxEventBytes: number;
}

/** Refusals that may not be one at the next delivery. */
const TEMPORARY: ReadonlySet<string> = new Set<RefusalCode>([
  "not_ready",
  "overloaded",
  "request_timeout",
  "limits_unavailable",
  "credential_unavailable",
  "upstream_unavailable",
  "upstream_timeout",
  "upstream_auth",
  "internal_error",
]);
/** Refusals of an event that proves nobody or is no call at all: nobody is told an answer. */
const POISON: ReadonlyMap<string, number> = new Map<RefusalCode, number>([
  ["identity_missing", 401],
  ["identity_rejected", 401],
  ["request_malformed", 400],
  ["request_too_large", 400],
  ["egress_loop", 400],
]);
const PUBLISH_TIMEOUT_MS = 15_000;

/**
 * The life of a request event: claimed in the ledger, called for under a lease, its answer remembered, then told, then confirmed. Killed at
 * any point, the next delivery finds how far it came: before the answer was remembered the call is made again once the lease has ended,
 * after that the same answer, with the same id, is told again.
 */
export function createRequestRunner(options: RequestRunnerOptions): RequestRunner {
  const { clock, handle, isOperator, authorityOf, ledger, answers, source, maxEventBytes } = options;
  // The work goes on when the sender has left: what it paid for is remembered, and its next delivery is answered from there.
  const never = new AbortController().signal;

  async function tell(claim: Extract<Claim, { kind: "answered" }>, wantsReply: boolean): Promise<EventVerdict> {
    if (wantsReply) return { kind: "done", reply: claim.response };
    if (claim.published) return { kind: "done", reply: null };
    if (answers === null) return NO_SINK;
    try {
      await withinTime(clock, PUBLISH_TIMEOUT_MS, (signal) => answers.publish([claim.response], signal));
    } catch (error) {
      if (error instanceof PublishError && !error.retryable) return { kind: "poison", status: 400, detail: "the sink does not take the answer" };
      return retry(503, "the answer is known and could not be published yet");
    }
    // Should this be lost, the answer is published once more under the same id.
    await claim.confirm(never).catch(() => {});
    return { kind: "done", reply: null };
  }

  async function call(event: CloudEvent, request: EgressRequest, delivery: EventDelivery, lease: Lease, id: string): Promise<EventVerdict> {
    const abort = createCallAbort();
    const stopBeating = keepAlive(clock, lease, abort);
    const responder = createCollectingResponder(bodyBytesWithin(maxEventBytes), abort.signal);
    const credential = request.hasCredential ? [] : credentialsIn(delivery);
    const authority = request.authority ?? (request.route === null ? null : authorityOf(request.route)) ?? delivery.authority;
    try {
      await handle(eventExchange({ event, request, delivery, credential, authority, responder, signal: abort.signal }));
    } finally {
      await stopBeating();
    }
    const answer = responder.answer();
    const verdict = answer === null ? retry(503, "the call was broken off") : verdictOf(answer);
    if (verdict !== null || answer === null) {
      if (!abort.signal.aborted) await lease.release(never).catch(() => {});
      return verdict ?? retry(503, "the call was broken off");
    }
    const response = writeEgressResponse(event, answer, { id, source, time: clock.now(), maxEventBytes });
    const recorded = await lease.answer(response, never).catch(() => "unrecorded" as const);
    // Somebody else has the event now, and will tell its answer.
    if (recorded === null) return retry(409, "the event was taken over by another instance");
    const confirm = recorded === "unrecorded" ? async () => {} : recorded.confirm;
    return tell({ kind: "answered", response, published: false, confirm }, delivery.wantsReply);
  }

  return async (event, delivery, sender) => {
    let request: EgressRequest;
    try {
      request = readEgressRequest(event);
    } catch (error) {
      if (error instanceof EventFault) return { kind: "poison", status: 400, detail: error.message };
      throw error;
    }
    // Brokers and triggers deliver for everybody: whoever runs the broker would lend its own name to each event that does not say whose it is.
    if (!request.hasCredential && delivery.principal === null && sender !== null && isOperator(sender)) {
      return { kind: "poison", status: 403, detail: "an event that a sender of the Gateway's own namespace delivers must say on whose behalf, by data.token" };
    }
    // Before anything is spent.
    if (!delivery.wantsReply && answers === null) return NO_SINK;
    const id = await eventKey(event, delivery, sender);
    let claim: Claim;
    try {
      claim = await ledger.claim(id, never);
    } catch {
      // Without the ledger nobody knows whether the call was made: fail closed, and let the platform deliver it again.
      return retry(503, "the ledger of events cannot be reached");
    }
    if (claim.kind === "running") return { ...retry(409, "the event is being worked on"), retryAfterSeconds: Math.ceil(claim.forMs / 1_000) };
    const work = claim.kind === "answered" ? tell(claim, delivery.wantsReply) : call(event, request, delivery, claim.lease, id);
    delivery.waitUntil(work.catch(() => {}));
    return work;
  };
}

const NO_SINK: EventVerdict = retry(
  503,
  "the answer has nowhere to go: ask for it with Prefer: reply, or give the broker SPILLWAY_ANSWER_SINK, SPILLWAY_SINK or K_SINK",
);

function retry(status: number, detail: string): Extract<EventVerdict, { kind: "retry" }> {
  return { kind: "retry", status, detail, retryAfterSeconds: null };
}

/** Null: this answer is to be told; else what becomes of the event instead. */
function verdictOf(answer: CollectedAnswer): EventVerdict | null {
  const code = find(answer.headers, "x-egress-error");
  const poison = POISON.get(code ?? "");
  if (poison !== undefined) return { kind: "poison", status: poison, detail: `the call was refused: ${code}` };
  // A limit that will have room says when; one that never will says nothing, and that is an answer.
  const roomLater = code === "limit_exceeded" && find(answer.headers, "retry-after") !== null;
  const temporary = code === null ? answer.status === 408 || answer.status === 429 || answer.status >= 500 : roomLater || TEMPORARY.has(code);
  if (!temporary) return null;
  const seconds = Number(find(answer.headers, "retry-after") ?? Number.NaN);
  const retryAfterSeconds = Number.isInteger(seconds) && seconds >= 0 ? Math.min(seconds, 3_600) : null;
  return { kind: "retry", status: 503, detail: `the call did not succeed: ${code ?? `status ${answer.status}`}`, retryAfterSeconds };
}

/** The credential by which the sender proved itself: it runs the call where the event brings none of its own. */
function credentialsIn(delivery: EventDelivery): readonly string[] {
  return CREDENTIAL_SLOTS.flatMap((slot) => {
    const value = find(delivery.headers, slot);
    return value === null ? [] : [slot, value];
  });
}

/**
 * Renews the lease while the call runs. Aborts the call when the lease is lost, and when it ends unrenewed: by a timer of its own, for the
 * store may be so slow that the renewal has not even failed by then. What it gives stops that, and resolves when no renewal is under way:
 * one that came after would take the version away under which the answer is to be remembered.
 */
function keepAlive(clock: Clock, lease: Lease, abort: CallAbort): () => Promise<void> {
  let over = false;
  let renewal = Promise.resolve();
  let cancelBeat = () => {};
  let cancelEnd = () => {};
  const beat = async (): Promise<void> => {
    const renewed = await lease.renew(new AbortController().signal).catch(() => null);
    if (over) return;
    if (renewed === false) abort.abort();
    else schedule();
  };
  const schedule = () => {
    cancelEnd();
    cancelEnd = clock.after(Math.max(0, lease.goodUntil() - clock.monotonic()), () => abort.abort());
    cancelBeat = clock.after(lease.leaseMs / 3, () => {
      renewal = beat();
    });
  };
  schedule();
  return () => {
    over = true;
    cancelBeat();
    cancelEnd();
    // Of an aborted call nothing is remembered.
    return abort.signal.aborted ? Promise.resolve() : renewal;
  };
}

/**
 * What names the event in the ledger, and its answer to the world. Source and id name it, for an honest sender; the sender and the data
 * are taken in so that nobody is answered from the record of somebody else's call.
 */
async function eventKey(event: CloudEvent, { principal }: EventDelivery, sender: Caller | null): Promise<string> {
  const from = principal === null ? [sender?.namespace, sender?.serviceAccount] : [principal.type, principal.name];
  const data = event.data.kind === "json" ? event.data.value : null;
  const text = JSON.stringify([from, event.source, event.id, event.type, data]);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function withinTime<T>(clock: Clock, ms: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const cancel = clock.after(ms, () => controller.abort());
  try {
    return await work(controller.signal);
  } finally {
    cancel();
  }
}
