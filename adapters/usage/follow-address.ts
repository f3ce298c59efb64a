import { type UsageStore, UsageStoreError } from "../../src/index.ts";

export interface FollowedAddress {
  /** The address as it stands now, from a cache. May reject. */
  readonly read: (signal: AbortSignal) => Promise<string>;
  /** Throws `UsageStoreError` on what is no address, without quoting it. */
  readonly open: (address: string) => UsageStore;
}

/**
 * A store whose address is a secret, and holds a password that is changed from time to time: with another address another connection is made, and the one
 * before is closed once what was sent there is done. Where the secret cannot be read, the last one that could is used.
 */
export function followAddress({ read, open }: FollowedAddress): UsageStore {
  let current: { readonly address: string; readonly store: UsageStore } | null = null;
  let closed = false;

  async function store(signal: AbortSignal): Promise<UsageStore> {
    const address = await read(signal).catch(() => null);
    if (closed) throw new UsageStoreError("the store is closed");
    if (current !== null && (address === null || address === current.address)) return current.store;
    if (address === null) throw new UsageStoreError("the secret with the store's address cannot be read");
    const next = open(address);
    current?.store.close().catch(() => {});
    current = { address, store: next };
    return next;
  }

  return {
    shared: true,
    exchange: async (exchange, signal) => (await store(signal)).exchange(exchange, signal),
    accounts: async (realm, max, signal) => (await store(signal)).accounts(realm, max, signal),
    record: async (batch, signal) => (await store(signal)).record(batch, signal),
    usage: async (query, signal) => (await store(signal)).usage(query, signal),
    incidents: async (realm, max, signal) => (await store(signal)).incidents(realm, max, signal),
    async close() {
      closed = true;
      await current?.store.close();
    },
  };
}
