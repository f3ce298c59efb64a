import { setTimeout as wait } from "node:timers/promises";
import type { BrokerProcess } from "./broker-process.ts";
import { createEventQueue, type DeadLetter, type EventObject } from "./event-queue.ts";
import { callEvent, type EventWorld } from "./event-world.ts";

export interface StormOptions {
  readonly seed: number;
  readonly events: number;
}

/** What a storm left behind. */
export interface StormReport {
  readonly ids: readonly string[];
  readonly poison: readonly string[];
  readonly dead: readonly DeadLetter[];
  readonly kills: number;
  readonly deliveries: { readonly all: number; readonly acknowledged: number };
}

const AT_ONCE = 20;
/** So that it also ends on a machine where a start takes long. */
const MAX_KILLS = 14;

/** Sends events to two brokers, of which one or the other is killed every few hundred milliseconds, with a provider and a sink that fail now and then. */
export async function runStorm(world: EventWorld, { seed, events }: StormOptions): Promise<StormReport> {
  const random = createRandom(seed);
  const brokers: (BrokerProcess | null)[] = await Promise.all([world.start(), world.start()]);
  world.provide = () => {
    const chance = random();
    return (response) => {
      const fails = chance < 0.08;
      setTimeout(
        () => {
          response.writeHead(fails ? 503 : 200, { "content-type": "application/json" });
          response.end(fails ? '{"error":{"message":"overloaded"}}' : '{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}');
        },
        20 + 300 * random() ** 2,
      );
    };
  };
  world.sink = () => (random() < 0.08 ? 503 : 202);

  const ids = Array.from({ length: events }, (_, index) => `storm-${seed}-${index}`);
  const poison = poisonOf(seed);
  const messages = shuffled([...inMessages(ids, random), ...poison.messages], random);
  const queue = createEventQueue({
    target: () => {
      const up = brokers.filter((broker) => broker !== null);
      return up[Math.floor(random() * up.length)]?.url ?? null;
    },
    backOffMs: 150,
  });

  let over = false;
  let kills = 0;
  const killing = (async () => {
    while (!over && kills < MAX_KILLS) {
      await wait(200 + 400 * random());
      const at = random() < 0.5 ? 0 : 1;
      const doomed = brokers[at] ?? null;
      if (over || doomed === null) continue;
      brokers[at] = null;
      kills += 1;
      await world.kill(doomed);
      brokers[at] = await world.start();
    }
  })();

  let next = 0;
  const work = async (): Promise<void> => {
    for (let at = next++; at < messages.length; at = next++) await queue.send(messages[at] ?? []);
  };
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  } finally {
    over = true;
    await killing;
  }
  return { ids, poison: poison.ids, dead: queue.dead, kills, deliveries: queue.deliveries };
}

type Message = EventObject | readonly EventObject[] | string;

/** Singly, or a few in a batch. */
function inMessages(ids: readonly string[], random: () => number): Message[] {
  const messages: Message[] = [];
  for (let at = 0; at < ids.length; ) {
    const size = random() < 0.8 ? 1 : 2 + Math.floor(random() * 4);
    const [first, ...more] = ids.slice(at, at + size).map((id) => callEvent(id));
    if (first !== undefined) messages.push(more.length === 0 ? first : [first, ...more]);
    at += size;
  }
  return messages;
}

/** A few of each kind that no delivery will ever mend. */
function poisonOf(seed: number): { readonly ids: readonly string[]; readonly messages: readonly Message[] } {
  const messages: Message[] = [];
  const ids: string[] = [];
  for (let at = 0; at < 3; at += 1) {
    const id = (kind: string) => `poison-${kind}-${seed}-${at}`;
    const bad: EventObject[] = [
      callEvent(id("token"), { token: "stolen" }),
      callEvent(id("nowhere"), { url: undefined }),
      callEvent(id("member"), { extra: 1 }),
      callEvent(id("type"), {}, { type: "com.example.order" }),
      callEvent(id("version"), {}, { specversion: "0.3" }),
      // Only operators may say so.
      { specversion: "1.0", id: id("rotation"), source: "/x", type: "dev.spillway.secret.rotated.v1", data: {} },
    ];
    for (const event of bad) ids.push(String(event["id"]));
    const broken = `{"specversion":"1.0","id":"broken-${at}"`;
    ids.push(broken);
    messages.push(...bad, broken);
  }
  return { ids, messages };
}

function shuffled<Item>(list: readonly Item[], random: () => number): Item[] {
  return list
    .map((item) => ({ item, order: random() }))
    .sort((left, right) => left.order - right.order)
    .map(({ item }) => item);
}

/** mulberry32: the same seed gives the same numbers, though not the same order of events. */
function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
