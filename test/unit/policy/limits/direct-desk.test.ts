import { expect, it } from "vitest";
import { claim, createLimitWorld, held, holdNow, type LimitWorld, makeLimit, PATIENT, short } from "../../../fakes/limit-world.ts";

const TOKENS = makeLimit({ id: "a/p/tokens", unit: "tokens", limit: 1_000 });

async function flush(world: LimitWorld): Promise<void> {
  const flushed = world.desk(0).flush(1_000);
  await world.clock.advance(10);
  await flushed;
}

it("asks the store once a call and tells it once, and holds nothing between", async () => {
  const world = createLimitWorld({ leases: false });
  const requests = makeLimit();
  held(await holdNow(world, world.desk(0), claim(TOKENS, 300), claim(requests))).settle([120, 1]);
  await flush(world);
  expect(world.store.sent).toHaveLength(2);
  expect(await world.account(TOKENS)).toMatchObject({ used: 120, held: 0 });
  expect(await world.account(requests)).toMatchObject({ used: 1, held: 0 });
  expect(world.clock.pending()).toBe(0);
});

it("calls at the same time do not share an exchange, and the store sees no more names than calls at a time", async () => {
  const world = createLimitWorld({ leases: false });
  const rule = makeLimit({ limit: 50 });
  for (let round = 0; round < 5; round += 1) {
    const results = await Promise.all(Array.from({ length: 4 }, () => holdNow(world, world.desk(0), claim(rule))));
    for (const result of results) held(result).settle([1]);
    await flush(world);
  }
  expect(new Set(world.store.sent.map(({ holder }) => holder)).size).toBe(4);
  expect(await world.account(rule)).toMatchObject({ used: 20, held: 0 });
});

it("a refused call holds nothing, and the next is refused without asking for a moment", async () => {
  const world = createLimitWorld({ leases: false });
  const rule = makeLimit({ limit: 1 });
  held(await holdNow(world, world.desk(0), claim(rule), claim(TOKENS, 900)));
  expect(short(await holdNow(world, world.desk(0), claim(rule), claim(TOKENS, 100))).claim.rule).toBe(rule);
  const sent = world.store.sent.length;
  expect(world.desk(0).hold([claim(rule)], PATIENT)).toMatchObject({ ok: false });
  expect(world.store.sent).toHaveLength(sent);
  held(await holdNow(world, world.desk(0), claim(TOKENS, 100)));
});

it("what the store may have carried out without an answer is given back", async () => {
  const world = createLimitWorld({ leases: false });
  held(await holdNow(world, world.desk(0), claim(TOKENS, 1))).settle([1]);
  world.store.fate = () => "lost";
  expect(short(await holdNow(world, world.desk(0), claim(TOKENS, 999)))).toMatchObject({ reason: "unavailable" });
  world.store.fate = () => "carried";
  await flush(world);
  await world.clock.advance(300);
  held(await holdNow(world, world.desk(0), claim(TOKENS, 999)));
});

it("settlements that could not be told are told by the next flush, once", async () => {
  const world = createLimitWorld({ leases: false });
  held(await holdNow(world, world.desk(0), claim(TOKENS, 10))).settle([10]);
  world.store.fate = () => "lost";
  const failing = world.desk(0).flush(100);
  await world.clock.advance(200);
  await failing;
  world.store.fate = () => "carried";
  await flush(world);
  await flush(world);
  expect(await world.account(TOKENS)).toMatchObject({ used: 10, held: 0 });
});

it("while the store is silent one call at a time finds out whether it is back", async () => {
  const world = createLimitWorld({ leases: false });
  held(await holdNow(world, world.desk(0), claim(TOKENS, 1))).settle([1]);
  world.store.fate = () => "deaf";
  short(await holdNow(world, world.desk(0), claim(TOKENS, 1)));
  await world.clock.advance(300);
  const probe = world.desk(0).hold([claim(TOKENS, 1)], PATIENT);
  expect(probe).toBeInstanceOf(Promise);
  expect(world.desk(0).hold([claim(TOKENS, 1)], PATIENT)).toMatchObject({ ok: false });
  await world.clock.advance(510);
  short(await probe);
});

it("a call that leaves while it waits gives back what it may hold", async () => {
  const world = createLimitWorld({ leases: false });
  world.store.delayMs = 20;
  const leaving = new AbortController();
  const caught = Promise.resolve(world.desk(0).hold([claim(TOKENS, 1_000)], leaving.signal)).catch((error: unknown) => error);
  await world.clock.advance(12);
  leaving.abort(new Error("gone"));
  expect(await caught).toEqual(new Error("gone"));
  const flushed = world.desk(0).flush(1_000);
  await world.clock.advance(100);
  await flushed;
  held(await holdNow(world, world.desk(0), claim(TOKENS, 1_000)));
});
