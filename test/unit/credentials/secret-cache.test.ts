import { describe, expect, it } from "vitest";
import { createSecretCache } from "../../../src/credentials/secret-cache.ts";
import type { EgressEvent } from "../../../src/model/event.ts";
import { Secret } from "../../../src/model/secret.ts";
import { createFakeClock } from "../../fakes/clock.ts";
import { createFakeSecretStore, fakeReference } from "../../fakes/secret-store.ts";

const MINUTE = 60_000;
const signal = new AbortController().signal;

function setUp(options: { random?: () => number; shareFlights?: boolean } = {}) {
  const clock = createFakeClock();
  const store = createFakeSecretStore("one");
  const events: EgressEvent[] = [];
  const cache = createSecretCache({
    stores: [store],
    clock,
    random: options.random ?? (() => 0.5),
    emit: (event) => events.push(event),
    ...(options.shareFlights === undefined ? {} : { shareFlights: options.shareFlights }),
  });
  return { clock, store, events, cache };
}

/** A fetch that the test ends by hand. */
function slowly() {
  let end: (value: string) => void = () => {};
  const answer = new Promise<string>((resolve) => {
    end = resolve;
  });
  return { answer: () => answer, end };
}

describe("a fresh value", () => {
  it("F25 B18: is fetched once for 300 askers at once, and then served without waiting", async () => {
    const { cache, store } = setUp();
    const reference = fakeReference();
    expect(cache.peek(reference)).toBeNull();
    const leases = await Promise.all(Array.from({ length: 300 }, () => cache.read(reference, signal)));
    expect(store.fetches).toBe(1);
    expect(new Set(leases.map((lease) => lease.secret.reveal()))).toEqual(new Set(["one"]));
    expect(cache.peek(reference)?.secret.reveal()).toBe("one");
    expect((await cache.read(reference, signal)).state).toBe("hit");
    expect(store.fetches).toBe(1);
  });

  it("F24: ends at the interval less the jitter, never later", async () => {
    const { cache, clock } = setUp({ random: () => 0.5 });
    const reference = fakeReference({ intervalMs: 100_000, jitterPercent: 10 });
    await cache.read(reference, signal);
    await clock.advance(94_999);
    expect(cache.peek(reference)).not.toBeNull();
    await clock.advance(1);
    expect(cache.peek(reference)).toBeNull();
  });

  it("gives inline values without a store", async () => {
    const { cache, store } = setUp();
    const location = { provider: "kubernetesSecret", namespace: "a", name: "b", key: "c", inline: new Secret("inline", null) } as const;
    const reference = { ...fakeReference(), location };
    expect(cache.peek(reference)?.secret.reveal()).toBe("inline");
    expect((await cache.read(reference, signal)).secret.reveal()).toBe("inline");
    expect(store.fetches).toBe(0);
  });

  it("keeps nothing of an id that a reload points elsewhere", async () => {
    const { cache, store } = setUp();
    await cache.read(fakeReference(), signal);
    store.answer("two");
    const moved = fakeReference({}, fakeReference().id, "ELSEWHERE");
    expect(cache.peek(moved)).toBeNull();
    expect((await cache.read(moved, signal)).secret.reveal()).toBe("two");
    const again = { ...moved, location: { ...moved.location } };
    expect((await cache.read(again, signal)).state).toBe("hit");
    expect(store.fetches).toBe(2);
  });

  it("opens the named member of a JSON secret", async () => {
    const { cache, store } = setUp();
    store.answer('{"apiKey": "inside", "other": 1}');
    const reference = { ...fakeReference(), location: { provider: "file", path: "/x", jsonKey: "apiKey" } as const };
    expect((await cache.read(reference, signal)).secret.reveal()).toBe("inside");
  });
});

describe("past the interval", () => {
  it("F20: a slow store (3 s) adds no time: the old value serves at once while one fetch goes on behind", async () => {
    const { cache, clock, store } = setUp();
    const reference = fakeReference();
    await cache.read(reference, signal);
    await clock.advance(5 * MINUTE);
    const slow = slowly();
    store.answer(slow.answer);
    const leases = await Promise.all(Array.from({ length: 20 }, () => cache.read(reference, signal)));
    expect(leases.map((lease) => `${lease.secret.reveal()} ${lease.state}`)).toEqual(Array.from({ length: 20 }, () => "one stale"));
    expect(store.fetches).toBe(2);
    await clock.advance(3_000);
    slow.end("two");
    await clock.advance(0);
    expect(cache.peek(reference)?.secret.reveal()).toBe("two");
  });

  it("hands the work behind to waitUntil", async () => {
    const { cache, clock, store } = setUp();
    const reference = fakeReference();
    await cache.read(reference, signal);
    await clock.advance(5 * MINUTE);
    store.answer("unavailable");
    const work: Promise<unknown>[] = [];
    await cache.read(reference, signal, (promise) => work.push(promise));
    expect(work).toHaveLength(1);
    await expect(Promise.all(work)).resolves.toBeDefined();
  });

  it("F23: a value that nobody checked for two intervals waits for the store, which may have denied it meanwhile", async () => {
    const { cache, clock, store } = setUp();
    const reference = fakeReference();
    await cache.read(reference, signal);
    store.answer("denied");
    await clock.advance(10 * MINUTE);
    await expect(cache.read(reference, signal)).rejects.toMatchObject({ reason: "denied" });
  });

  it("but serves when the store is down then", async () => {
    const { cache, clock, store } = setUp();
    const reference = fakeReference();
    await cache.read(reference, signal);
    store.answer("unavailable");
    await clock.advance(20 * MINUTE);
    expect((await cache.read(reference, signal)).state).toBe("stale");
  });
});

describe("an outage of the store", () => {
  it.each(["unavailable", "malformed"] as const)(
    "F21 B18: an outage of 10 minutes (%s) fails no call, costs at most 25 fetches and is told once",
    async (reason) => {
      const { cache, clock, store, events } = setUp();
      const reference = fakeReference();
      await cache.read(reference, signal);
      store.answer(reason);
      await clock.advance(5 * MINUTE);
      for (let at = 0; at < 10 * MINUTE; at += 100) {
        expect((cache.peek(reference) ?? (await cache.read(reference, signal))).secret.reveal()).toBe("one");
        if (at % 1_000 === 0) await clock.advance(1_000);
      }
      expect(store.fetches - 1).toBeLessThanOrEqual(25);
      expect(store.fetches - 1).toBeGreaterThan(8);
      expect(events).toMatchObject([{ type: "credential.unavailable", subject: reference.id, data: { reason, serving: "stale" } }]);
      expect(JSON.stringify(events)).not.toContain('one"');
      store.answer("two");
      await clock.advance(30_000);
      await cache.read(reference, signal);
      await clock.advance(0);
      expect(cache.peek(reference)?.secret.reveal()).toBe("two");
    },
  );

  it("F21: ends the value after staleFor", async () => {
    const { cache, clock, store } = setUp();
    const reference = fakeReference({ staleForMs: 10 * MINUTE });
    await cache.read(reference, signal);
    store.answer("unavailable");
    for (let minute = 0; minute < 14; minute += 1) {
      await clock.advance(MINUTE);
      await cache.read(reference, signal);
    }
    await clock.advance(MINUTE);
    await expect(cache.read(reference, signal)).rejects.toMatchObject({ reason: "unavailable" });
    expect(cache.status()).toMatchObject([{ state: "expired", lastError: "unavailable" }]);
  });

  it("F22: with no value refuses at once, asks at most once a second at length, and is over within a second of the store's return", async () => {
    const { cache, clock, store } = setUp();
    const reference = fakeReference();
    store.answer("unavailable");
    for (let at = 0; at < MINUTE; at += 50) {
      await expect(cache.read(reference, signal)).rejects.toMatchObject({ reason: "unavailable" });
      await clock.advance(50);
    }
    expect(store.fetches).toBeLessThanOrEqual(62);
    store.answer("one");
    await clock.advance(1_000);
    expect((await cache.read(reference, signal)).secret.reveal()).toBe("one");
  });

  it("F20: a store that never answers is given up after 5 s", async () => {
    const { cache, clock, store } = setUp();
    store.answer(() => new Promise<string>(() => {}));
    const reading = cache.read(fakeReference(), signal);
    const outcome = expect(reading).rejects.toMatchObject({ reason: "unavailable", message: "the store did not answer in 5000 ms" });
    await clock.advance(4_999);
    expect(clock.pending()).toBe(1);
    await clock.advance(1);
    await outcome;
    expect(clock.pending()).toBe(0);
  });

  it("what a store throws of its own does not go on", async () => {
    const { cache, store } = setUp();
    store.answer(() => Promise.reject(new Error("sk-quoted-by-an-sdk")));
    const error: unknown = await cache.read(fakeReference(), signal).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: "SecretStoreError", reason: "unavailable" });
    expect(String(error)).not.toContain("sk-quoted");
  });
});

describe("an answer that is no outage", () => {
  it.each(["denied", "missing"] as const)("F23: %s drops the value at once", async (reason) => {
    const { cache, clock, store, events } = setUp();
    const reference = fakeReference();
    await cache.read(reference, signal);
    store.answer(reason);
    await clock.advance(5 * MINUTE);
    expect((await cache.read(reference, signal)).state).toBe("stale");
    await clock.advance(0);
    await expect(cache.read(reference, signal)).rejects.toMatchObject({ reason });
    expect(cache.status()).toMatchObject([{ state: "empty", lastError: reason, ageMs: null }]);
    expect(events).toMatchObject([{ data: { reason, serving: "none" } }]);
  });
});

describe("refetch, after the destination's 401", () => {
  it("F5: makes one fetch for 200 askers and gives the new value", async () => {
    const { cache, store } = setUp();
    const reference = fakeReference();
    const used = (await cache.read(reference, signal)).secret;
    store.answer("two");
    const leases = await Promise.all(Array.from({ length: 200 }, () => cache.refetch(reference, used, signal)));
    expect(new Set(leases.map((lease) => lease.secret.reveal()))).toEqual(new Set(["two"]));
    expect(store.fetches).toBe(2);
    expect((await cache.refetch(reference, used, signal)).secret.reveal()).toBe("two");
    expect(store.fetches).toBe(2);
  });

  it("F5: gives the very same Secret when there is nothing newer, at most one fetch a second", async () => {
    const { cache, clock, store } = setUp();
    const reference = fakeReference();
    const used = (await cache.read(reference, signal)).secret;
    for (let at = 0; at < 10; at += 1) {
      expect((await cache.refetch(reference, used, signal)).secret).toBe(used);
      await clock.advance(100);
    }
    expect(store.fetches).toBe(2);
    await cache.refetch(reference, used, signal);
    expect(store.fetches).toBe(3);
  });

  it("keeps the value when the store is down, and loses it when the store denies", async () => {
    const { cache, clock, store } = setUp();
    const reference = fakeReference();
    const used = (await cache.read(reference, signal)).secret;
    store.answer("unavailable");
    expect((await cache.refetch(reference, used, signal)).secret).toBe(used);
    store.answer("denied");
    await clock.advance(1_000);
    await expect(cache.refetch(reference, used, signal)).rejects.toMatchObject({ reason: "denied" });
    expect(cache.peek(reference)).toBeNull();
  });

  it("is not overwritten by a refresh that began earlier and ends later", async () => {
    const { cache, clock, store } = setUp();
    const reference = fakeReference();
    const used = (await cache.read(reference, signal)).secret;
    await clock.advance(5 * MINUTE);
    const slow = slowly();
    store.answer(slow.answer);
    await cache.read(reference, signal);
    store.answer("two");
    expect((await cache.refetch(reference, used, signal)).secret.reveal()).toBe("two");
    slow.end("one");
    await clock.advance(0);
    expect(cache.peek(reference)?.secret.reveal()).toBe("two");
  });

  it("is not undone by a refresh that began earlier and is denied later", async () => {
    const { cache, clock, store, events } = setUp();
    const reference = fakeReference();
    const used = (await cache.read(reference, signal)).secret;
    await clock.advance(5 * MINUTE);
    const slow = slowly();
    store.answer(slow.answer);
    await cache.read(reference, signal);
    store.answer("two");
    await cache.refetch(reference, used, signal);
    slow.end("denied");
    await clock.advance(0);
    expect(cache.peek(reference)?.secret.reveal()).toBe("two");
    expect(events).toEqual([]);
  });
});

describe("invalidate", () => {
  it("makes the next read ask, ignores the fetch under way, and keeps the value for an outage", async () => {
    const { cache, clock, store } = setUp();
    const reference = fakeReference();
    await cache.read(reference, signal);
    expect(cache.invalidate((candidate) => candidate.id === "another")).toBe(0);
    expect(cache.peek(reference)).not.toBeNull();
    expect(cache.invalidate((candidate) => candidate.location.provider === "env")).toBe(1);
    expect(cache.peek(reference)).toBeNull();
    store.answer("unavailable");
    expect((await cache.read(reference, signal)).state).toBe("stale");
    store.answer("two");
    cache.invalidate(() => true);
    expect((await cache.read(reference, signal)).secret.reveal()).toBe("two");
    cache.invalidate(() => true);
    const slow = slowly();
    store.answer(slow.answer);
    const early = cache.read(reference, signal);
    cache.invalidate(() => true);
    store.answer("three");
    expect((await cache.read(reference, signal)).secret.reveal()).toBe("three");
    slow.end("two");
    await early;
    await clock.advance(0);
    expect(cache.peek(reference)?.secret.reveal()).toBe("three");
  });
});

describe("askers", () => {
  it("leave alone: one that aborts does not end the fetch of the others", async () => {
    const { cache, store } = setUp();
    const slow = slowly();
    store.answer(slow.answer);
    const leaving = new AbortController();
    const first = cache.read(fakeReference(), leaving.signal);
    const second = cache.read(fakeReference(), signal);
    leaving.abort(new Error("gone"));
    await expect(first).rejects.toThrow("gone");
    slow.end("one");
    expect((await second).secret.reveal()).toBe("one");
    expect(store.fetches).toBe(1);
  });

  it("share no promise where they may not, and still make one fetch", async () => {
    const { cache, clock, store } = setUp({ shareFlights: false });
    const reference = fakeReference();
    const slow = slowly();
    store.answer(slow.answer);
    const reads = Promise.all(Array.from({ length: 20 }, () => cache.read(reference, signal)));
    await clock.advance(200);
    slow.end("one");
    await clock.advance(100);
    expect((await reads).map((lease) => lease.secret.reveal())).toEqual(Array.from({ length: 20 }, () => "one"));
    expect(store.fetches).toBe(1);
    const used = (await cache.read(reference, signal)).secret;
    store.answer("two");
    const refetches = Promise.all(Array.from({ length: 20 }, () => cache.refetch(reference, used, signal)));
    await clock.advance(100);
    expect(new Set((await refetches).map((lease) => lease.secret.reveal()))).toEqual(new Set(["two"]));
    expect(store.fetches).toBe(2);
  });

  it("take over where the request that fetched was ended without a word", async () => {
    const { cache, clock, store } = setUp({ shareFlights: false });
    const leaving = new AbortController();
    store.answer(() => new Promise<string>(() => {}));
    const first = cache.read(fakeReference(), leaving.signal);
    store.answer("one");
    const second = cache.read(fakeReference(), signal);
    leaving.abort(new Error("gone"));
    await expect(first).rejects.toThrow("gone");
    await clock.advance(6_100);
    expect((await second).secret.reveal()).toBe("one");
  });
});

it("holds at most 1,024 secrets: the least used goes", async () => {
  const { cache, clock } = setUp();
  const references = Array.from({ length: 1_025 }, (_, index) => fakeReference({}, `SecretSource/a/${index}`));
  for (const reference of references.slice(0, 1_024)) await cache.read(reference, signal);
  await clock.advance(10);
  for (const reference of references.slice(1, 1_024)) cache.peek(reference);
  for (const reference of references.slice(1_024)) await cache.read(reference, signal);
  expect(cache.status()).toHaveLength(1_024);
  expect(references.slice(0, 2).map((reference) => cache.peek(reference) === null)).toEqual([true, false]);
});

it("tells the status without a value", async () => {
  const { cache, clock } = setUp();
  await cache.read(fakeReference(), signal);
  await clock.advance(1_500);
  expect(cache.status()).toEqual([
    { id: fakeReference().id, provider: "env", state: "fresh", ageMs: 1_500, version: "v1", lastError: null, lastErrorDetail: null, failures: 0 },
  ]);
});

it("says which store a platform does not have", async () => {
  const { cache } = setUp();
  const reference = { ...fakeReference(), location: { provider: "binding", name: "X" } as const };
  await expect(cache.read(reference, signal)).rejects.toMatchObject({ reason: "missing" });
});
