import { afterAll, beforeAll, expect, it } from "vitest";
import { type EventStore, startEventStore } from "../fakes/event-store.ts";
import { runStorm } from "../fakes/event-storm.ts";
import { type EventWorld, startEventWorld } from "../fakes/event-world.ts";

const SEED = Number(process.env["SPILLWAY_STORM_SEED"] ?? Math.floor(Math.random() * 1e9));

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

it(`500 events, two brokers that are killed all the time, a provider and a sink that fail: each is answered once (SPILLWAY_STORM_SEED=${SEED})`, {
  timeout: 600_000,
}, async () => {
  const { ids, poison, dead, kills, deliveries } = await runStorm(world, { seed: SEED, events: 500 });
  const lost = ids.filter((id) => world.told(id).ids.size === 0);
  const twice = ids.filter((id) => world.told(id).ids.size > 1);
  expect({ lost, twice }).toEqual({ lost: [], twice: [] });
  expect(ids.filter((id) => !world.told(id).statuses.has(200) || world.told(id).statuses.size > 1)).toEqual([]);
  // The answer's id is the event's name in the ledger.
  const leasesOf = (id: string) => store.leases(`event/${[...world.told(id).ids][0]}`);
  expect(ids.filter((id) => world.calls(id) < 1 || world.calls(id) > leasesOf(id))).toEqual([]);
  expect(dead.flatMap((letter) => letter.ids).sort()).toEqual([...poison].sort());
  expect(poison.filter((id) => world.told(id).copies > 0 || world.calls(id) > 0)).toEqual([]);
  // It was a storm.
  expect(kills).toBeGreaterThan(5);
  expect(deliveries.all).toBeGreaterThan(deliveries.acknowledged);
  const calls = ids.reduce((sum, id) => sum + world.calls(id), 0);
  const copies = ids.reduce((sum, id) => sum + world.told(id).copies, 0);
  process.stderr.write(`storm ${SEED}: ${kills} kills, ${deliveries.all} deliveries, ${calls} calls, ${copies} copies of ${ids.length} answers\n`);
});
