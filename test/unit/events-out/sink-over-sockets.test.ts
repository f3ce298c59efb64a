import { afterEach, describe, expect, it } from "vitest";
import { createBatchingSink, type FlushableSink } from "../../../adapters/events/batching-sink.ts";
import { egressCloudEvent } from "../../../adapters/events/egress-cloud-event.ts";
import { createFetchPublisher } from "../../../adapters/events/fetch-publisher.ts";
import { createHttpPublisher } from "../../../adapters/events/http-publisher.ts";
import type { EventPublisher } from "../../../src/index.ts";
import { type EventReceiver, type ReceiverMood, startEventReceiver } from "../../fakes/event-receiver.ts";

const never = new AbortController().signal;
let receiver: EventReceiver | null = null;

afterEach(async () => {
  await receiver?.close();
  receiver = null;
});

/** Without pauses between tries: what a receiver does must not depend on them. */
function openSink(publisher: EventPublisher): FlushableSink {
  return createBatchingSink({
    publisher,
    toCloudEvent: (event) => egressCloudEvent(event, "/spillway"),
    after: (ms, callback) => {
      const timer = setTimeout(callback, ms);
      return () => clearTimeout(timer);
    },
    random: () => 0,
    // Long enough that a receiver that answers is never taken for one that hangs, on a busy machine too: it would get the event twice.
    timeoutMs: 1_500,
  });
}

function emit(sink: FlushableSink, count: number): void {
  for (let index = 0; index < count; index += 1) sink.emit({ type: "egress.completed", time: Date.now(), subject: `${index}`, data: { index } });
}

describe.each([
  ["undici, one a request", (url: string) => createHttpPublisher({ url })],
  ["undici, in batches", (url: string) => createHttpPublisher({ url, batched: true })],
  ["fetch, one a request", (url: string) => createFetchPublisher({ url })],
  ["fetch, in batches", (url: string) => createFetchPublisher({ url, batched: true })],
])("the sink over sockets: %s", (_, publisherOf) => {
  it("brings over every event once, whatever the receiver does in between", async () => {
    receiver = await startEventReceiver();
    const moods: readonly ReceiverMood[] = [503, "hang", 429, "cut", 202, 500, "stall", 404, "hang", 204, 408, "cut"];
    receiver.script.push(...moods);
    const sink = openSink(publisherOf(receiver.url));
    for (let round = 0; round < 5; round += 1) {
      emit(sink, 50);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await sink.flush(never);
    expect(sink.dropped()).toBe(0);
    expect(receiver.taken).toHaveLength(250);
    expect(new Set(receiver.taken.map(({ id }) => id)).size).toBe(250);
    await sink.close();
  });

  it("drops what is refused, counts it, and goes on", async () => {
    receiver = await startEventReceiver();
    receiver.mood = 400;
    const sink = openSink(publisherOf(receiver.url));
    emit(sink, 20);
    await sink.flush(never);
    expect(sink.drops()).toEqual({ full: 0, refused: 20, "gave up": 0, unwritable: 0, closed: 0 });
    receiver.mood = 202;
    emit(sink, 20);
    await sink.close();
    expect(receiver.taken).toHaveLength(20);
  });

  it("survives a receiver that goes away and comes back", async () => {
    receiver = await startEventReceiver();
    const { url } = receiver;
    const sink = openSink(publisherOf(url));
    emit(sink, 3);
    await sink.flush(never);
    await receiver.close();
    emit(sink, 3);
    await sink.flush(never);
    expect(sink.drops()).toEqual({ full: 0, refused: 0, "gave up": 3, unwritable: 0, closed: 0 });
    receiver = await startEventReceiver(null, Number(new URL(url).port));
    emit(sink, 3);
    await sink.close();
    expect(receiver.taken).toHaveLength(3);
  });

  it("ends while its receiver hangs", async () => {
    receiver = await startEventReceiver();
    receiver.mood = "hang";
    const sink = openSink(publisherOf(receiver.url));
    emit(sink, 300);
    await sink.close(50);
    expect(sink.dropped()).toBe(300);
    expect(receiver.taken).toEqual([]);
  });
});
