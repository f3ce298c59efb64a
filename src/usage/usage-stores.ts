import type { UsageStorePlan } from "../model/limit.ts";
import type { Outlet } from "../model/outlet.ts";
import type { Secret, SecretReference } from "../model/secret.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { type UsageStore, UsageStoreError } from "../model/usage-store.ts";

/** The value of a secret that the snapshot names, from the cache that renews it. Rejects with `SecretStoreError`. */
export type ReadSecret = (reference: SecretReference, signal: AbortSignal) => Promise<Secret>;

/** What a platform adds so that limits are counted and usage is kept. */
export interface UsagePorts {
  /** Opens the store of a plan; null: the one that the platform's own settings name. Rejects where it cannot be opened; it is tried again with the next use. */
  open(plan: UsageStorePlan | null, readSecret: ReadSecret): Promise<UsageStore>;
  /** Where the store of a plan is, for locks that bind telemetry; null: in this instance's own memory. */
  outlet(plan: UsageStorePlan | null): Outlet | null;
  /** Timers run between calls: what is counted is told by itself. False: by `flush` only, which the platform calls behind each call. */
  readonly timers: boolean;
}

/** The stores of the Gateways of one broker, each opened with its first use. */
export interface UsageStores {
  /** The store of a Gateway (`namespace/name`): at once, where it is open. Rejects with `UsageStoreError` where it cannot be opened. */
  of(gateway: string): UsageStore | Promise<UsageStore>;
  /** From now on the plans of this snapshot hold. Gateways of the one before keep theirs, for what their calls still have to tell; other stores are closed. */
  load(snapshot: Snapshot): void;
  close(): Promise<void>;
}

export interface UsageStoresOptions {
  readonly open: UsagePorts["open"];
  readonly readSecret: ReadSecret;
  /** False on Workers, where a promise that one call began must not be awaited by another. */
  readonly shareFlights: boolean;
}

/** Gateways with the same plan share a store: it tells them apart by their names. */
export function createUsageStores({ open, readSecret, shareFlights }: UsageStoresOptions): UsageStores {
  const stores = new Map<string, UsageStore>();
  const flights = new Map<string, Promise<UsageStore>>();
  let plans = new Map<string, UsageStorePlan | null>();
  let before = plans;
  let isClosed = false;

  async function openOne(key: string, plan: UsageStorePlan | null): Promise<UsageStore> {
    let store: UsageStore;
    try {
      store = await open(plan, readSecret);
    } catch (error) {
      // What the reason may quote is not known: a store's address holds a password.
      throw new UsageStoreError("the store cannot be opened", { cause: error });
    }
    const known = stores.get(key);
    if (known === undefined && !isClosed) {
      stores.set(key, store);
      return store;
    }
    await store.close();
    if (known === undefined) throw new UsageStoreError("the broker is closed");
    return known;
  }

  return {
    of(gateway) {
      const plan = plans.get(gateway) ?? before.get(gateway) ?? null;
      const key = JSON.stringify(plan);
      const store = stores.get(key);
      if (store !== undefined) return store;
      if (!shareFlights) return openOne(key, plan);
      const flight = flights.get(key) ?? openOne(key, plan).finally(() => flights.delete(key));
      flights.set(key, flight);
      return flight;
    },
    load({ gateways }) {
      before = plans;
      plans = new Map(gateways.map(({ id, usageStore }) => [id, usageStore]));
      const used = new Set([...before.values(), ...plans.values(), null].map((plan) => JSON.stringify(plan)));
      for (const [key, store] of stores) {
        if (used.has(key)) continue;
        stores.delete(key);
        void store.close().catch(() => {});
      }
    },
    async close() {
      isClosed = true;
      const open = [...stores.values()];
      stores.clear();
      await Promise.allSettled(open.map((store) => store.close()));
    },
  };
}
