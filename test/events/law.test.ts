import fc from "fast-check";
import { expect, it } from "vitest";
import { type CloudEvent, type EventAnswer, UNKNOWN_PLACE } from "../../src/index.ts";
import { createFakeClock } from "../fakes/clock.ts";
import { createScriptedTransport } from "../fakes/scripted-transport.ts";
import { createFakeState, type FakeState } from "../fakes/state-store.ts";
import { type EventInstallation, installEvents, requestEvent } from "../pipeline/event-desk.ts";
import { JSON_HEADERS } from "../pipeline/installation.ts";

const EVENTS = 3;
const INSTANCES = 2;

/** One thing that happens. Instances and events by their numbers. */
type Happening =
  | { readonly kind: "deliver"; readonly event: number; readonly instance: number }
  /** To all instances at the same time. */
  | { readonly kind: "flood"; readonly event: number }
  /** It never acts again from the so-many-th point on at which it talks to the store or the sink; another takes its place at once. */
  | { readonly kind: "die"; readonly instance: number; readonly points: number }
  | { readonly kind: "store"; readonly down: boolean }
  | { readonly kind: "sink"; readonly fails: boolean }
  | { readonly kind: "provider"; readonly does: "well" | "busy" | "hang" }
  | { readonly kind: "time"; readonly ms: number };

const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("deliver"), event: fc.nat(EVENTS - 1), instance: fc.nat(INSTANCES - 1) } as const) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("flood"), event: fc.nat(EVENTS - 1) } as const) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("die"), instance: fc.nat(INSTANCES - 1), points: fc.nat(11) } as const) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("store"), down: fc.boolean() } as const) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("sink"), fails: fc.boolean() } as const) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("provider"), does: fc.constantFrom("well", "busy", "hang") } as const) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("time"), ms: fc.constantFrom(1, 500, 9_999, 10_001, 29_000, 31_000, 95_000) } as const) },
);

const BACKEND = { backends: [{ name: "only", port: 8001, key: "k", api: "OpenAI", timeouts: "{firstByte: 90s}" }] } as const;
const GIVES_UP = new Set([400, 401, 403, 413, 415]);

/** An instance that can die: from then on none of its operations resolves, whether or not it was carried out. */
function mortal(start: (options: { state: FakeState; kill: () => Promise<void> }) => EventInstallation, state: FakeState, claims: Map<string, number>) {
  let left = Number.POSITIVE_INFINITY;
  const point = async (): Promise<void> => {
    left -= 1;
    if (left < 0) await new Promise(() => {});
  };
  const watched: FakeState = {
    ...state,
    client: () => {
      const store = state.client();
      return {
        ...store,
        get: async (...given) => {
          await point();
          const got = await store.get(...given);
          // An answer travels: what it says may be old when it arrives.
          await new Promise((resolve) => setImmediate(resolve));
          await point();
          return got;
        },
        put: async (key, value, how, signal) => {
          await point();
          const version = await store.put(key, value, how, signal);
          if (version !== null && how.expected === null) claims.set(key, (claims.get(key) ?? 0) + 1);
          await point();
          return version;
        },
        remove: async (...given) => {
          await point();
          const removed = await store.remove(...given);
          await point();
          return removed;
        },
      };
    },
  };
  const installation = start({ state: watched, kill: point });
  return {
    installation,
    dieAfter: (points: number) => {
      left = points;
    },
  };
}

/** Digests are made on threads, which the clock of a test does not move. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 4; turn += 1) {
    await crypto.subtle.digest("SHA-256", new Uint8Array(64));
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function play(happenings: readonly Happening[]) {
  const clock = createFakeClock();
  const state = createFakeState(clock);
  const transport = createScriptedTransport(clock);
  const published: CloudEvent[] = [];
  const claims = new Map<string, number>();
  const calls = new Map<string, number>();
  let does: "well" | "busy" | "hang" = "well";
  let sinkFails = false;
  transport.script("only", () => {
    if (does === "hang") return "hang";
    return does === "busy" ? { status: 503, headers: JSON_HEADERS, body: "{}" } : { status: 200, headers: JSON_HEADERS, body: '{"choices":[]}' };
  });
  const start = () => {
    const one = mortal((options) => installEvents(BACKEND, { clock, transport, published, ...options }), state, claims);
    one.installation.sink.fails = sinkFails ? "retryable" : null;
    return one;
  };
  const instances = Array.from({ length: INSTANCES }, start);
  const names = Array.from({ length: EVENTS }, (_, at) => `event-number-${at}`);
  const events = names.map((id) => requestEvent({ body: { json: { model: "m", messages: [id] } } }, { id }));
  const acknowledged = new Set<string>();
  const refused: string[] = [];

  const deliver = (at: number, to: EventInstallation): void => {
    const id = names[at] ?? "";
    void to.post(events[at] ?? {}, { reply: false, platform: { place: UNKNOWN_PLACE } }).then((answer: EventAnswer) => {
      if (answer.status < 300) acknowledged.add(id);
      if (GIVES_UP.has(answer.status)) refused.push(`${id} ${answer.status}`);
      // What is acknowledged never comes again: from here on it must be with the sink.
      if (answer.status < 300 && !published.some(({ extensions }) => extensions["causationid"] === id)) refused.push(`${id} acknowledged and not told`);
    });
  };

  for (const what of happenings) {
    const instance = "instance" in what ? instances[what.instance] : undefined;
    if (what.kind === "deliver" && instance !== undefined && !acknowledged.has(names[what.event] ?? "")) deliver(what.event, instance.installation);
    if (what.kind === "flood" && !acknowledged.has(names[what.event] ?? "")) for (const one of instances) deliver(what.event, one.installation);
    if (what.kind === "die" && instance !== undefined) {
      instance.dieAfter(what.points);
      // Those that are under way reach their points; then nobody talks to it any more.
      await settle();
      instance.dieAfter(0);
      instances[what.instance] = start();
    }
    if (what.kind === "store") state.down = what.down;
    if (what.kind === "sink") {
      sinkFails = what.fails;
      for (const one of instances) one.installation.sink.fails = sinkFails ? "retryable" : null;
    }
    if (what.kind === "provider") does = what.does;
    await settle();
    await clock.advance(what.kind === "time" ? what.ms : 0);
  }

  // The storm is over: the platform goes on delivering what was not acknowledged.
  state.down = false;
  does = "well";
  const calm = start();
  calm.installation.sink.fails = null;
  for (const one of instances) one.installation.sink.fails = null;
  for (let round = 0; round < 12 && acknowledged.size < EVENTS; round += 1) {
    for (const [at, id] of names.entries()) if (!acknowledged.has(id)) deliver(at, calm.installation);
    await settle();
    await clock.advance(31_000);
    await settle();
  }
  for (const { body } of transport.sent) {
    const id = names.find((name) => body?.includes(name)) ?? "";
    calls.set(id, (calls.get(id) ?? 0) + 1);
  }
  const told = new Map(names.map((id) => [id, new Set(published.filter(({ extensions }) => extensions["causationid"] === id).map((event) => event.id))]));
  return { names, acknowledged, refused, told, calls, claims };
}

it("whoever dies at whatever point, and whatever fails meanwhile: no event is lost, each has one answer, and no call is made without a lease", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(happening, { maxLength: 24 }), async (happenings) => {
      const { names, acknowledged, refused, told, calls, claims } = await play(happenings);
      expect([[...acknowledged].sort(), refused]).toEqual([names, []]);
      for (const id of names) {
        const answers = [...(told.get(id) ?? [])];
        expect(answers).toHaveLength(1);
        expect(calls.get(id) ?? 0).toBeLessThanOrEqual(claims.get(`event/${answers[0]}`) ?? 0);
      }
    }),
    { numRuns: process.env["SPILLWAY_LONG"] === undefined ? 120 : 3_000 },
  );
});
