import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BrokerProcess } from "../fakes/broker-process.ts";
import { createEventQueue } from "../fakes/event-queue.ts";
import { type EventStore, type StoreOperation, startEventStore } from "../fakes/event-store.ts";
import { ANSWER, answerInPart, callEvent, type EventWorld, PART, startEventWorld } from "../fakes/event-world.ts";

let store: EventStore;
let world: EventWorld;

beforeAll(async () => {
  store = await startEventStore();
  world = await startEventWorld(store.environment);
});
afterAll(async () => {
  await world?.close();
  await store?.close();
});

/** Where the instance dies; `arm` sees to it that it does, once. */
interface Step {
  readonly name: string;
  readonly arm: (kill: () => void) => void;
  /** Calls that the provider gets in all, claims that are taken, and copies of the one answer. */
  readonly expected: { readonly calls: number; readonly leases: number; readonly copies: number };
}

/** Dies at the first such write: it never arrives, or is carried out and never answered. */
function atWrite(which: (operation: StoreOperation) => boolean, when: "before" | "after"): Step["arm"] {
  return (kill) => {
    let armed = true;
    store.decide = (operation) => {
      if (!armed || operation.name !== "PutItem" || !which(operation)) return "go";
      armed = false;
      if (when === "before") {
        kill();
        return "unheard";
      }
      store.done = () => {
        store.done = () => {};
        kill();
      };
      return "unanswered";
    };
  };
}

const atProvider =
  (act: (response: Parameters<typeof answerInPart>[0], kill: () => void) => void): Step["arm"] =>
  (kill) => {
    let armed = true;
    world.provide = () => {
      if (!armed) return null;
      armed = false;
      return (response) => act(response, kill);
    };
  };

const atSink =
  (verdict: number | "silent"): Step["arm"] =>
  (kill) => {
    let armed = true;
    world.sink = () => {
      if (!armed) return 202;
      armed = false;
      // Said, and at the same moment nobody is there any more to hear it.
      kill();
      return verdict;
    };
  };

const STEPS: readonly Step[] = [
  { name: "before the claim reaches the store", arm: atWrite(({ claims }) => claims, "before"), expected: { calls: 1, leases: 1, copies: 1 } },
  { name: "when the claim is written and not yet answered", arm: atWrite(({ claims }) => claims, "after"), expected: { calls: 1, leases: 2, copies: 1 } },
  { name: "when the provider was called and has not answered", arm: atProvider((_, kill) => kill()), expected: { calls: 2, leases: 2, copies: 1 } },
  { name: "in the middle of the provider's answer", arm: atProvider(answerInPart), expected: { calls: 2, leases: 2, copies: 1 } },
  {
    name: "when it has the answer and the record is not written",
    arm: atWrite(({ state }) => state === "answered", "before"),
    expected: { calls: 2, leases: 2, copies: 1 },
  },
  {
    name: "when the record is written and not yet answered",
    arm: atWrite(({ state }) => state === "answered", "after"),
    expected: { calls: 1, leases: 1, copies: 1 },
  },
  { name: "when the sink has the answer and has not said so", arm: atSink("silent"), expected: { calls: 1, leases: 1, copies: 2 } },
  {
    name: "when the sink has said yes and the confirmation is not written",
    arm: atWrite(({ state }) => state === "published", "before"),
    expected: { calls: 1, leases: 1, copies: 2 },
  },
  {
    name: "when the confirmation is written and the sender is not acknowledged",
    arm: atWrite(({ state }) => state === "published", "after"),
    expected: { calls: 1, leases: 1, copies: 1 },
  },
  {
    name: "when the record could not be written, and the sink has the answer",
    arm: (kill) => {
      store.decide = ({ state }) => (state === "answered" ? "down" : "go");
      atSink("silent")(() => {
        store.decide = () => "go";
        kill();
      });
    },
    // Called for again, since nobody remembers; but told under the same id.
    expected: { calls: 2, leases: 2, copies: 2 },
  },
];

/** Leases of a second, and stores that are given up after one: where the machine stands still for as long, a second look decides, with a new event. */
const REAL_TIME = { retry: 2 } as const;

describe.each(["a second instance", "the same one, started again"])("an instance that is killed while %s is there", REAL_TIME, (whoGoesOn) => {
  let victim: BrokerProcess | null = null;
  let survivor: BrokerProcess | null = null;

  it.each(STEPS)("$name: the event is answered once, and nothing is lost", async ({ name, arm, expected }) => {
    const second = whoGoesOn === "a second instance";
    if (victim === null || victim.child.killed) victim = await world.start();
    if (second) survivor ??= await world.start();
    const id = `${second ? "second" : "again"}: ${name} ${crypto.randomUUID()}`;
    const doomed = victim;
    let next: Promise<BrokerProcess> | null = null;
    let restarted: BrokerProcess | null = null;
    arm(() => {
      next = world.kill(doomed).then(() => world.start());
      void next.then((broker) => {
        restarted = broker;
      });
    });
    const leases = store.leases();
    const queue = createEventQueue({ target: (attempt) => (attempt === 0 ? doomed.url : second ? (survivor?.url ?? null) : (restarted?.url ?? null)) });
    await queue.send(callEvent(id));

    expect(queue.dead).toEqual([]);
    expect(next, "the instance was killed").not.toBeNull();
    victim = (await next) ?? victim;
    const told = world.told(id);
    expect({ calls: world.calls(id), leases: store.leases() - leases, copies: told.copies }).toEqual(expected);
    expect([told.ids.size, [...told.statuses]]).toEqual([1, [200]]);
    store.decide = () => "go";
  });
});

describe("without any death", () => {
  it("a call that takes far longer than a lease is renewed: its redelivery waits, and the provider is asked once", REAL_TIME, async () => {
    const name = `a long call ${crypto.randomUUID()}`;
    const broker = await world.start();
    let finish = () => {};
    const called = new Promise<void>((resolve) => {
      world.provide = () => (response) => {
        answerInPart(response, resolve);
        finish = () => response.end(ANSWER.slice(PART));
      };
    });
    const queue = createEventQueue({ target: () => broker.url });
    const first = queue.send(callEvent(name));
    await called;
    const second = queue.send(callEvent(name));
    await wait(3_500);
    const before = [world.calls(name), world.told(name).copies];
    finish();
    await Promise.all([first, second]);
    expect(before).toEqual([1, 0]);
    expect(queue.deliveries.all).toBeGreaterThan(10);
    // A delivery that comes between the record and its confirmation tells the answer once more, under the same id.
    expect([world.calls(name), world.told(name).ids.size, queue.dead]).toEqual([1, 1, []]);
    world.provide = () => null;
  });
});

it("an instance that is told to stop finishes what it has taken on, tells it and acknowledges it before it ends", async () => {
  const broker = await world.start();
  const called = new Promise<void>((resolve) => {
    world.provide = () => (response) => {
      answerInPart(response, resolve);
      setTimeout(() => response.end(ANSWER.slice(PART)), 1_500);
    };
  });
  const queue = createEventQueue({ target: () => broker.url, maxTries: 1 });
  const sent = queue.send(callEvent("a stop"));
  await called;
  const code = broker.stop();
  await sent;
  expect([await code, queue.dead, queue.deliveries]).toEqual([0, [], { all: 1, acknowledged: 1 }]);
  expect([world.calls("a stop"), world.told("a stop").copies]).toEqual([1, 1]);
  world.provide = () => null;
});

it("a batch whose instance dies in its middle comes again as a whole; what was done is answered from the record", REAL_TIME, async () => {
  const broker = await world.start();
  const other = await world.start();
  let written = 0;
  store.decide = ({ state }) => {
    written += state === "answered" ? 1 : 0;
    if (written < 3) return "go";
    store.decide = () => "go";
    void world.kill(broker);
    return "unheard";
  };
  const run = crypto.randomUUID();
  const ids = [1, 2, 3, 4, 5].map((number) => `${run}-${number}`);
  const queue = createEventQueue({ target: (attempt) => (attempt === 0 ? broker.url : other.url) });
  await queue.send(ids.map((id) => callEvent(id)));
  expect(queue.dead).toEqual([]);
  expect(ids.map((id) => world.told(id).ids.size)).toEqual([1, 1, 1, 1, 1]);
  const calls = ids.map((id) => world.calls(id));
  expect(Math.min(...calls)).toBe(1);
  // The two that were remembered are not called for again; each of the others was called for at most once before.
  expect(calls.filter((count) => count === 1).length).toBeGreaterThanOrEqual(2);
  expect(Math.max(...calls)).toBeLessThanOrEqual(2);
});
