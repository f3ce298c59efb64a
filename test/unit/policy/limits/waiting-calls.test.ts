import { expect, it } from "vitest";
import { type LeasedCall, openClaim } from "../../../../src/policy/limits/leased-call.ts";
import type { HoldResult } from "../../../../src/policy/limits/limit-desk.ts";
import { unavailable } from "../../../../src/policy/limits/shortage.ts";
import { createWaitingCalls, type WaitingCall } from "../../../../src/policy/limits/waiting-calls.ts";
import { createFakeClock } from "../../../fakes/clock.ts";
import { claim, makeLimit, PATIENT } from "../../../fakes/limit-world.ts";

const RESULT: HoldResult = { ok: false, shortage: unavailable(claim(makeLimit())) };

function callOf(): LeasedCall {
  return [openClaim(claim(makeLimit()), null)];
}

function createWorld() {
  const clock = createFakeClock();
  const started = clock.monotonic();
  const left: LeasedCall[] = [];
  const rung: { readonly late: readonly WaitingCall[]; readonly at: number }[] = [];
  const waiting = createWaitingCalls({
    clock,
    onLeave: (call) => left.push(call),
    onDeadline: (late, now) => {
      if (late.length > 0) rung.push({ late, at: now - started });
      for (const one of late) waiting.answer(one, () => RESULT);
    },
  });
  return { clock, waiting, left, rung };
}

it("keeps calls in their order until they are answered", async () => {
  const { clock, waiting, left, rung } = createWorld();
  const calls = [callOf(), callOf(), callOf()];
  const results = calls.map((call) => waiting.add(call, 50, PATIENT));
  expect(waiting.size).toBe(3);
  expect(waiting.all().map(({ call }) => call)).toEqual(calls);
  expect(waiting.all()[0]).toMatchObject({ asked: false, rounds: 0 });
  const [, second] = waiting.all();
  if (second === undefined) throw new Error("three wait");
  waiting.answer(second, () => {
    // It waits no longer when its answer is made: what that frees is for others.
    expect(waiting.size).toBe(2);
    return RESULT;
  });
  expect(await results[1]).toBe(RESULT);
  expect(waiting.all().map(({ call }) => call)).toEqual([calls[0], calls[2]]);
  for (const one of waiting.all()) waiting.answer(one, () => RESULT);
  expect(await Promise.all(results)).toEqual([RESULT, RESULT, RESULT]);
  expect(waiting.size).toBe(0);
  // Nobody waits: no timer does.
  expect(clock.pending()).toBe(0);
  await clock.advance(1_000);
  expect([left, rung]).toEqual([[], []]);
});

it("rings for those that have waited long enough, and for the others in their turn", async () => {
  const { clock, waiting, rung } = createWorld();
  const [first, second, third] = [callOf(), callOf(), callOf()];
  waiting.add(first, 50, PATIENT);
  waiting.add(second, 50, PATIENT);
  await clock.advance(20);
  waiting.add(third, 50, PATIENT);
  await clock.advance(30);
  expect(rung).toEqual([]);
  await clock.advance(1);
  expect(rung.map(({ late, at }) => [late.map(({ call }) => call), at])).toEqual([[[first, second], 51]]);
  await clock.advance(20);
  expect(rung.map(({ late, at }) => [late.map(({ call }) => call), at]).slice(1)).toEqual([[[third], 71]]);
  expect(clock.pending()).toBe(0);
});

it("lets a call leave with its reason, once, and tells of it", async () => {
  const { clock, waiting, left } = createWorld();
  const leaving = new AbortController();
  const [call, other] = [callOf(), callOf()];
  const result = waiting.add(call, 50, leaving.signal).catch((error: unknown) => error);
  waiting.add(other, 50, PATIENT);
  leaving.abort(new Error("gone"));
  expect(await result).toEqual(new Error("gone"));
  expect(left).toEqual([call]);
  expect(waiting.all().map(({ call: one }) => one)).toEqual([other]);
  await clock.advance(60);
  expect(clock.pending()).toBe(0);
});

it("a call that has its answer can no longer leave, nor is anything left on its signal", async () => {
  const { waiting, left } = createWorld();
  const leaving = new AbortController();
  let listeners = 0;
  const signal = {
    aborted: false,
    get reason(): unknown {
      return leaving.signal.reason;
    },
    addEventListener: (type: "abort", listener: () => void) => {
      listeners += 1;
      leaving.signal.addEventListener(type, listener);
    },
    removeEventListener: (type: "abort", listener: () => void) => {
      listeners -= 1;
      leaving.signal.removeEventListener(type, listener);
    },
  };
  const result = waiting.add(callOf(), 50, signal);
  for (const one of waiting.all()) waiting.answer(one, () => RESULT);
  expect(await result).toBe(RESULT);
  expect(listeners).toBe(0);
  leaving.abort();
  expect(left).toEqual([]);
});
