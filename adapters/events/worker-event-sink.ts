import type { DegradedPort, EventPublisher } from "../../src/index.ts";
import { createBatchingSink, type FlushableSink } from "./batching-sink.ts";
import { createConsoleSink } from "./console-sink.ts";
import { egressCloudEvent } from "./egress-cloud-event.ts";
import { createFetchPublisher } from "./fetch-publisher.ts";
import { createQueuePublisher, type QueueBinding } from "./queue-publisher.ts";
import { readUrl } from "./sink-address.ts";
import { tellOfTrouble } from "./tell-of-trouble.ts";

type Bindings = Readonly<Record<string, unknown>>;

/** How events leave a broker in a Worker. */
export interface WorkerEvents {
  /** Sends nothing by itself: each call ends with `context.waitUntil(sink.flush(signal))`, its signal well within the 30 s that the platform gives. */
  readonly sink: FlushableSink;
  /** For answers to calls that came as events; null: there is nowhere to send them. Holds nothing between two requests. */
  readonly answers: EventPublisher | null;
}

/**
 * What the bindings ask for: `SPILLWAY_SINK`, a Queue's binding or a variable with a URL; answers go to `SPILLWAY_ANSWER_SINK`, else to the same.
 * Without a sink events go to the log. Throws when one of them cannot be meant.
 */
export function createWorkerEvents(bindings: Bindings, log: (line: string) => void, degraded: DegradedPort): WorkerEvents {
  const publisher = publisherOf("SPILLWAY_SINK", bindings);
  return {
    sink: publisher === null ? createConsoleSink(log) : createSink(publisher, degraded),
    answers: publisherOf("SPILLWAY_ANSWER_SINK", bindings) ?? publisher,
  };
}

function createSink(publisher: EventPublisher, degraded: DegradedPort): FlushableSink {
  return createBatchingSink({
    publisher,
    toCloudEvent: (event) => egressCloudEvent(event, "/spillway"),
    after: (ms, callback) => {
      const timer = setTimeout(callback, ms);
      return () => clearTimeout(timer);
    },
    random: Math.random,
    pumpOnEmit: false,
    onTrouble: tellOfTrouble(degraded),
  });
}

function publisherOf(name: string, bindings: Bindings): EventPublisher | null {
  const value = bindings[name];
  if (value === undefined || value === null || value === "") return null;
  if (isQueue(value)) return createQueuePublisher({ queue: value });
  const otherwise = `${name} must be the binding of a Queue or a variable with an https:// or http:// URL`;
  if (typeof value !== "string") throw new Error(otherwise);
  return createFetchPublisher({ url: readUrl(name, value.trim(), otherwise) });
}

function isQueue(value: unknown): value is QueueBinding {
  return typeof value === "object" && value !== null && "sendBatch" in value && typeof value.sendBatch === "function";
}
