import type { AttemptRecord, CallRecord } from "../model/call-record.ts";
import type { Cleared } from "../model/cleared.ts";
import type { Exchange } from "../model/exchange.ts";
import type { Operation } from "../model/operation.ts";
import type { Clock } from "../model/ports.ts";
import { providerNameOf } from "../model/provider-name.ts";

// What a caller writes is kept only so far: a record waits in a queue, and its size must not be the caller's choice.
const MAX_PATH = 1024;
const MAX_AUTHORITY = 255;
const MAX_USER_AGENT = 256;
const MAX_TRACEPARENT = 256;

const NO_LOCK: CallRecord["lock"] = [];
const NOTHING_WITHHELD: CallRecord["withheld"] = [];
const NO_LIMITS: CallRecord["limits"] = [];

const UNKNOWN_OPERATION: Operation = { name: "other", dialect: null, inference: false, suffix: "" };

/** Begins the record of a call before anything is known but the exchange: what the later stages learn is filled in by the pipeline. Never throws. */
export function startRecord(exchange: Exchange, id: string, clock: Clock): CallRecord {
  let userAgent: string | null = null;
  let traceparent: string | null = null;
  const { headers, target } = exchange;
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = headers[index] ?? "";
    if (name.length === 10 && name.toLowerCase() === "user-agent") userAgent ??= clip(headers[index + 1] ?? "", MAX_USER_AGENT);
    else if (name.length === 11 && name.toLowerCase() === "traceparent") {
      // Two of them: neither can be believed.
      traceparent = traceparent === null ? clip(headers[index + 1] ?? "", MAX_TRACEPARENT) : "";
    }
  }
  return {
    id,
    startedAt: clock.now(),
    started: clock.monotonic(),
    method: exchange.method,
    path: shownPath(target),
    scheme: exchange.scheme,
    authority: clip(exchange.authority, MAX_AUTHORITY),
    remoteAddress: exchange.remoteAddress,
    userAgent,
    traceparent,
    trace: null,
    snapshot: "",
    gateway: "",
    listener: "",
    caller: null,
    hop: 0,
    route: "",
    rule: "",
    lock: NO_LOCK,
    withheld: NOTHING_WITHHELD,
    operation: UNKNOWN_OPERATION,
    requestedModel: null,
    streaming: false,
    requestBytes: null,
    mcp: null,
    authCallout: null,
    attempts: [],
    excluded: [],
    refusal: null,
    refusalDetail: null,
    status: 0,
    // A record that nobody fills must not look like a success.
    outcome: "broker_error",
    responseBytes: 0,
    firstByte: null,
    ended: null,
    answer: null,
    limits: NO_LIMITS,
    charged: null,
    cost: null,
    settled: false,
    debug: null,
  };
}

/** Adds an attempt to the record, at the monotonic time `now`; `model` is what is sent upstream, as far as it is known yet. */
export function startAttempt(record: CallRecord, cleared: Cleared, model: string | null, now: number): AttemptRecord {
  const attempt = newAttempt(cleared, model, now);
  record.attempts.push(attempt);
  return attempt;
}

/** An attempt that belongs to no record: a copy for a mirror is not the caller's. */
export function newAttempt(cleared: Cleared, model: string | null, now: number): AttemptRecord {
  const { backend } = cleared.target;
  return {
    backend: backend.key,
    provider: providerNameOf(backend),
    scheme: backend.origin.scheme,
    hostname: backend.origin.hostname,
    port: backend.origin.port,
    path: "",
    region: cleared.evidence,
    started: now,
    ended: null,
    status: 0,
    // Stays so when the broker fails before the attempt has come to anything.
    outcome: "unfinished",
    cause: null,
    failoverReason: null,
    heldBack: null,
    model,
    price: null,
    translation: null,
    credential: null,
    peerAddress: null,
    protocol: null,
  };
}

/** Monotonic milliseconds of the record as milliseconds since the Unix epoch, free of jumps of the wall clock during the call. */
export function epochOf(record: CallRecord, monotonic: number): number {
  return record.startedAt + (monotonic - record.started);
}

/** A path as records keep it: without query, which may hold a key, and bounded, since a caller has chosen it. */
export function shownPath(target: string): string {
  const query = target.indexOf("?");
  return clip(query < 0 ? target : target.slice(0, query), MAX_PATH);
}

function clip(text: string, length: number): string {
  return text.length > length ? text.slice(0, length) : text;
}
