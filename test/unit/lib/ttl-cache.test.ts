import fc from "fast-check";
import { expect, it } from "vitest";
import { createTtlCache } from "../../../src/lib/ttl-cache.ts";
import { createFakeClock } from "../../fakes/clock.ts";

it("ends its entries on time, and stores nothing for no time", async () => {
  const clock = createFakeClock();
  const cache = createTtlCache<{ n: number }>({ maxEntries: 10, monotonic: clock.monotonic });
  cache.set("a", { n: 1 }, 100);
  cache.set("b", { n: 2 }, 0);
  cache.set("c", { n: 3 }, Number.NaN);
  expect([cache.get("a")?.n, cache.get("b"), cache.get("c"), cache.size]).toEqual([1, null, null, 1]);
  await clock.advance(99);
  expect(cache.get("a")?.n).toBe(1);
  await clock.advance(1);
  expect([cache.get("a"), cache.size]).toEqual([null, 0]);
  cache.set("a", { n: 1 }, 100);
  cache.set("a", { n: 2 }, -1);
  expect(cache.get("a")).toBeNull();
  cache.set("d", { n: 1 }, 100);
  cache.set("e", { n: 1 }, 100);
  cache.delete("d");
  expect([cache.get("d"), cache.get("e")?.n]).toEqual([null, 1]);
  cache.clear();
  expect(cache.size).toBe(0);
});

it("law: never holds more than it may, and what it holds is what was written last", () => {
  const clock = createFakeClock();
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 20 }), fc.integer())), (writes) => {
      const cache = createTtlCache<{ n: number }>({ maxEntries: 5, monotonic: clock.monotonic });
      const last = new Map<string, number>();
      for (const [key, n] of writes) {
        cache.set(`${key}`, { n }, 1_000);
        last.set(`${key}`, n);
        expect(cache.size).toBeLessThanOrEqual(5);
        expect(cache.get(`${key}`)?.n).toBe(n);
      }
      for (const [key, n] of last) expect([n, undefined]).toContain(cache.get(key)?.n);
      expect(cache.size).toBe(Math.min(5, last.size));
    }),
  );
});
