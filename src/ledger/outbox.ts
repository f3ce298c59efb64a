import type { Clock } from "../model/ports.ts";
import type { Incident, UsageBatch, UsageRow, UsageStore } from "../model/usage-store.ts";

/** Batches on their way to one store: each is sent under the same id until it is taken or given up. */
export interface Outbox {
  /** Sends what failed before, then what waits. True: nothing waits any more; false: the store does not take it now. Never rejects. */
  send(signal: AbortSignal): Promise<boolean>;
  /** Batches that no store has taken yet. */
  size(): number;
}

export interface OutboxOptions {
  readonly realm: string;
  readonly clock: Clock;
  readonly open: () => UsageStore | Promise<UsageStore>;
  /** The content of a new batch; null: nothing waits. */
  readonly take: () => { readonly rows: readonly UsageRow[]; readonly incidents: readonly Incident[] } | null;
  /** Batches that may be out at the same time; while so many are, what is new goes on being added up. */
  readonly maxOpen: number;
  readonly onTaken: () => void;
  /** So many calls are in no store, and never will be. */
  readonly onLoss: (calls: number) => void;
}

interface Parcel {
  readonly batch: UsageBatch;
  /** Monotonic milliseconds. */
  readonly made: number;
  /** Since when it is on its way; null: it waits to be sent again. */
  sentAt: number | null;
}

/** A store remembers a batch for ten minutes. One that may have been taken, and was not answered, must not come again later: it would count twice. */
const GIVE_UP_MS = 9 * 60_000;
/** A send that gives no sign for so long was cut off with whatever began it. */
const STUCK_MS = 60_000;

const NOTHING = { rows: [], incidents: [] };

/**
 * An empty outbox. A batch that was not answered holds up the ones after it, and once it had to be given up a batch of nothing asks whether the store is
 * back. So what comes up during an outage is not sent into it: the batches that were on their way when it began are all that can be lost.
 */
export function createOutbox({ realm, clock, open, take, maxOpen, onTaken, onLoss }: OutboxOptions): Outbox {
  const parcels = new Set<Parcel>();
  let isAway = false;

  function giveUpOld(now: number): void {
    for (const parcel of parcels) {
      if (now - parcel.made < GIVE_UP_MS) continue;
      parcels.delete(parcel);
      onLoss(parcel.batch.rows.reduce((sum, row) => sum + row.requests, 0));
    }
  }

  /** Those that wait to be sent again come first. */
  function next(): Parcel | null {
    const now = clock.monotonic();
    giveUpOld(now);
    for (const parcel of parcels) if (parcel.sentAt === null || now - parcel.sentAt > STUCK_MS) return parcel;
    if (parcels.size >= maxOpen) return null;
    const content = isAway ? NOTHING : take();
    if (content === null) return null;
    const parcel: Parcel = { batch: { id: crypto.randomUUID(), realm, ...content }, made: now, sentAt: null };
    parcels.add(parcel);
    return parcel;
  }

  async function deliver(parcel: Parcel, signal: AbortSignal): Promise<boolean> {
    parcel.sentAt = clock.monotonic();
    try {
      const recorded = async (): Promise<void> => (await open()).record(parcel.batch, signal);
      await within(recorded(), signal);
    } catch {
      // It is sent again as it is: its answer may be all that was lost.
      parcel.sentAt = null;
      isAway = true;
      return false;
    }
    parcels.delete(parcel);
    isAway = false;
    onTaken();
    return true;
  }

  return {
    async send(signal) {
      for (;;) {
        if (signal.aborted) return false;
        const parcel = next();
        if (parcel === null) return true;
        if (!(await deliver(parcel, signal))) return false;
      }
    },
    size: () => parcels.size,
  };
}

/** A store that does not look at the signal holds up nobody. */
function within(work: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
