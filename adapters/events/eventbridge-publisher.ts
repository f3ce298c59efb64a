import type { EventPublisher } from "../../src/index.ts";
import type { AwsClient } from "../aws/aws-client.ts";
import { codeOf, createAwsPublisher, isRecord } from "./aws-publisher.ts";
import type { EntryFault, WrittenEvent } from "./publish-in-requests.ts";

export interface EventBridgePublisherOptions {
  /** A client of the service `events` in the bus's region. */
  readonly client: AwsClient;
  /** Name or ARN of the event bus. */
  readonly bus: string;
}

const MAX_BYTES = 256 * 1024;
/** `Time` counts 14 bytes; the rest is room for `Source` (256) and `DetailType` (128). */
const OVERHEAD = 14 + 256 + 128;

/** Faults of the bus, not of the event. */
const PASSING: ReadonlySet<string> = new Set(["InternalFailure", "InternalException", "ThrottlingException", "ServiceUnavailable", "not taken"]);

/** CloudEvents to an EventBridge bus: `detail` is the structured event, `source` and `detail-type` are there for rules to match on. */
export function createEventBridgePublisher(options: EventBridgePublisherOptions): EventPublisher {
  const { client, bus } = options;
  return createAwsPublisher(client, {
    sink: "EventBridge",
    target: "AWSEvents.PutEvents",
    contentType: "application/x-amz-json-1.1",
    limits: { events: 10, bytes: MAX_BYTES, eventBytes: MAX_BYTES, overhead: OVERHEAD },
    bodyOf: async (entries) => ({ Entries: entries.map((entry) => entryOf(entry, bus)) }),
    faultsOf,
  });
}

function entryOf({ event, text }: WrittenEvent, bus: string): Readonly<Record<string, unknown>> {
  const time = event.time === null ? Number.NaN : Date.parse(event.time);
  return {
    EventBusName: bus,
    Source: busSourceOf(event.source),
    DetailType: event.type.slice(0, 128),
    Detail: text,
    // Seconds. Where it is missing, the bus takes the time at which it came.
    ...(Number.isNaN(time) ? {} : { Time: time / 1_000 }),
  };
}

/**
 * `/spillway/egress` becomes `spillway.egress`: sources of a bus are written with dots, and those that begin with `aws.` are Amazon's.
 * `detail.source` still has it as it was.
 */
export function busSourceOf(source: string): string {
  const dotted = source
    .replace(/[^A-Za-z0-9_-]+/g, ".")
    .replace(/^\.+|\.+$/g, "")
    .slice(0, 240);
  if (dotted === "") return "spillway";
  return /^aws(?:\.|$)/i.test(dotted) ? `spillway.${dotted}` : dotted;
}

/** The answer has one entry for each, in the same order. */
function faultsOf(answer: unknown, entries: readonly WrittenEvent[]): readonly EntryFault[] {
  const told: unknown = isRecord(answer) ? answer["Entries"] : null;
  return entries.flatMap(({ position }, index) => {
    const entry: unknown = Array.isArray(told) ? told[index] : null;
    if (isRecord(entry) && typeof entry["EventId"] === "string" && !entry["ErrorCode"]) return [];
    const reason = codeOf(isRecord(entry) ? entry["ErrorCode"] : null);
    return [{ position, retryable: PASSING.has(reason), reason }];
  });
}
