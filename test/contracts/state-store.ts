import { randomBytes } from "node:crypto";
import { inspect } from "node:util";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type StateStore, StateStoreError } from "../../src/index.ts";
import { leastTime } from "../fakes/least-time.ts";

/** What a store brings along to be tried: two of it over the same place, as two instances have, and a hand on that place. */
export interface StateStoreSubject {
  readonly store: StateStore;
  /** Null: the place is inside the store. */
  readonly other: StateStore | null;
  /** The same over the same place with a short time limit, for a place that is silent: on a busy machine others look silent too. Null: it has none. */
  readonly hurried: StateStore | null;
  /** Lets time pass for the store, in milliseconds. */
  pass(ms: number): Promise<void>;
  /** Whether that is real time. */
  readonly realTime: boolean;
  /** Takes the place away (`down`: nobody there; `stalled`: it takes and does not answer), or brings it back, perhaps empty; null: it cannot go. */
  readonly outage: ((state: "up" | "down" | "stalled") => Promise<void>) | null;
  close(): Promise<void>;
}

/** An operation of a store that nobody reaches ends within this. Milliseconds. */
const BOUND_MS = 20_000;
const MINUTE_MS = 60_000;

/** The law of every StateStore. */
export function testStateStore(name: string, create: () => Promise<StateStoreSubject>): void {
  describe(`StateStore: ${name}`, () => {
    let subject: StateStoreSubject;
    let store: StateStore;
    let other: StateStore;
    const signal = new AbortController().signal;
    const run = randomBytes(6).toString("hex");
    let keys = 0;
    const fresh = (label = "key") => `${run}/${label}/${keys++}`;
    const put = (key: string, value: string, expected: string | null = null, ttlMs = MINUTE_MS, at = store) => at.put(key, value, { expected, ttlMs }, signal);
    const written = async (key: string, value: string, expected: string | null = null, ttlMs = MINUTE_MS): Promise<string> => {
      const version = await put(key, value, expected, ttlMs);
      if (version === null) throw new Error("somebody else was faster, where there is nobody else");
      return version;
    };

    beforeAll(async () => {
      subject = await create();
      store = subject.store;
      other = subject.other ?? subject.store;
    });
    afterAll(async () => {
      await subject.close();
    });

    it("gives what was written, with its version, to everybody", async () => {
      const key = fresh();
      expect(await store.get(key, signal)).toBeNull();
      const version = await written(key, "one");
      expect(await store.get(key, signal)).toEqual({ value: "one", version });
      expect(await other.get(key, signal)).toEqual({ value: "one", version });
      const second = await put(key, "two", version, MINUTE_MS, other);
      expect(second).not.toBe(version);
      expect(await store.get(key, signal)).toEqual({ value: "two", version: second });
    });

    it("writes only where the version is the expected one, and else changes nothing", async () => {
      const key = fresh();
      expect(await put(key, "x", "00000000-0000-4000-8000-000000000000")).toBeNull();
      expect(await store.get(key, signal)).toBeNull();
      const first = await written(key, "one");
      expect(await put(key, "x", null)).toBeNull();
      const second = await written(key, "two", first);
      expect(await put(key, "x", first)).toBeNull();
      expect(await put(key, "x", null)).toBeNull();
      expect(await store.get(key, signal)).toEqual({ value: "two", version: second });
      expect(await put(fresh(), "x", second)).toBeNull();
    });

    it("removes only what has the expected version", async () => {
      const key = fresh();
      const first = await written(key, "one");
      const second = await written(key, "two", first);
      expect(await store.remove(key, first, signal)).toBe(false);
      expect(await other.get(key, signal)).toEqual({ value: "two", version: second });
      expect(await other.remove(key, second, signal)).toBe(true);
      expect(await store.get(key, signal)).toBeNull();
      expect(await store.remove(key, second, signal)).toBe(false);
      expect(await store.remove(fresh(), second, signal)).toBe(false);
    });

    it("never uses a version again, also not for the same value after a removal", async () => {
      const key = fresh();
      const versions = new Set<string>();
      for (let round = 0; round < 5; round += 1) {
        const first = await written(key, "same");
        const second = await written(key, "same", first);
        versions.add(first).add(second);
        expect(await store.remove(key, second, signal)).toBe(true);
        expect(await put(key, "x", first)).toBeNull();
      }
      expect(versions.size).toBe(10);
    });

    it("lets exactly one of fifty be the first, and exactly one of fifty the next", async () => {
      const key = fresh();
      let expected: string | null = null;
      for (let round = 0; round < 3; round += 1) {
        const race: (string | null)[] = await Promise.all(
          Array.from({ length: 50 }, (_, index) => put(key, `${round}-${index}`, expected, MINUTE_MS, index % 2 === 0 ? store : other)),
        );
        const winners = race.flatMap((version, index) => (version === null ? [] : [{ version, value: `${round}-${index}` }]));
        expect(winners).toHaveLength(1);
        expect(await store.get(key, signal)).toEqual(winners[0]);
        expected = winners[0]?.version ?? null;
      }
      const last = expected ?? "";
      const removals = await Promise.all(Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? store : other).remove(key, last, signal)));
      expect(removals.filter(Boolean)).toHaveLength(1);
    });

    it("lets an entry end at its time: it is not read, not replaced by its version, and its place is free", async () => {
      const key = fresh();
      const version = await written(key, "lease", null, 3_000);
      await subject.pass(40);
      expect(await other.get(key, signal)).toEqual({ value: "lease", version });
      await subject.pass(3_050);
      expect(await other.get(key, signal)).toBeNull();
      expect(await store.remove(key, version, signal)).toBe(false);
      expect(await put(key, "x", version)).toBeNull();
      const next = await put(key, "taken over", null, MINUTE_MS, other);
      expect(next).not.toBeNull();
      expect(next).not.toBe(version);
      expect(await store.get(key, signal)).toEqual({ value: "taken over", version: next });
    });

    it("counts an entry's time from its last writing, longer or shorter", async () => {
      const [longer, shorter] = [fresh(), fresh()];
      await written(longer, "b", await written(longer, "a", null, 3_000), 60_000);
      await written(shorter, "b", await written(shorter, "a", null, 60_000), 3_000);
      await subject.pass(3_050);
      expect(await store.get(longer, signal)).toMatchObject({ value: "b" });
      expect(await store.get(shorter, signal)).toBeNull();
    });

    it.each([
      ["empty", ""],
      ["JSON with everything in it", JSON.stringify({ a: [1, null, "\u0000\n\r\t\"\\'"], 日本: "😀" })],
      ["all characters below 256", Array.from({ length: 256 }, (_, unit) => String.fromCharCode(unit)).join("")],
      ["256 KiB", "x".repeat(256 * 1024)],
      ["256 KiB that double when escaped", '"'.repeat(256 * 1024)],
      ["256 KiB of four bytes each", "😀".repeat(64 * 1024)],
    ])("keeps a value as it is: %s", async (_, value) => {
      const key = fresh();
      const version = await written(key, value);
      const entry = await other.get(key, signal);
      expect(entry?.version).toBe(version);
      expect(entry?.value === value).toBe(true);
    });

    it.each([
      ["slashes and dots", "a//b/../c/./d/"],
      ["braces", "}{a}{b"],
      ["spaces and line ends", " a\r\n\tb "],
      ["more than ASCII", "schlüssel/日本/😀"],
      ["glob and shell", "*?[a-z]$(x)`;'\"\\"],
      ["URL", "https://user@example.com:80/a?b=c&d=%2F#e"],
      ["words of JavaScript", "__proto__"],
      ["1 KiB", "k".repeat(1_000)],
    ])("takes any key: %s", async (_, odd) => {
      const key = `${fresh()}/${odd}`;
      const version = await written(key, odd);
      expect(await other.get(key, signal)).toEqual({ value: odd, version });
      expect(await store.get(`${key}x`, signal)).toBeNull();
      expect(await other.remove(key, version, signal)).toBe(true);
    });

    it("tells keys apart that look alike", async () => {
      const base = fresh();
      const alike = ["a", "A", "a ", " a", "ä", "a\u0308", "a/", "{a}", "a}"].map((end) => `${base}/${end}`);
      for (const key of alike) await written(key, key);
      for (const key of alike) expect((await other.get(key, signal))?.value).toBe(key);
    });

    it("refuses what no store may take, and keeps what was there", async () => {
      const key = fresh();
      const version = await written(key, "kept");
      for (const value of ["x".repeat(256 * 1024 + 1), "é".repeat(128 * 1024 + 1)]) {
        await expect(put(key, value, version)).rejects.toBeInstanceOf(StateStoreError);
      }
      for (const ttlMs of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) await expect(put(key, "x", version, ttlMs)).rejects.toBeInstanceOf(StateStoreError);
      for (const odd of ["", "k".repeat(2_049)]) {
        await expect(store.get(odd, signal)).rejects.toBeInstanceOf(StateStoreError);
        await expect(put(odd, "x")).rejects.toBeInstanceOf(StateStoreError);
        await expect(store.remove(odd, version, signal)).rejects.toBeInstanceOf(StateStoreError);
      }
      expect(await store.get(key, signal)).toEqual({ value: "kept", version });
    });

    it("rejects at once when the asker has left, and does nothing", async () => {
      const key = fresh();
      const gone = AbortSignal.abort();
      const version = await written(key, "kept");
      await expect(store.get(key, gone)).rejects.toBeInstanceOf(StateStoreError);
      await expect(store.put(key, "x", { expected: version, ttlMs: MINUTE_MS }, gone)).rejects.toBeInstanceOf(StateStoreError);
      await expect(store.remove(key, version, gone)).rejects.toBeInstanceOf(StateStoreError);
      expect(await store.get(key, signal)).toEqual({ value: "kept", version });
    });

    it("does as the simplest store would, whatever is asked", async () => {
      const step = fc.record({
        what: fc.constantFrom("get" as const, "put" as const, "remove" as const, ...(subject.realTime ? [] : (["pass"] as const))),
        key: fc.constantFrom("a", "b"),
        // Which of the versions that were given so far; -1: none is expected.
        expected: fc.integer({ min: -1, max: 3 }),
        at: fc.boolean(),
        // Real time passes too, and none of them must end by it.
        ttlMs: fc.constantFrom(20_000, MINUTE_MS),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
          const base = fresh("law");
          const model = new Map<string, { value: string; version: string; endsAt: number }>();
          const versions: string[] = [];
          let time = 0;
          for (const { what, key, expected: chosen, at, ttlMs } of steps) {
            const place = at ? store : other;
            const name = `${base}/${key}`;
            const expected = chosen === -1 ? null : (versions.at(-1 - chosen) ?? null);
            const held = model.get(key);
            const live = held !== undefined && held.endsAt > time ? held : null;
            if (what === "pass") {
              await subject.pass(30_000);
              time += 30_000;
            } else if (what === "get") {
              expect(await place.get(name, signal)).toEqual(live === null ? null : { value: live.value, version: live.version });
            } else if (what === "remove") {
              const removed = live !== null && live.version === expected;
              expect(await place.remove(name, expected ?? "none", signal)).toBe(removed);
              if (removed) model.delete(key);
            } else {
              const value = `${versions.length}`;
              const version = await put(name, value, expected, ttlMs, place);
              expect(version !== null).toBe((live?.version ?? null) === expected);
              if (version === null) continue;
              expect(versions).not.toContain(version);
              versions.push(version);
              model.set(key, { value, version, endsAt: time + ttlMs });
            }
          }
        }),
        { numRuns: 25 },
      );
    });

    it.for(["down", "stalled"] as const)("says so within a bound when its place is %s, quotes nothing, and recovers", async (state, context) => {
      const { outage } = subject;
      if (outage === null) return context.skip();
      const key = fresh();
      const version = await written(key, "sk-held-in-the-store");
      const hurried = subject.hurried ?? store;
      await hurried.get(key, signal).catch(() => null);
      await outage(state);
      const started = performance.now();
      const failures = await Promise.all(
        [hurried.get(key, signal), put(key, "sk-held-in-the-store", version, MINUTE_MS, hurried), hurried.remove(key, version, signal)].map((operation) =>
          operation.then(
            () => expect.unreachable("it answered"),
            (error: unknown) => error,
          ),
        ),
      ).finally(() => outage("up"));
      expect(performance.now() - started).toBeLessThan(BOUND_MS);
      for (const failure of failures) {
        expect(failure).toBeInstanceOf(StateStoreError);
        expect(inspect(failure, { depth: 9, showHidden: true })).not.toMatch(/sk-held|secret/i);
      }
      const after = fresh();
      const next = await written(after, "again");
      expect(await other.get(after, signal)).toEqual({ value: "again", version: next });
    });

    it("leaves when the asker leaves while its place does not answer", async (context) => {
      const { outage } = subject;
      if (outage === null) return context.skip();
      const key = fresh();
      await written(key, "x");
      const leave = async () => {
        await outage("stalled");
        const asker = new AbortController();
        const operations = [store.get(key, asker.signal), store.put(key, "y", { expected: null, ttlMs: 1_000 }, asker.signal)];
        const settled = Promise.allSettled(operations);
        setTimeout(() => asker.abort(), 50);
        const failures = await settled.finally(() => outage("up"));
        for (const failure of failures) expect(failure).toMatchObject({ status: "rejected", reason: { name: "StateStoreError" } });
      };
      expect(await leastTime(1_000, leave, 3)).toBeLessThan(1_000);
    });

    it("rejects after it was closed, and can be closed twice", async () => {
      const alone = await create();
      try {
        await alone.store.close();
        await alone.store.close();
        await expect(alone.store.get("key", signal)).rejects.toBeInstanceOf(StateStoreError);
        await expect(alone.store.put("key", "x", { expected: null, ttlMs: 1_000 }, signal)).rejects.toBeInstanceOf(StateStoreError);
        await expect(alone.store.remove("key", "x", signal)).rejects.toBeInstanceOf(StateStoreError);
      } finally {
        await alone.close();
      }
    });
  });
}
