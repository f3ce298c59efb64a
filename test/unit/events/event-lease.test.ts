import { describe, expect, it } from "vitest";
import { readEventLease } from "../../../adapters/events/read-event-lease.ts";
import { createEventLedger } from "../../../src/events/event-ledger.ts";
import { type StateStore, StateStoreError } from "../../../src/index.ts";
import { createFakeClock } from "../../fakes/clock.ts";
import { createScriptedTransport, type ScriptedTransport } from "../../fakes/scripted-transport.ts";
import { createFakeState, type FakeState } from "../../fakes/state-store.ts";
import { installEvents, requestEvent } from "../../pipeline/event-desk.ts";
import { JSON_HEADERS } from "../../pipeline/installation.ts";

const { signal } = new AbortController();
const RESPONSE = {
  id: "r",
  source: "/s",
  type: "t",
  subject: null,
  time: null,
  dataContentType: null,
  dataSchema: null,
  extensions: {},
  data: { kind: "none" },
} as const;
const SLOW = { backends: [{ name: "only", port: 8001, key: "k", api: "OpenAI", timeouts: "{firstByte: 10m}" }] } as const;

/** A store whose second write, the first renewal, is carried out and then answered when `renewal` says so. */
function withRenewal(state: FakeState, renewal: () => Promise<void>): FakeState {
  return {
    ...state,
    client: (): StateStore => {
      const store = state.client();
      let puts = 0;
      return {
        ...store,
        put: async (...given) => {
          puts += 1;
          const renews = puts === 2;
          const version = await store.put(...given);
          if (renews) await renewal();
          return version;
        },
      };
    },
  };
}

describe("the lease of a call", () => {
  it("ends the call by itself while a renewal hangs: another instance may have the event by then", async () => {
    const clock = createFakeClock();
    const one = installEvents(SLOW, { clock, state: withRenewal(createFakeState(clock), () => new Promise(() => {})) });
    one.transport.script("only", "hang");
    const verdict = one.post(requestEvent(), { reply: false });
    await expect.poll(() => one.transport.sent.length, { interval: 5 }).toBe(1);
    await clock.advance(29_000);
    expect(one.transport.listening()).toBeGreaterThan(0);
    await clock.advance(1_000);
    expect((await verdict).status).toBe(503);
    expect(one.transport.listening()).toBe(0);
  });

  it("counts from before the store was asked, at the claim and at each renewal", async () => {
    const clock = createFakeClock();
    const state = createFakeState(clock);
    let delay = 4_000;
    const store = state.client(async () => {
      await clock.advance(delay);
    });
    const ledger = createEventLedger(store, clock, { leaseMs: 10_000 });
    const began = clock.monotonic();
    const claim = await ledger.claim("a", signal);
    if (claim.kind !== "ours") throw new Error("not ours");
    // 4 s for the look, and 4 s for the write, of which the lease has lost the second.
    expect([clock.monotonic() - began, claim.lease.goodUntil() - began]).toEqual([8_000, 14_000]);
    expect(await claim.lease.renew(signal)).toBe(true);
    expect(claim.lease.goodUntil() - began).toBe(18_000);
    delay = 0;
    await clock.advance(10_000);
    expect(await claim.lease.renew(signal)).toBe(false);
  });

  it("is somebody else's once it has ended: no renewal, no answer, no release", async () => {
    const clock = createFakeClock();
    const state = createFakeState(clock);
    const [first, second] = [createEventLedger(state.client(), clock, { leaseMs: 2_000 }), createEventLedger(state.client(), clock, { leaseMs: 2_000 })];
    const mine = await first.claim("a", signal);
    expect(await second.claim("a", signal)).toEqual({ kind: "running", forMs: 2_000 });
    await clock.advance(2_000);
    const theirs = await second.claim("a", signal);
    if (mine.kind !== "ours" || theirs.kind !== "ours") throw new Error("nobody's");
    expect([await mine.lease.renew(signal), await mine.lease.answer(RESPONSE, signal)]).toEqual([false, null]);
    await mine.lease.release(signal);
    expect(await theirs.lease.renew(signal)).toBe(true);
    const answered = await theirs.lease.answer(RESPONSE, signal);
    expect(await first.claim("a", signal)).toMatchObject({ kind: "answered", published: false, response: RESPONSE });
    await answered?.confirm(signal);
    expect(await first.claim("a", signal)).toMatchObject({ kind: "answered", published: true });
  });

  it.each(["renewed", "answered"] as const)("is still ours when a renewal was carried out and its answer was lost: it can be %s", async (next) => {
    const clock = createFakeClock();
    const state = createFakeState(clock);
    const store = state.client();
    let puts = 0;
    const lossy: StateStore = {
      ...store,
      put: async (...given) => {
        puts += 1;
        const version = await store.put(...given);
        if (puts === 2) throw new StateStoreError("no answer");
        return version;
      },
    };
    const claim = await createEventLedger(lossy, clock).claim("a", signal);
    if (claim.kind !== "ours") throw new Error("not ours");
    await expect(claim.lease.renew(signal)).rejects.toThrow(StateStoreError);
    if (next === "renewed") expect(await claim.lease.renew(signal)).toBe(true);
    else expect(await claim.lease.answer(RESPONSE, signal)).toMatchObject({ response: RESPONSE });
    expect((await createEventLedger(store, clock).claim("a", signal)).kind).toBe(next === "renewed" ? "running" : "answered");
  });

  it.each(["", "null", "{", '{"state":"gone"}', '{"state":"answered","response":{}}', '{"__proto__":{"state":"published"}}'])(
    "a record that is none of ours (%s) counts as none",
    async (text) => {
      const clock = createFakeClock();
      const state = createFakeState(clock);
      await state.client().put("event/a", text, { expected: null, ttlMs: 1_000 }, signal);
      expect((await createEventLedger(state.client(), clock).claim("a", signal)).kind).toBe("ours");
    },
  );
});

it("an answer that comes while a renewal is under way is remembered all the same", async () => {
  const clock = createFakeClock();
  const state = createFakeState(clock);
  const scripted = createScriptedTransport(clock);
  const [renewed, answered] = [createGate(), createGate()];
  const transport: ScriptedTransport = {
    ...scripted,
    dispatch: async (...given) => {
      await answered.opened;
      return scripted.dispatch(...given);
    },
  };
  const one = installEvents(SLOW, { clock, transport, state: withRenewal(state, () => renewed.opened) });
  scripted.script("only", { status: 200, headers: JSON_HEADERS, body: "{}" });
  const event = requestEvent();
  const verdict = one.post(event, { reply: false });
  await expect.poll(() => [...state.entries().values()].join(), { interval: 5 }).toContain("running");
  const claim = [...state.entries().values()].join();
  await clock.advance(10_001);
  // The renewal is written, and nobody has said so yet.
  expect([...state.entries().values()].join()).not.toBe(claim);
  answered.open();
  await clock.advance(1);
  renewed.open();
  expect((await verdict).status).toBe(202);
  expect(one.published).toHaveLength(1);
  expect((await one.post(event, { reply: false })).status).toBe(202);
  expect([scripted.sent.length, one.published.length]).toEqual([1, 1]);
});

function createGate(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}

describe("SPILLWAY_EVENT_LEASE", () => {
  it.each([
    [undefined, 30_000],
    ["", 30_000],
    [" 5 ", 5_000],
    ["1", 1_000],
    ["600", 600_000],
  ])("%s", (text, ms) => {
    expect(readEventLease({ SPILLWAY_EVENT_LEASE: text })).toBe(ms);
  });

  it.each(["0", "601", "1.5", "-1", "30s", "1e2", "NaN"])("%s is refused", (text) => {
    expect(() => readEventLease({ SPILLWAY_EVENT_LEASE: text })).toThrow(/SPILLWAY_EVENT_LEASE must be whole seconds from 1 to 600/);
  });
});
