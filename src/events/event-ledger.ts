import { asObject, asString, parseJson } from "../lib/json-value.ts";
import type { CloudEvent } from "../model/cloud-event.ts";
import type { Clock, StateStore } from "../model/ports.ts";
import { EventFault } from "./event-fault.ts";
import { readStructured } from "./read-cloud-event.ts";
import { structuredCloudEvent } from "./write-cloud-event.ts";

/** What is remembered of request events, in the store that instances share, so that one which is delivered twice is not called for twice. */
export interface EventLedger {
  /** Takes the event on, for this instance alone, for one lease. Rejects with `StateStoreError`. */
  claim(key: string, signal: AbortSignal): Promise<Claim>;
}

export type Claim =
  /** Ours now. */
  | { readonly kind: "ours"; readonly lease: Lease }
  /** Somebody is at it; may be asked for again after so many milliseconds. */
  | { readonly kind: "running"; readonly forMs: number }
  /** It was answered. `confirm` remembers that the answer has reached the sink. */
  | { readonly kind: "answered"; readonly response: CloudEvent; readonly published: boolean; readonly confirm: (signal: AbortSignal) => Promise<void> };

export interface Lease {
  /** On the monotonic clock: until then nobody else can have the event. Measured from before the store was asked, which began to count later. */
  goodUntil(): number;
  /** Milliseconds that each renewal is good for. */
  readonly leaseMs: number;
  /** False: it has been taken over, and whatever is done under it must stop. Rejects with `StateStoreError`. */
  renew(signal: AbortSignal): Promise<boolean>;
  /** Remembers the answer, before anybody is told of it. Null: the lease was lost. */
  answer(response: CloudEvent, signal: AbortSignal): Promise<{ readonly confirm: (signal: AbortSignal) => Promise<void> } | null>;
  /** Gives the event back, so that its next delivery begins anew at once. */
  release(signal: AbortSignal): Promise<void>;
}

export interface EventLedgerOptions {
  /** Milliseconds for which an instance may be silent before another takes its event over; it renews at a third of that. Default 30 s. */
  readonly leaseMs?: number;
  /** Milliseconds for which answers are remembered. Default 4 days. */
  readonly recordMs?: number;
}

const LEASE_MS = 30_000;
/** Longer than platforms go on delivering an event: EventBridge tries for 24 hours, SQS keeps messages for 4 days by default. */
const RECORD_MS = 4 * 24 * 3_600_000;

/** Keys begin with `event/`. */
export function createEventLedger(store: StateStore, clock: Clock, options: EventLedgerOptions = {}): EventLedger {
  const { leaseMs = LEASE_MS, recordMs = RECORD_MS } = options;
  const running = (owner: string) => JSON.stringify({ state: "running", owner, until: clock.now() + leaseMs });

  function answered(key: string, version: string, response: CloudEvent, published: boolean): Extract<Claim, { kind: "answered" }> {
    return {
      kind: "answered",
      response,
      published,
      confirm: async (signal) => {
        if (!published) await store.put(key, written({ state: "published", response }), { expected: version, ttlMs: recordMs }, signal);
      },
    };
  }

  function lease(key: string, owner: string, first: string, began: number): Lease {
    let version = first;
    let until = began + leaseMs;

    /** Null: the lease is somebody else's, or has ended. */
    async function put(value: string, ttlMs: number, signal: AbortSignal): Promise<string | null> {
      const next = await store.put(key, value, { expected: version, ttlMs }, signal);
      if (next !== null) return next;
      // An earlier renewal may have been carried out and its answer lost: then the version is unknown, and the record still ours.
      const entry = await store.get(key, signal);
      const record = entry === null ? null : read(entry.value);
      if (entry === null || record?.state !== "running" || record.owner !== owner) return null;
      return store.put(key, value, { expected: entry.version, ttlMs }, signal);
    }

    return {
      leaseMs,
      goodUntil: () => until,
      async renew(signal) {
        const asked = clock.monotonic();
        const next = await put(running(owner), leaseMs, signal);
        if (next === null) return false;
        version = next;
        until = asked + leaseMs;
        return true;
      },
      async answer(response, signal) {
        const next = await put(written({ state: "answered", response }), recordMs, signal);
        return next === null ? null : answered(key, next, response, false);
      },
      async release(signal) {
        await store.remove(key, version, signal);
      },
    };
  }

  return {
    async claim(id, signal) {
      const key = `event/${id}`;
      const entry = await store.get(key, signal);
      const record = entry === null ? null : read(entry.value);
      if (entry !== null && record !== null) {
        if (record.state !== "running") return answered(key, entry.version, record.response, record.state === "published");
        // The store lets a lease end by its own clock; this is only how long to wait.
        return { kind: "running", forMs: Math.max(1_000, Math.min(leaseMs, record.until - clock.now())) };
      }
      const owner = crypto.randomUUID();
      const asked = clock.monotonic();
      const version = await store.put(key, running(owner), { expected: entry?.version ?? null, ttlMs: leaseMs }, signal);
      return version === null ? { kind: "running", forMs: 1_000 } : { kind: "ours", lease: lease(key, owner, version, asked) };
    },
  };
}

type EventRecord =
  | { readonly state: "running"; readonly owner: string | null; readonly until: number }
  | { readonly state: "answered" | "published"; readonly response: CloudEvent };

function written(record: Extract<EventRecord, { response: CloudEvent }>): string {
  return JSON.stringify({ state: record.state, response: structuredCloudEvent(record.response) });
}

/** Null: not a record of ours, which then counts as none: the event is called for once more rather than never. */
function read(text: string): EventRecord | null {
  const object = asObject(parseJson(text));
  const state = object?.["state"];
  if (state === "running") return { state, owner: asString(object?.["owner"]), until: Number(object?.["until"]) || 0 };
  if (state !== "answered" && state !== "published") return null;
  try {
    return { state, response: readStructured(object?.["response"]) };
  } catch (error) {
    if (error instanceof EventFault) return null;
    throw error;
  }
}
