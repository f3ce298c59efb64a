import type { Incident } from "../model/usage-store.ts";

/** Lets an incident through, perhaps saying how many like it were held back before it; null: it is held back as well. */
export type IncidentGate = (incident: Incident) => Incident | null;

const WINDOW_MS = 10_000;
const PER_WINDOW = 5;
/** Kinds of incidents that are told apart; those beyond share one bucket. */
const MAX_BUCKETS = 1_000;

interface Bucket {
  since: number;
  told: number;
  heldBack: number;
}

/**
 * The store keeps few incidents, and one caller that is refused a thousand times a second must not push out all the others: five in ten seconds
 * for each namespace, route and reason. `monotonic` gives milliseconds.
 */
export function createIncidentGate(monotonic: () => number): IncidentGate {
  const buckets = new Map<string, Bucket>();

  function bucketOf(id: string, now: number): Bucket {
    const known = buckets.get(id);
    if (known !== undefined) return known;
    const bucket: Bucket = { since: now, told: 0, heldBack: 0 };
    buckets.set(id, bucket);
    return bucket;
  }

  function forgetQuiet(now: number): void {
    for (const [id, bucket] of buckets) if (now - bucket.since >= WINDOW_MS && bucket.heldBack === 0) buckets.delete(id);
  }

  return (incident) => {
    const now = monotonic();
    const id = `${incident.namespace}\n${incident.route}\n${incident.kind}\n${incident.reason}`;
    if (buckets.size >= MAX_BUCKETS && !buckets.has(id)) forgetQuiet(now);
    const bucket = bucketOf(buckets.size >= MAX_BUCKETS && !buckets.has(id) ? "" : id, now);
    if (now - bucket.since >= WINDOW_MS) {
      bucket.since = now;
      bucket.told = 0;
    }
    if (bucket.told >= PER_WINDOW) {
      bucket.heldBack += 1;
      return null;
    }
    bucket.told += 1;
    const { heldBack } = bucket;
    bucket.heldBack = 0;
    return heldBack === 0 ? incident : { ...incident, detail: `${incident.detail} ${heldBack} more like it came before and are not shown.`.trim() };
  };
}
