import { expect, it } from "vitest";
import type { Asker, KeySource } from "../../../src/identity/key-set.ts";
import { createRemoteKeys } from "../../../src/identity/remote-keys.ts";
import { createFakeClock } from "../../fakes/clock.ts";
import { createTokenIssuer } from "../../fakes/token-issuer.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const first = createTokenIssuer("EC").jwks();
const second = createTokenIssuer("EC").jwks();
const URI = "https://issuer.example/jwks?tenant=secret";

function setUp({ uri = URI, shareFlights = true }: { uri?: string; shareFlights?: boolean } = {}) {
  const clock = createFakeClock();
  const asked: { readonly uri: string; readonly maxBytes: number; readonly timeoutMs: number; readonly signal: AbortSignal }[] = [];
  const behind: Promise<unknown>[] = [];
  const told: unknown[][] = [];
  const world = { answer: (): unknown => first };
  const keys: KeySource = createRemoteKeys(uri, {
    clock,
    shareFlights,
    documents: {
      async fetchJson(address, options) {
        asked.push({ uri: address, ...options });
        return await world.answer();
      },
    },
    degraded: { enter: (...told_) => told.push(["enter", ...told_]), leave: (...told_) => told.push(["leave", ...told_]) },
  });
  const asker = (signal = new AbortController().signal): Asker => ({ signal, waitUntil: (work) => void behind.push(work) });
  return { clock, asked, behind, told, world, keys, asker };
}

const down = () => Promise.reject(new Error("down"));

it("asks with a bound of time and size, once for as many as come", async () => {
  const { keys, asker, asked } = setUp();
  const all = await Promise.all(Array.from({ length: 20 }, () => keys.current(asker())));
  expect(new Set(all).size).toBe(1);
  expect(asked).toMatchObject([{ uri: URI, maxBytes: 262_144, timeoutMs: 5_000 }]);
});

it.each([
  ["https://issuer.example/jwks", 1],
  ["http://localhost:8001/jwks", 1],
  ["http://[::1]/jwks", 1],
  ["http://127.9.9.9/jwks", 1],
  ["http://127.0.0.1.evil.example/jwks", 0],
  ["http://x127.0.0.1/jwks", 0],
  ["http://localhost.evil.example/jwks", 0],
  ["http://issuer.example/jwks", 0],
  ["ftp://localhost/jwks", 0],
  ["issuer.example", 0],
])("asks %s: %i times", async (uri, times) => {
  const { keys, asker, asked } = setUp({ uri });
  expect((await keys.current(asker())) !== null).toBe(times === 1);
  expect(asked).toHaveLength(times);
});

it("holds keys for ten minutes without asking, then asks behind the call, and a second time only when that has come to its end", async () => {
  const { keys, asker, asked, behind, clock, world } = setUp();
  const held = await keys.current(asker());
  await clock.advance(10 * MINUTE - 1);
  await keys.current(asker());
  expect(asked).toHaveLength(1);
  await clock.advance(1);
  let publish: (value: unknown) => void = () => {};
  world.answer = () =>
    new Promise((resolve) => {
      publish = resolve;
    });
  for (let call = 0; call < 5; call += 1) expect(await keys.current(asker())).toBe(held);
  expect([asked.length, behind.length]).toEqual([2, 1]);
  publish(second);
  await behind[0];
  expect((await keys.current(asker()))?.text).not.toBe(held?.text);
  expect(asked).toHaveLength(2);
});

it("of an unchanged document keeps the very keys", async () => {
  const { keys, asker, behind, clock } = setUp();
  const held = await keys.current(asker());
  await clock.advance(10 * MINUTE);
  await keys.current(asker());
  await behind[0];
  expect(await keys.current(asker())).toBe(held);
});

it("after a failure behind the calls waits 30 s, serves what it holds for 24 h, and says so without the query of the address", async () => {
  const { keys, asker, asked, behind, told, clock, world } = setUp();
  const held = await keys.current(asker());
  expect(told).toEqual([["leave", "issuer_keys", "https://issuer.example/jwks"]]);
  world.answer = down;
  await clock.advance(10 * MINUTE);
  await keys.current(asker());
  await behind[0];
  expect(told.at(-1)).toEqual(["enter", "issuer_keys", "https://issuer.example/jwks", "unavailable", { forMs: 30 * SECOND }]);
  await clock.advance(30 * SECOND - 1);
  await keys.current(asker());
  expect(asked).toHaveLength(2);
  await clock.advance(1);
  expect(await keys.current(asker())).toBe(held);
  expect(asked).toHaveLength(3);
  await clock.advance(24 * 60 * MINUTE - 10 * MINUTE - 30 * SECOND - 1);
  expect(await keys.current(asker())).toBe(held);
  await clock.advance(1);
  expect(await keys.current(asker())).toBeNull();
  world.answer = () => second;
  await clock.advance(30 * SECOND);
  expect((await keys.current(asker()))?.text).toContain("EC");
  expect(told.at(-1)).toEqual(["leave", "issuer_keys", "https://issuer.example/jwks"]);
});

it("with nothing held asks again after one second, and no sooner", async () => {
  const { keys, asker, asked, told, clock, world } = setUp();
  world.answer = down;
  expect(await keys.current(asker())).toBeNull();
  expect(told).toEqual([["enter", "issuer_keys", "https://issuer.example/jwks", "unavailable", { forMs: SECOND }]]);
  await clock.advance(SECOND - 1);
  expect(await keys.current(asker())).toBeNull();
  expect(asked).toHaveLength(1);
  await clock.advance(1);
  await keys.current(asker());
  expect(asked).toHaveLength(2);
});

it("for a key that is not there asks once in 30 s", async () => {
  const { keys, asker, asked, clock, world } = setUp();
  const held = await keys.current(asker());
  if (held === null) throw new Error("no keys");
  world.answer = () => second;
  await clock.advance(30 * SECOND - 1);
  expect(await keys.newerThan(held, asker())).toBeNull();
  expect(asked).toHaveLength(1);
  await clock.advance(1);
  const newer = await Promise.all([keys.newerThan(held, asker()), keys.newerThan(held, asker())]);
  expect(newer[0]?.text).toBe(newer[1]?.text);
  expect(newer[0]?.text).not.toBe(held.text);
  expect(asked).toHaveLength(2);
  expect((await keys.newerThan(held, asker()))?.text).toBe(newer[0]?.text);
  expect(asked).toHaveLength(2);
});

it("knows nothing newer where the document is the same, or cannot be read", async () => {
  const { keys, asker, clock, world } = setUp();
  const held = await keys.current(asker());
  if (held === null) throw new Error("no keys");
  await clock.advance(30 * SECOND);
  expect(await keys.newerThan(held, asker())).toBeNull();
  world.answer = down;
  await clock.advance(30 * SECOND);
  expect(await keys.newerThan(held, asker())).toBeNull();
});

it("where a promise belongs to one call, asks in its name: its leaving ends its own question and says nothing of the issuer", async () => {
  const { keys, asker, asked, told, world } = setUp({ shareFlights: false });
  const leaving = new AbortController();
  let fail: (error: Error) => void = () => {};
  world.answer = () =>
    new Promise((_resolve, reject) => {
      fail = reject;
    });
  const question = keys.current(asker(leaving.signal));
  await expect.poll(() => asked.length, { interval: 5 }).toBe(1);
  expect(asked[0]?.signal).toBe(leaving.signal);
  leaving.abort(new Error("gone"));
  fail(new Error("aborted"));
  await expect(question).rejects.toThrow("gone");
  expect(told).toEqual([]);
  world.answer = () => first;
  expect(await keys.current(asker())).not.toBeNull();
});

it("an answer that comes late does not replace a newer one", async () => {
  const { keys, asker, asked, world } = setUp({ shareFlights: false });
  const answers: ((value: unknown) => void)[] = [];
  world.answer = () => new Promise((resolve) => void answers.push(resolve));
  const slow = keys.current(asker());
  const fast = keys.current(asker());
  await expect.poll(() => asked.length, { interval: 5 }).toBe(2);
  answers[1]?.(second);
  const newest = await fast;
  answers[0]?.(first);
  expect((await slow)?.text).toBe(newest?.text);
});

it("a caller who has left is answered with that, and asks nobody", async () => {
  const { keys, asker, asked } = setUp();
  await expect(keys.current(asker(AbortSignal.abort(new Error("gone"))))).rejects.toThrow("gone");
  expect(asked).toHaveLength(0);
});
