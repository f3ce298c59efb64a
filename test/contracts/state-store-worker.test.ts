import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDurableObjectStore, type StateNamespace } from "../../adapters/state/durable-object-store.ts";
import { startWorkerState, type WorkerState } from "../fakes/worker-state.ts";
import { testStateStore } from "./state-store.ts";

testStateStore("Durable Objects in workerd", async () => {
  const state = await startWorkerState();
  const create = (timeoutMs: number) => createDurableObjectStore({ namespace: state.namespace, jurisdiction: null, timeoutMs });
  return {
    store: create(20_000),
    other: create(20_000),
    hurried: create(1_000),
    pass: (ms) => new Promise((settle) => setTimeout(settle, ms)),
    realTime: true,
    outage: async (mode) => {
      state.mode = mode;
    },
    close: state.close,
  };
});

describe("the Durable Object store", () => {
  let state: WorkerState;
  const signal = new AbortController().signal;
  beforeAll(async () => {
    state = await startWorkerState();
  });
  afterAll(() => state.close());

  it("spreads keys over its objects, the same key always to the same", async () => {
    const store = createDurableObjectStore({ namespace: state.namespace, jurisdiction: null, timeoutMs: 30_000 });
    await Promise.all(Array.from({ length: 400 }, (_, index) => store.get(`event/${index}`, signal)));
    expect(state.asked.size).toBeGreaterThan(50);
    expect(state.asked.size).toBeLessThanOrEqual(64);
    state.asked.clear();
    for (let round = 0; round < 3; round += 1) await store.get("one/key", signal);
    expect(state.asked.size).toBe(1);
  });

  it("sweeps out what has ended, and keeps the rest", async () => {
    const store = createDurableObjectStore({ namespace: state.namespace, jurisdiction: null, timeoutMs: 30_000 });
    state.asked.clear();
    await store.put("swept", "x", { expected: null, ttlMs: 30 }, signal);
    const [name = ""] = state.asked;
    await store.put("kept", "x", { expected: null, ttlMs: 60_000 }, signal);
    await new Promise((settle) => setTimeout(settle, 60));
    expect(await state.sweep(name)).toBe(1);
    expect(await state.sweep(name)).toBe(0);
    expect(await store.get("swept", signal)).toBeNull();
    expect(await store.get("kept", signal)).toMatchObject({ value: "x" });
  });

  it("asks the namespace of its jurisdiction, and nobody where that is not to be had", async () => {
    const asked: string[] = [];
    const shard = { read: () => null, write: () => true, erase: () => true };
    const european: StateNamespace = { getByName: () => shard, jurisdiction: () => european };
    const namespace: StateNamespace = {
      getByName: () => {
        asked.push("anywhere");
        return shard;
      },
      jurisdiction: (name) => {
        asked.push(name);
        return european;
      },
    };
    expect(await createDurableObjectStore({ namespace, jurisdiction: "eu" }).get("key", signal)).toBeNull();
    expect(asked).toEqual(["eu"]);
    // workerd knows no jurisdictions.
    const local = createDurableObjectStore({ namespace: state.namespace, jurisdiction: "eu" });
    await expect(local.put("key", "x", { expected: null, ttlMs: 1_000 }, signal)).rejects.toMatchObject({ name: "StateStoreError" });
  });
});
