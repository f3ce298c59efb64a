import type { Degradation, DegradedDetail, DegradedPart, DegradedPort, DegradedReason } from "../model/degradation.ts";
import type { Clock } from "../model/ports.ts";

/** Keeps what is degraded in this instance: for `/-/status`, for a metric, and for the log once when it begins and once when it ends. */
export interface Degradations extends DegradedPort {
  /** What is degraded now, the oldest first. */
  list(): readonly Degradation[];
}

interface Entry {
  readonly part: DegradedPart;
  readonly subject: string;
  reason: DegradedReason;
  detail: string | null;
  since: number;
  /** Monotonic milliseconds. */
  began: number;
  /** Monotonic milliseconds at which it was said last. */
  saidAt: number;
  /** Monotonic milliseconds; null: it is not known. */
  until: number | null;
  isOn: boolean;
  /** The line of its beginning was written, and that of its end is owed. */
  isTold: boolean;
  /** When the last line of a beginning was written, in monotonic milliseconds. */
  toldAt: number;
}

/** Subjects come from manifests; this bound is for what nobody thought of. */
const MAX_ENTRIES = 512;
/** What comes and goes by the second gets a line in this time, and not one a change. */
const TELL_EVERY_MS = 10_000;

/** Only calls tell of these, again with each that meets them: once nobody has for so long, nobody uses what they are about, and it may be in no manifest any more. */
const TOLD_BY_CALLS: ReadonlySet<DegradedPart> = new Set(["names", "credential", "usage_store"]);
const UNUSED_MS = 3_600_000;

/** `log` takes one JSON object without line end; null: no line is made. */
export function createDegradations(clock: Clock, log: ((line: string) => void) | null): Degradations {
  const entries = new Map<string, Entry>();
  let on = 0;

  function entryOf(part: DegradedPart, subject: string, reason: DegradedReason): Entry | null {
    const key = `${part} ${subject}`;
    const known = entries.get(key);
    if (known !== undefined) return known;
    if (entries.size >= MAX_ENTRIES) {
      const over = [...entries].find(([, { isOn }]) => !isOn);
      if (over === undefined) return null;
      entries.delete(over[0]);
    }
    const entry: Entry = {
      part,
      subject,
      reason,
      detail: null,
      since: 0,
      began: 0,
      saidAt: 0,
      until: null,
      isOn: false,
      isTold: false,
      toldAt: Number.NEGATIVE_INFINITY,
    };
    entries.set(key, entry);
    return entry;
  }

  function tell(entry: Entry, level: "warn" | "info", msg: string, more: Readonly<Record<string, unknown>>): void {
    const { part, subject, reason } = entry;
    log?.(JSON.stringify({ time: new Date(clock.now()).toISOString(), level, msg, part, subject, reason, ...more }));
  }

  function end(entry: Entry, more: Readonly<Record<string, unknown>> = {}): void {
    entry.isOn = false;
    on -= 1;
    if (!entry.isTold) return;
    entry.isTold = false;
    tell(entry, "info", "recovered", { after_ms: Math.round(clock.monotonic() - entry.began), ...more });
  }

  return {
    enter(part, subject, reason, { detail, forMs }: DegradedDetail = {}) {
      const entry = entryOf(part, subject, reason);
      if (entry === null) return;
      const isNews = !entry.isOn || entry.reason !== reason;
      const now = clock.monotonic();
      if (!entry.isOn) {
        entry.isOn = true;
        entry.since = clock.now();
        entry.began = now;
        on += 1;
      }
      entry.saidAt = now;
      entry.reason = reason;
      entry.detail = detail ?? null;
      entry.until = forMs === undefined ? null : now + forMs;
      if (!isNews || now - entry.toldAt < TELL_EVERY_MS) return;
      entry.toldAt = now;
      entry.isTold = true;
      tell(entry, "warn", "degraded", { detail: entry.detail, docs: degradedDocs(part) });
    },
    leave(part, subject) {
      if (on === 0) return;
      const entry = entries.get(`${part} ${subject}`);
      if (entry?.isOn === true) end(entry);
    },
    list() {
      const now = clock.monotonic();
      for (const entry of entries.values()) {
        if (entry.isOn && TOLD_BY_CALLS.has(entry.part) && now - entry.saidAt >= UNUSED_MS) end(entry, { unused: true });
      }
      const wall = clock.now();
      return [...entries.values()]
        .filter(({ isOn }) => isOn)
        .sort((a, b) => a.began - b.began)
        .map(({ part, subject, reason, detail, since, until }) => ({
          part,
          subject,
          reason,
          detail,
          since,
          until: until === null || until <= now ? null : Math.round(wall + until - now),
        }));
    },
  };
}

/** Where the documentation tells of it. */
export function degradedDocs(part: DegradedPart): string {
  return `docs/failures.md#degraded-${part}`;
}
