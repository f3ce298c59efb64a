import { setTimeout as wait } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { OTHER, ROTATED, type RotationCall, type RotationWorld, startRotationWorld } from "../fakes/event-rotation.ts";
import { startEventStore } from "../fakes/event-store.ts";

/** What the broker promises: an instance that was not told itself uses the old value for no longer than this. */
const BOUND_MS = 5_000;
/** Of a machine that is busy: between the event's answer and the test's look at its clock. */
const SLACK_MS = 3_000;

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const part of open.splice(0).reverse()) await part.close();
});

async function start(refresh: string): Promise<RotationWorld> {
  const store = await startEventStore();
  open.push(store);
  const world = await startRotationWorld(refresh, store.environment);
  open.push(world);
  return world;
}

const failed = ({ calls }: RotationWorld) => calls.filter(({ status }) => status !== 200);
const beganAfter = (calls: readonly RotationCall[], time: number) => calls.filter(({ began }) => began > time);
const keysOf = (calls: readonly RotationCall[]) => [...new Set(calls.map(({ key }) => key))];

/** Seconds of a real clock beside whatever else the machine does: a second look decides. */
const REAL_TIME = { retry: 2 } as const;

describe("a secret that is exchanged while calls run", REAL_TIME, () => {
  it("and of which one instance is told: it uses the new value at once, the other within the bound; no call fails, and no other secret is asked for", {}, async () => {
    const world = await start("{interval: 1h, jitterPercent: 0}");
    for (const broker of [0, 1]) {
      expect((await world.call(broker)).key).toBe("old");
      expect((await world.call(broker, "/two/things")).status).toBe(200);
    }
    let told = 0;
    let deadline = 0;
    const rotation = (async () => {
      await wait(1_500);
      world.accepts = new Set(["key-old", "key-new", "key-other"]);
      world.rotate();
      expect(await world.tell(0, ROTATED)).toBe(202);
      told = performance.now();
      await wait(BOUND_MS + SLACK_MS);
      world.accepts = new Set(["key-new", "key-other"]);
      deadline = performance.now();
      await wait(1_000);
    })();
    await world.load(1_000, 160, rotation);
    await Promise.all([0, 1].map((broker) => world.call(broker, "/two/things")));

    expect(world.calls.length).toBeGreaterThanOrEqual(1_000);
    expect([failed(world), world.refused()]).toEqual([[], 0]);
    const [first, second] = [0, 1].map((broker) => world.calls.filter((call) => call.broker === broker && call.key !== null));
    expect(keysOf(beganAfter(first ?? [], told))).toEqual(["new"]);
    expect(keysOf(beganAfter(second ?? [], told + BOUND_MS + SLACK_MS))).toEqual(["new"]);
    // It may have looked at any time within the bound: that it held the old value before is seen above.
    expect(beganAfter(world.calls, deadline).length).toBeGreaterThan(20);
    // Once at the start and once after the exchange, by each.
    expect(world.aws.asked.filter((name) => name === ROTATED)).toHaveLength(4);
    expect(world.aws.asked.filter((name) => name === OTHER)).toHaveLength(2);
  });

  it("and nobody is told: within the refresh interval the new value is used, and no call fails", async () => {
    const world = await start("{interval: 2s, jitterPercent: 0}");
    for (const broker of [0, 1]) expect((await world.call(broker)).key).toBe("old");
    let exchanged = 0;
    const rotation = (async () => {
      await wait(500);
      world.accepts = new Set(["key-old", "key-new"]);
      exchanged = world.rotate();
      await wait(2_000 + SLACK_MS);
      world.accepts = new Set(["key-new"]);
      await wait(1_000);
    })();
    await world.load(400, 100, rotation);
    expect([failed(world), world.refused()]).toEqual([[], 0]);
    expect(keysOf(beganAfter(world.calls, exchanged))).toContain("old");
    expect(keysOf(beganAfter(world.calls, exchanged + 2_000 + SLACK_MS))).toEqual(["new"]);
  });

  it("and revoked at once, with nobody told and an hour to the next refresh: no call fails", async () => {
    const world = await start("{interval: 1h, jitterPercent: 0}");
    for (const broker of [0, 1]) expect((await world.call(broker)).key).toBe("old");
    let exchanged = 0;
    const rotation = wait(700).then(() => {
      exchanged = world.rotate();
      world.accepts = new Set(["key-new"]);
    });
    await world.load(600, 40, rotation);
    expect(failed(world)).toEqual([]);
    expect(keysOf(beganAfter(world.calls, exchanged))).toEqual(["new"]);
    // The provider did say no, and to no more calls than were under way at the time.
    expect(world.refused()).toBeGreaterThan(0);
    expect(world.refused()).toBeLessThanOrEqual(40);
    expect(world.aws.asked.filter((name) => name === ROTATED)).toHaveLength(4);
  });
});
