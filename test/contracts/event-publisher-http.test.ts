import { createFetchPublisher } from "../../adapters/events/fetch-publisher.ts";
import { createHttpPublisher } from "../../adapters/events/http-publisher.ts";
import type { EventPublisher } from "../../src/index.ts";
import { type ReceiverMood, startEventReceiver } from "../fakes/event-receiver.ts";
import { type EventPublisherSubject, type SinkMood, testEventPublisher } from "./event-publisher.ts";

const MOODS: Readonly<Record<SinkMood, ReceiverMood>> = { take: 202, busy: 429, down: 503, refuse: 400, hang: "hang", cut: "cut" };

async function subjectOf(create: (url: string) => EventPublisher): Promise<EventPublisherSubject> {
  const receiver = await startEventReceiver();
  const moods = Object.keys(MOODS) as SinkMood[]; // its own keys
  return {
    publisher: create(receiver.url),
    arrived: async () => receiver.taken,
    behave: (mood) => {
      receiver.mood = MOODS[mood];
    },
    moods: new Set(moods),
    refuse: null,
    tooLarge: null,
    ordered: true,
    close: () => receiver.close(),
  };
}

testEventPublisher("HTTP, one a request", () => subjectOf((url) => createHttpPublisher({ url })));
testEventPublisher("HTTP, in batches", () => subjectOf((url) => createHttpPublisher({ url, batched: true })));
testEventPublisher("fetch, one a request", () => subjectOf((url) => createFetchPublisher({ url })));
testEventPublisher("fetch, in batches", () => subjectOf((url) => createFetchPublisher({ url, batched: true })));
