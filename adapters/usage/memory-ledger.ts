import { COUNT_NAMES, type Incident, type UsageBatch, type UsageCounts, type UsageQuery, type UsageRow, UsageStoreError } from "../../src/index.ts";
import { BATCH_MEMORY_MS, crowdedKeyOf, KEPT_MS, keyOf, MAX_INCIDENTS, MAX_KEYS, startOf } from "./check-batch.ts";

/** What calls used, in this process. */
export interface MemoryLedger {
  record(batch: UsageBatch, now: number): void;
  usage(query: UsageQuery, now: number): readonly UsageRow[];
  incidents(realm: string, max: number): readonly Incident[];
  clear(): void;
}

interface Realm {
  readonly hour: Map<number, Map<string, UsageRow>>;
  readonly day: Map<number, Map<string, UsageRow>>;
  /** The newest first. */
  incidents: readonly Incident[];
}

/** Batches remembered at most: fifteen minutes of a batch a second, and more. */
const MAX_BATCHES = 10_000;

/** Keeps `maxRows` rows at most; a batch that needs more is refused with `UsageStoreError`. */
export function createMemoryLedger(maxRows: number): MemoryLedger {
  const realms = new Map<string, Realm>();
  /** When each batch was recorded, the oldest first. */
  const batches = new Map<string, number>();
  let size = 0;

  function prune(now: number): void {
    for (const [id, at] of batches) {
      if (batches.size <= MAX_BATCHES && now - at < BATCH_MEMORY_MS) break;
      batches.delete(id);
    }
    for (const realm of realms.values()) {
      for (const interval of ["hour", "day"] as const) {
        for (const [from, rows] of realm[interval]) {
          if (from + KEPT_MS[interval] > now) continue;
          realm[interval].delete(from);
          size -= rows.size;
        }
      }
    }
  }

  function add(slots: Map<number, Map<string, UsageRow>>, from: number, row: UsageRow): void {
    const rows = slots.get(from) ?? new Map<string, UsageRow>();
    slots.set(from, rows);
    const own = keyOf(row);
    const crowded = !rows.has(own) && rows.size >= MAX_KEYS;
    const key = crowded ? crowdedKeyOf(row) : own;
    const before = rows.get(key);
    if (before === undefined) size += 1;
    rows.set(
      key,
      before === undefined
        ? { ...row, ...(crowded ? { serviceAccount: "", model: "", backend: "", region: "" } : {}), from }
        : { ...before, ...added(before, row) },
    );
  }

  return {
    record(batch, now) {
      prune(now);
      const id = JSON.stringify([batch.realm, batch.id]);
      if (batches.has(id)) return;
      // An hour and a day for each, at the most.
      if (size + 2 * batch.rows.length > maxRows) throw new UsageStoreError("the memory store is full of usage");
      const realm = realms.get(batch.realm) ?? { hour: new Map(), day: new Map(), incidents: [] };
      realms.set(batch.realm, realm);
      batches.set(id, now);
      for (const row of batch.rows) {
        for (const interval of ["hour", "day"] as const) {
          const from = startOf(interval, row.from);
          if (from + KEPT_MS[interval] > now) add(realm[interval], from, row);
        }
      }
      if (batch.incidents.length > 0)
        realm.incidents = [...batch.incidents, ...realm.incidents].sort((one, other) => other.time - one.time).slice(0, MAX_INCIDENTS);
    },
    usage({ realm, interval, from, to }, now) {
      const slots = [...(realms.get(realm)?.[interval] ?? [])];
      return slots.filter(([start]) => start >= from && start < to && start + KEPT_MS[interval] > now).flatMap(([, rows]) => [...rows.values()]);
    },
    incidents: (realm, max) => (realms.get(realm)?.incidents ?? []).slice(0, max),
    clear() {
      realms.clear();
      batches.clear();
    },
  };
}

function added(one: UsageCounts, other: UsageCounts): UsageCounts {
  const sum = (count: keyof UsageCounts) => Math.min(Number.MAX_SAFE_INTEGER, one[count] + other[count]);
  // Each count is set from the list of all counts.
  return Object.fromEntries(COUNT_NAMES.map((count) => [count, sum(count)])) as unknown as UsageCounts;
}
