import { type Clock, type StateStore, StateStoreError } from "../../src/index.ts";

/** A store in memory, by the test's clock, that many instances may use. */
export interface FakeState {
  /** As one instance sees it. `before` runs before each of its operations: it may throw, or never resolve, as an instance does that is killed. */
  client(before?: (operation: "get" | "put" | "remove", key: string) => Promise<void> | void): StateStore;
  /** Keys that are alive, with their values. */
  entries(): ReadonlyMap<string, string>;
  /** While true every operation rejects. */
  down: boolean;
}

export function createFakeState(clock: Clock): FakeState {
  const entries = new Map<string, { readonly value: string; readonly version: string; readonly until: number }>();
  let versions = 0;
  const alive = (key: string) => {
    const entry = entries.get(key);
    if (entry !== undefined && clock.monotonic() >= entry.until) entries.delete(key);
    return entries.get(key) ?? null;
  };
  const state: FakeState = {
    down: false,
    entries: () => new Map([...entries.keys()].flatMap((key) => (alive(key) === null ? [] : [[key, alive(key)?.value ?? ""] as const]))),
    client(before = () => {}) {
      const enter = async (operation: "get" | "put" | "remove", key: string): Promise<void> => {
        await before(operation, key);
        if (state.down) throw new StateStoreError("the store is down");
      };
      return {
        shared: true,
        async get(key) {
          await enter("get", key);
          const entry = alive(key);
          return entry === null ? null : { value: entry.value, version: entry.version };
        },
        async put(key, value, { expected, ttlMs }) {
          await enter("put", key);
          if ((alive(key)?.version ?? null) !== expected) return null;
          versions += 1;
          entries.set(key, { value, version: `v${versions}`, until: clock.monotonic() + ttlMs });
          return `v${versions}`;
        },
        async remove(key, expected) {
          await enter("remove", key);
          return alive(key)?.version === expected && entries.delete(key);
        },
        close: async () => {},
      };
    },
  };
  return state;
}
