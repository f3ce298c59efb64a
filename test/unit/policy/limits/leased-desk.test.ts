import { expect, it } from "vitest";
import { claim, createLimitWorld, held, holdNow, makeLimit, PATIENT, short } from "../../../fakes/limit-world.ts";

it("lets in as many as the limit allows, to the unit, and refuses the next", async () => {
  const world = createLimitWorld();
  const rule = makeLimit({ limit: 20 });
  for (let call = 0; call < 20; call += 1) held(await holdNow(world, world.desk(0), claim(rule))).settle([1]);
  const shortage = short(await holdNow(world, world.desk(0), claim(rule)));
  expect(shortage).toMatchObject({ reason: "exceeded", remaining: 0 });
  expect(shortage.retryAfterMs).toBeGreaterThan(59_000);
  expect(shortage.retryAfterMs).toBeLessThan(62_000);
});

it("answers at once where it holds enough", async () => {
  const world = createLimitWorld();
  const rule = makeLimit({ limit: 100_000 });
  let waited = 0;
  for (let call = 0; call < 1_000; call += 1) {
    const result = world.desk(0).hold([claim(rule)], PATIENT);
    if (result instanceof Promise) {
      waited += 1;
      await world.clock.advance(1);
    }
    held(await result).settle([1]);
    if (call % 4 === 0) await world.clock.advance(1);
  }
  await world.clock.advance(2_000);
  expect(waited).toBeLessThan(100);
  expect(await world.account(rule)).toMatchObject({ used: 1_000, held: 0 });
  expect(world.store.sent.length).toBeLessThan(150);
});

it("gives back what was not used", async () => {
  const world = createLimitWorld();
  const rule = makeLimit({ unit: "tokens", limit: 1_000 });
  const hold = held(await holdNow(world, world.desk(0), claim(rule, 900)));
  expect(short(await holdNow(world, world.desk(0), claim(rule, 200)))).toMatchObject({ remaining: 100 });
  hold.settle([150]);
  held(await holdNow(world, world.desk(0), claim(rule, 850))).settle([850]);
  await world.clock.advance(2_000);
  expect(await world.account(rule)).toMatchObject({ used: 1_000, held: 0 });
});

it("counts a settlement once", async () => {
  const world = createLimitWorld();
  const rule = makeLimit({ unit: "tokens", limit: 1_000 });
  const hold = held(await holdNow(world, world.desk(0), claim(rule, 100)));
  hold.settle([70]);
  hold.settle([100]);
  hold.release();
  await world.clock.advance(2_000);
  expect(await world.account(rule)).toMatchObject({ used: 70, held: 0 });
});

it("takes all accounts or none", async () => {
  const world = createLimitWorld();
  const wide = makeLimit({ id: "a/b/wide", limit: 100, unit: "tokens" });
  const narrow = makeLimit({ id: "a/b/narrow", limit: 1 });
  held(await holdNow(world, world.desk(0), claim(wide, 10), claim(narrow)));
  expect(short(await holdNow(world, world.desk(0), claim(wide, 10), claim(narrow))).claim.rule.id).toBe("a/b/narrow");
  held(await holdNow(world, world.desk(0), claim(wide, 90)));
});

it("lets in of many that come at once exactly as many as there is room for", async () => {
  const world = createLimitWorld({ desks: 4 });
  world.store.delayMs = 2;
  const rule = makeLimit({ limit: 50 });
  const results = await Promise.all(Array.from({ length: 120 }, (_, call) => holdNow(world, world.desk(call % 4), claim(rule))));
  expect(results.filter(({ ok }) => ok)).toHaveLength(50);
});
