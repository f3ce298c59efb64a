import { describe, expect, it } from "vitest";
import { createMemoryStore } from "../../adapters/state/memory-store.ts";
import { StateStoreError } from "../../src/index.ts";
import { createFakeClock } from "../fakes/clock.ts";
import { testStateStore } from "./state-store.ts";

testStateStore("memory", async () => {
  const clock = createFakeClock();
  const store = createMemoryStore({ now: clock.monotonic });
  return { store, other: null, hurried: null, pass: (ms) => clock.advance(ms), realTime: false, outage: null, close: () => store.close() };
});

describe("the memory store's bounds", () => {
  const signal = new AbortController().signal;

  it("pushes out what was written longest ago, and refuses before it forgets what is younger than five minutes", async () => {
    const clock = createFakeClock();
    const store = createMemoryStore({ now: clock.monotonic, maxEntries: 3 });
    const put = (key: string, expected: string | null = null) => store.put(key, key, { expected, ttlMs: 3_600_000 }, signal);
    const first = await put("a");
    await put("b");
    await clock.advance(60_000);
    await put("c");
    await expect(put("d")).rejects.toBeInstanceOf(StateStoreError);
    // Writing an entry again needs no new place, and makes it young.
    const renewed = await put("a", first);
    expect(renewed).not.toBeNull();
    await clock.advance(241_000);
    expect(await put("d")).not.toBeNull();
    expect(await store.get("b", signal)).toBeNull();
    expect(await store.get("a", signal)).toEqual({ value: "a", version: renewed });
    expect(await store.get("c", signal)).not.toBeNull();
  });

  it("makes room by what has ended first", async () => {
    const clock = createFakeClock();
    const store = createMemoryStore({ now: clock.monotonic, maxEntries: 2 });
    await store.put("long", "x", { expected: null, ttlMs: 3_600_000 }, signal);
    await store.put("short", "x", { expected: null, ttlMs: 1_000 }, signal);
    await clock.advance(400_000);
    expect(await store.put("new", "x", { expected: null, ttlMs: 1_000 }, signal)).not.toBeNull();
    expect(await store.get("long", signal)).not.toBeNull();
  });

  it("counts bytes, gives them back, and keeps the entry whose new value does not fit", async () => {
    const clock = createFakeClock();
    const store = createMemoryStore({ now: clock.monotonic, maxBytes: 10_000 });
    let version: string | null = null;
    for (let round = 0; round < 50; round += 1) {
      version = await store.put("key", "x".repeat(4_000), { expected: version, ttlMs: 1_000 }, signal);
      expect(version).not.toBeNull();
    }
    await expect(store.put("key", "x".repeat(5_000), { expected: version, ttlMs: 1_000 }, signal)).rejects.toBeInstanceOf(StateStoreError);
    expect(await store.get("key", signal)).toEqual({ value: "x".repeat(4_000), version });
    await expect(store.put("other", "x".repeat(4_000), { expected: null, ttlMs: 1_000 }, signal)).rejects.toBeInstanceOf(StateStoreError);
    expect(await store.remove("key", version ?? "", signal)).toBe(true);
    expect(await store.put("other", "x".repeat(4_000), { expected: null, ttlMs: 1_000 }, signal)).not.toBeNull();
  });
});
