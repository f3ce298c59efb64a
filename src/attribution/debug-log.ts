import type { Identified } from "../model/call.ts";
import type { AttemptRecord, CallRecord, DebugNotes, DebugPlace } from "../model/call-record.ts";
import type { Planned } from "../model/planned.ts";
import type { Clock } from "../model/ports.ts";
import type { RegionEvidence } from "../model/region.ts";
import type { DebugWindow } from "../model/snapshot.ts";

/** Lines in one second: whoever asks for more has the access log. */
const LINES_PER_SECOND = 20;
/** A window is at most so long, so that one which was written with a date far ahead ends all the same. */
const LONGEST_MS = 24 * 3_600_000;
const MAX_NAMES = 64;
/** What is longer or holds anything else may be a value that slipped into a name. */
const HEADER_NAME = /^[a-z0-9-]{1,48}$/;

/** Chooses the calls whose decisions are told: null where the window is not open, for another namespace, and beyond 20 calls a second. */
export function createDebugGate(clock: Clock): (window: DebugWindow, identified: Identified) => DebugNotes | null {
  let second = 0;
  let taken = 0;
  return ({ until, namespaces }, { caller, exchange }) => {
    const now = clock.now();
    // So that an end which is no time leaves it shut.
    const isOpen = now < until && now >= until - LONGEST_MS;
    if (!isOpen || (namespaces !== null && !namespaces.includes(caller.namespace))) return null;
    const thisSecond = Math.floor(clock.monotonic() / 1_000);
    if (thisSecond !== second) {
      second = thisSecond;
      taken = 0;
    }
    if (taken >= LINES_PER_SECOND) return null;
    taken += 1;
    return { until, headerNames: namesIn(exchange.headers), identified: clock.monotonic(), planned: null, candidates: [], denied: [] };
  };
}

/** Remembers whom the call may go to, in order, and what its lock said of the others. */
export function notePlanned(notes: DebugNotes, { candidates, excluded }: Planned, now: number): void {
  notes.planned = now;
  notes.candidates = candidates.map(({ target }) => target.backend.key);
  notes.denied = excluded.flatMap(({ backend, evidence }) => (evidence === null ? [] : [{ backend, ...placeOf(evidence) }]));
}

/** The line of decisions: an allow-list of names, words and times; no header's value, no query, no body, no text of a destination. */
export function debugLine(record: CallRecord, notes: DebugNotes): string {
  const since = (moment: number | null): number | null => (moment === null ? null : Math.round((moment - record.started) * 10) / 10);
  return JSON.stringify({
    time: new Date(record.startedAt).toISOString(),
    level: "info",
    msg: "debug",
    request_id: record.id,
    until: new Date(notes.until).toISOString(),
    namespace: record.caller?.namespace ?? null,
    service_account: record.caller?.serviceAccount ?? null,
    proof: record.caller?.proof.kind ?? null,
    gateway: record.gateway,
    listener: record.listener,
    route: record.route,
    rule: record.rule,
    operation: record.operation.name,
    header_names: notes.headerNames,
    request_bytes: record.requestBytes,
    lock: record.lock,
    candidates: notes.candidates,
    excluded: record.excluded.map(({ backend, reason }) => ({ backend, reason })),
    denied: notes.denied,
    limits: record.limits.map(({ limit, outcome, action }) => ({ limit, outcome, action })),
    attempts: record.attempts.map((attempt) => ({
      backend: attempt.backend,
      started_ms: since(attempt.started),
      ended_ms: since(attempt.ended),
      outcome: attempt.outcome,
      cause: attempt.cause,
      status: attempt.status,
      failover: attempt.failoverReason,
      held_back: attempt.heldBack,
      credential: attempt.credential,
      protocol: attempt.protocol,
      address: attempt.peerAddress,
      translation: attempt.translation === null ? null : { from: attempt.translation.from, to: attempt.translation.to, losses: attempt.translation.losses },
      region: regionOf(attempt),
    })),
    outcome: record.outcome,
    refusal: record.refusal,
    status: record.status,
    identified_ms: since(notes.identified),
    planned_ms: since(notes.planned),
    first_byte_ms: since(record.firstByte),
    ended_ms: since(record.ended),
  });
}

function regionOf({ region }: AttemptRecord) {
  return region === null ? null : placeOf(region);
}

function placeOf({ decision, policies, regions, evidence, rule }: RegionEvidence): DebugPlace {
  return { decision, policies, regions, evidence, rule };
}

function namesIn(headers: readonly string[]): readonly string[] {
  const names = new Set<string>();
  for (let index = 0; index < headers.length && names.size < MAX_NAMES; index += 2) {
    const name = (headers[index] ?? "").toLowerCase();
    names.add(HEADER_NAME.test(name) ? name : "(other)");
  }
  return [...names];
}
