import { setTimeout as wait } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { ROTATED, type RotationCall, type RotationWorld, startRotationWorld } from "../fakes/event-rotation.ts";
import { type EventStore, startEventStore } from "../fakes/event-store.ts";

/** Of a machine that is busy. */
const SLACK_MS = 1_500;

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const part of open.splice(0).reverse()) await part.close();
});

async function start(refresh: string): Promise<{ readonly world: RotationWorld; readonly store: EventStore }> {
  const store = await startEventStore();
  open.push(store);
  const world = await startRotationWorld(refresh, store.environment);
  open.push(world);
  return { world, store };
}

const failed = ({ calls }: RotationWorld) => calls.filter(({ status }) => status !== 200);
const keysAfter = ({ calls }: RotationWorld, time: number) => [...new Set(calls.flatMap(({ began, key }: RotationCall) => (began > time ? [key] : [])))];

/** Seconds of a real clock beside whatever else the machine does: a second look decides. */
const REAL_TIME = { retry: 2 } as const;

describe("a secret that is exchanged", REAL_TIME, () => {
  it.each(["down", "unheard"] as const)("while the store that instances share is %s: calls go on, and polling holds", async (fate) => {
    const { world, store } = await start("{interval: 2s, jitterPercent: 0}");
    for (const broker of [0, 1]) expect((await world.call(broker)).key).toBe("old");
    let exchanged = 0;
    const rotation = (async () => {
      await wait(500);
      store.decide = () => fate;
      world.accepts = new Set(["key-old", "key-new"]);
      exchanged = world.rotate();
      await wait(2_000 + 2 * SLACK_MS);
      world.accepts = new Set(["key-new"]);
      await wait(3_500);
    })();
    await world.load(400, 100, rotation);
    expect([failed(world), world.refused()]).toEqual([[], 0]);
    expect(keysAfter(world, exchanged + 2_000 + 2 * SLACK_MS)).toEqual(["new"]);
    // Whoever waits for the store in vain waits for a second, and few do.
    const took = world.calls.map((call) => call.took).sort((one, other) => one - other);
    const usual = took[Math.floor(took.length / 2)] ?? 0;
    expect(took.filter((ms) => ms > usual + 900).length).toBeLessThan(took.length / 10);
  });

  it("while the store is down: who is told uses the new value at once, and the event comes again for the others", async () => {
    const { world, store } = await start("{interval: 1h, jitterPercent: 0}");
    for (const broker of [0, 1]) expect((await world.call(broker)).key).toBe("old");
    store.decide = () => "down";
    world.accepts = new Set(["key-old", "key-new"]);
    world.rotate();
    expect(await world.tell(0, ROTATED)).toBe(503);
    expect((await world.call(0)).key).toBe("new");
    expect((await world.call(1)).key).toBe("old");
    store.decide = () => "go";
    expect(await world.tell(0, `arn:aws:secretsmanager:eu-central-1:123456789012:secret:${ROTATED}-AbCdEf`)).toBe(202);
    await expect.poll(() => world.call(1).then(({ key }) => key), { interval: 200 }).toBe("new");
  });
});
