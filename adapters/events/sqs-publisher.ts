import type { EventPublisher } from "../../src/index.ts";
import type { AwsClient } from "../aws/aws-client.ts";
import { codeOf, createAwsPublisher, isRecord } from "./aws-publisher.ts";
import type { EntryFault, WrittenEvent } from "./publish-in-requests.ts";

export interface SqsPublisherOptions {
  /** A client of the service `sqs` in the queue's region. */
  readonly client: AwsClient;
  /** A name that ends in `.fifo` makes it an ordered queue: events of one source stay in order and are taken once within five minutes. */
  readonly queueUrl: string;
}

const MEDIA_TYPE = "application/cloudevents+json";
/** SQS takes 1 MiB by now, but Lambda's and older queues' limits are this. */
const MAX_BYTES = 256 * 1024;
/** Names, types and values of attributes count too. */
const ATTRIBUTES = { "content-type": { DataType: "String", StringValue: MEDIA_TYPE } };
const OVERHEAD = "content-type".length + "String".length + MEDIA_TYPE.length;

/** CloudEvents in structured JSON to an SQS queue, one a message. */
export function createSqsPublisher(options: SqsPublisherOptions): EventPublisher {
  const { client, queueUrl } = options;
  const ordered = queueUrl.endsWith(".fifo");
  return createAwsPublisher(client, {
    sink: "SQS",
    target: "AmazonSQS.SendMessageBatch",
    contentType: "application/x-amz-json-1.0",
    limits: { events: 10, bytes: MAX_BYTES, eventBytes: MAX_BYTES, overhead: OVERHEAD },
    bodyOf: async (entries) => ({ QueueUrl: queueUrl, Entries: await Promise.all(entries.map((entry) => entryOf(entry, ordered))) }),
    faultsOf,
  });
}

async function entryOf(entry: WrittenEvent, ordered: boolean): Promise<Readonly<Record<string, unknown>>> {
  return {
    Id: `${entry.position}`,
    // The two characters that JSON writes as they are and SQS refuses.
    MessageBody: entry.text.replaceAll("\uFFFE", "\\uFFFE").replaceAll("\uFFFF", "\\uFFFF"),
    MessageAttributes: ATTRIBUTES,
    ...(ordered
      ? { MessageGroupId: await digestOf(entry.event.source), MessageDeduplicationId: await digestOf(`${entry.event.source}\n${entry.event.id}`) }
      : {}),
  };
}

/** Both ids allow 128 characters of a narrow set; a source may be any URI. */
async function digestOf(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function faultsOf(answer: unknown, entries: readonly WrittenEvent[]): readonly EntryFault[] {
  const { Successful: successful, Failed: failed } = isRecord(answer) ? answer : {};
  const taken = new Set(recordsOf(successful).map((entry) => entry["Id"]));
  const told = new Map(recordsOf(failed).map((entry) => [entry["Id"], entry]));
  return entries.flatMap(({ position }) => {
    if (taken.has(`${position}`)) return [];
    const fault = told.get(`${position}`);
    return [{ position, retryable: fault?.["SenderFault"] !== true, reason: codeOf(fault?.["Code"]) }];
  });
}

function recordsOf(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}
