import { describe, expect, it } from "vitest";
import type { UsageStorePlan } from "../../../src/model/limit.ts";
import type { Snapshot } from "../../../src/model/snapshot.ts";
import { type UsageStore, UsageStoreError } from "../../../src/model/usage-store.ts";
import { createUsageStores } from "../../../src/usage/usage-stores.ts";
import { createUsageRecords } from "../../fakes/usage-records.ts";

const TABLE: UsageStorePlan = { kind: "dynamodb", table: "usage", region: null };
const OTHER: UsageStorePlan = { kind: "dynamodb", table: "other", region: null };
const readSecret = () => Promise.reject(new Error("no secrets here"));

/** Of a snapshot only the plans are looked at. */
const snapshotOf = (plans: Readonly<Record<string, UsageStorePlan | null>>): Snapshot =>
  ({ gateways: Object.entries(plans).map(([id, usageStore]) => ({ id, usageStore })) }) as unknown as Snapshot;

function world(shareFlights = true) {
  const opened: (UsageStorePlan | null)[] = [];
  const closed: UsageStore[] = [];
  let trouble: Error | null = null;
  const stores = createUsageStores({
    readSecret,
    shareFlights,
    open: async (plan) => {
      opened.push(plan);
      await Promise.resolve();
      if (trouble !== null) throw trouble;
      const store: UsageStore = { ...createUsageRecords(), close: async () => void closed.push(store) };
      return store;
    },
  });
  return {
    stores,
    opened,
    closed,
    fail: (error: Error | null) => {
      trouble = error;
    },
  };
}

describe("the stores of the Gateways", () => {
  it("are opened once a plan, and are there at once from then on", async () => {
    const { stores, opened } = world();
    stores.load(snapshotOf({ "a/one": TABLE, "a/two": TABLE, "b/three": null }));
    const [one, two, three] = await Promise.all([stores.of("a/one"), stores.of("a/two"), stores.of("b/three")]);
    expect(one).toBe(two);
    expect(three).not.toBe(one);
    expect(opened).toEqual([TABLE, null]);
    expect(stores.of("a/one")).toBe(one);
  });

  it("one that cannot be opened is tried again, and the reason is not quoted", async () => {
    const { stores, opened, fail } = world();
    stores.load(snapshotOf({ "a/one": TABLE }));
    fail(new Error("redis://user:password@host"));
    await expect(stores.of("a/one")).rejects.toSatisfy((error) => error instanceof UsageStoreError && !error.message.includes("password"));
    fail(null);
    expect(await stores.of("a/one")).toBe(stores.of("a/one"));
    expect(opened).toHaveLength(2);
  });

  it("a store that is replaced stays for what is still to be told, and is closed with the load after", async () => {
    const { stores, closed } = world();
    stores.load(snapshotOf({ "a/one": TABLE, "a/gone": OTHER }));
    const [old, gone] = await Promise.all([stores.of("a/one"), stores.of("a/gone")]);
    stores.load(snapshotOf({ "a/one": OTHER }));
    expect(await stores.of("a/one")).toBe(gone);
    expect(await stores.of("a/gone")).toBe(gone);
    expect(closed).toEqual([]);
    stores.load(snapshotOf({ "a/one": OTHER }));
    expect(closed).toEqual([old]);
    await stores.close();
    expect(closed).toEqual([old, gone]);
  });

  it("on Workers no call waits for what another began", async () => {
    const { stores, opened, closed } = world(false);
    stores.load(snapshotOf({ "a/one": TABLE }));
    const [one, two] = await Promise.all([stores.of("a/one"), stores.of("a/one")]);
    expect(opened).toHaveLength(2);
    expect(one).toBe(two);
    expect(closed).toHaveLength(1);
  });

  it("what is opened after the end is closed at once", async () => {
    const { stores, closed } = world();
    const late = stores.of("a/one");
    await stores.close();
    await expect(late).rejects.toThrow("closed");
    expect(closed).toHaveLength(1);
  });
});
