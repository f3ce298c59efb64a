import { afterAll } from "vitest";
import { createQueuePublisher, type QueueBinding } from "../../adapters/events/queue-publisher.ts";
import { type EventWorker, startEventWorker } from "../fakes/event-worker.ts";
import { type EventPublisherSubject, type SinkMood, testEventPublisher } from "./event-publisher.ts";

const MOODS: Readonly<Record<Exclude<SinkMood, "take" | "hang">, string>> = {
  busy: "Queue sendBatch failed: Too Many Requests",
  down: "Network connection lost.",
  refuse: "Queue sendBatch failed: Payload Too Large",
  cut: "internal error; reference = sk-1",
};

/** A binding with Cloudflare's limits and its ways to fail. */
async function scriptedBinding(): Promise<EventPublisherSubject> {
  let mood: SinkMood = "take";
  const taken: Readonly<Record<string, unknown>>[] = [];
  const queue: QueueBinding = {
    async sendBatch(messages) {
      if (mood === "hang") return new Promise(() => undefined);
      if (mood !== "take") throw new Error(MOODS[mood]);
      const texts = [...messages].map(({ body }) => JSON.stringify(body));
      const sizes = texts.map((text) => Buffer.byteLength(text) + 100);
      const total = sizes.reduce((sum, size) => sum + size, 0);
      if (texts.length > 100 || Math.max(...sizes) > 128_000 || total > 256_000) throw new Error("Queue sendBatch failed: Payload Too Large");
      taken.push(...texts.map((text) => JSON.parse(text)));
      return undefined;
    },
  };
  return {
    publisher: createQueuePublisher({ queue }),
    arrived: async () => taken,
    behave: (next) => {
      mood = next;
    },
    moods: new Set<SinkMood>(["take", "busy", "down", "refuse", "hang", "cut"]),
    refuse: null,
    tooLarge: 128_000,
    ordered: true,
    close: async () => undefined,
  };
}

let worker: EventWorker | null = null;
afterAll(() => worker?.stop());

/** The platform's own Queue, as it runs on a machine; it cannot be made to fail. */
async function realQueue(): Promise<EventPublisherSubject> {
  worker ??= await startEventWorker({}, null);
  const { queue, received } = worker;
  await settled(received);
  return {
    publisher: createQueuePublisher({ queue }),
    arrived: () => settled(received),
    behave: () => undefined,
    moods: new Set<SinkMood>(["take"]),
    refuse: null,
    tooLarge: 128_000,
    ordered: false,
    close: async () => undefined,
  };
}

/** A Queue delivers when it likes: what came until none has come for a while. */
async function settled(received: EventWorker["received"]) {
  const all: Readonly<Record<string, unknown>>[] = [];
  for (let quiet = 0; quiet < 3; quiet += 1) {
    await new Promise((resolve) => setTimeout(resolve, 15));
    const more = await received();
    if (more.length > 0) quiet = 0;
    all.push(...more);
  }
  return all;
}

testEventPublisher("Cloudflare Queue, scripted", scriptedBinding);
testEventPublisher("Cloudflare Queue, in workerd", realQueue);
