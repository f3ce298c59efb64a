import { describe, expect, it } from "vitest";
import { createAwsClient } from "../../adapters/aws/aws-client.ts";
import { busSourceOf, createEventBridgePublisher } from "../../adapters/events/eventbridge-publisher.ts";
import { createSqsPublisher } from "../../adapters/events/sqs-publisher.ts";
import type { CloudEvent, EventPublisher } from "../../src/index.ts";
import { type AwsSinkMood, type FakeAwsSink, startFakeAwsSink } from "../fakes/aws-event-sinks.ts";
import { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } from "../fakes/aws-signature.ts";
import { type EventPublisherSubject, type SinkMood, testEventPublisher } from "./event-publisher.ts";

const region = "eu-central-1";
const signal = new AbortController().signal;
const MOODS: Readonly<Record<SinkMood, AwsSinkMood>> = {
  take: "take",
  busy: ["ThrottlingException", 400],
  down: ["InternalFailure", 500],
  refuse: ["InvalidParameterValueException", 400],
  hang: "hang",
  cut: "cut",
};

function clientOf(service: "sqs" | "events", sink: FakeAwsSink) {
  const credentials = async () => ({ accessKeyId: AWS_ACCESS_KEY_ID, secretAccessKey: AWS_SECRET_ACCESS_KEY, sessionToken: null });
  return createAwsClient({ service, region, credentials, endpoint: sink.url, random: () => 0 });
}

const queueOf = (sink: FakeAwsSink, name: string) => createSqsPublisher({ client: clientOf("sqs", sink), queueUrl: `${sink.url}/123456789012/${name}` });
const busOf = (sink: FakeAwsSink) => createEventBridgePublisher({ client: clientOf("events", sink), bus: "events" });

async function subjectOf(service: "sqs" | "events", create: (sink: FakeAwsSink) => EventPublisher): Promise<EventPublisherSubject> {
  const sink = await startFakeAwsSink(service, region);
  const moods = Object.keys(MOODS) as SinkMood[]; // its own keys
  return {
    publisher: create(sink),
    arrived: async () => sink.taken.map((entry) => JSON.parse(String(entry[service === "sqs" ? "MessageBody" : "Detail"]))),
    behave: (mood) => {
      sink.mood = MOODS[mood];
    },
    moods: new Set(moods),
    refuse: (ids, retryable) => sink.refuse(ids, retryable ? (service === "sqs" ? "InternalError" : "InternalFailure") : "InvalidArgument"),
    tooLarge: 262_144,
    ordered: true,
    close: () => sink.close(),
  };
}

testEventPublisher("SQS", () => subjectOf("sqs", (sink) => queueOf(sink, "events")));
testEventPublisher("SQS, an ordered queue", () => subjectOf("sqs", (sink) => queueOf(sink, "events.fifo")));
testEventPublisher("EventBridge", () => subjectOf("events", busOf));

const event: CloudEvent = {
  id: "one",
  source: "/spillway/egress",
  type: "dev.spillway.egress.denied.v1",
  subject: null,
  time: "2026-11-22T12:00:00.500Z",
  dataContentType: null,
  dataSchema: null,
  extensions: {},
  data: { kind: "none" },
};

describe("messages of SQS", () => {
  it("say what they are, and of an ordered queue to which source they belong and which event they are", async () => {
    const sink = await startFakeAwsSink("sqs", region);
    await queueOf(sink, "events").publish([event], signal);
    await queueOf(sink, "events.fifo").publish([event, { ...event, id: "two" }, { ...event, source: "/other" }], signal);
    await sink.close();
    const [plain, first, second, other] = sink.taken;
    expect(plain).toEqual({
      Id: "0",
      MessageBody: expect.any(String),
      MessageAttributes: { "content-type": { DataType: "String", StringValue: "application/cloudevents+json" } },
    });
    expect(first?.["MessageGroupId"]).toMatch(/^[0-9a-f]{64}$/);
    expect(second?.["MessageGroupId"]).toBe(first?.["MessageGroupId"]);
    expect(other?.["MessageGroupId"]).not.toBe(first?.["MessageGroupId"]);
    expect(new Set([first, second, other].map((entry) => entry?.["MessageDeduplicationId"])).size).toBe(3);
    expect(sink.requests.map(({ headers, signed }) => [headers["x-amz-target"], headers["content-type"], signed])).toEqual([
      ["AmazonSQS.SendMessageBatch", "application/x-amz-json-1.0", true],
      ["AmazonSQS.SendMessageBatch", "application/x-amz-json-1.0", true],
    ]);
    expect(JSON.parse(sink.requests[1]?.body ?? "")).toMatchObject({ QueueUrl: `${sink.url}/123456789012/events.fifo` });
  });

  it("have the same deduplication id when an event is sent again", async () => {
    const sink = await startFakeAwsSink("sqs", region);
    await queueOf(sink, "events.fifo").publish([event], signal);
    await queueOf(sink, "events.fifo").publish([event], signal);
    await sink.close();
    expect(new Set(sink.taken.map((entry) => entry["MessageDeduplicationId"])).size).toBe(1);
  });
});

describe("entries of EventBridge", () => {
  it("say what rules match on", async () => {
    const sink = await startFakeAwsSink("events", region);
    await busOf(sink).publish([event, { ...event, id: "two", time: null }], signal);
    await sink.close();
    const common = { EventBusName: "events", Source: "spillway.egress", DetailType: "dev.spillway.egress.denied.v1", Detail: expect.any(String) };
    expect(sink.taken).toEqual([{ ...common, Time: Date.parse("2026-11-22T12:00:00.500Z") / 1_000 }, common]);
    expect(sink.requests[0]?.headers).toMatchObject({ "x-amz-target": "AWSEvents.PutEvents", "content-type": "application/x-amz-json-1.1" });
  });

  it.each([
    ["/spillway", "spillway"],
    ["/spillway/egress%20eu", "spillway.egress.20eu"],
    ["https://broker.example/eu?x=1", "https.broker.example.eu.x.1"],
    ["aws.s3", "spillway.aws.s3"],
    ["//AWS/s3", "spillway.AWS.s3"],
    ["awsome", "awsome"],
    ["/", "spillway"],
    ["日本", "spillway"],
  ])("write the source %s as %s", (source, expected) => {
    expect(busSourceOf(source)).toBe(expected);
  });

  it("write a long source within the bus's limit", () => {
    expect(busSourceOf(`/${"x".repeat(500)}`).length).toBeLessThanOrEqual(256);
  });
});

describe.each([
  ["SQS", "sqs", (sink: FakeAwsSink) => queueOf(sink, "events")],
  ["EventBridge", "events", busOf],
] as const)("%s", (_, service, create) => {
  it.each(["garbage", "empty"] as const)("has not taken what its answer does not speak of: %s", async (mood) => {
    const sink = await startFakeAwsSink(service, region);
    sink.mood = mood;
    await expect(create(sink).publish([event], signal)).rejects.toMatchObject({ name: "PublishError", retryable: true, untaken: [0] });
    await sink.close();
  });

  it("is not at fault where the keys are missing", async () => {
    const sink = await startFakeAwsSink(service, region);
    const client = createAwsClient({ service, region, endpoint: sink.url, credentials: () => Promise.reject(new Error("sk-none")) });
    const publisher = service === "sqs" ? createSqsPublisher({ client, queueUrl: `${sink.url}/1/q` }) : createEventBridgePublisher({ client, bus: "b" });
    await expect(publisher.publish([event], signal)).rejects.toMatchObject({ retryable: true });
    await sink.close();
  });

  it("keeps the order: after a failure that may mend nothing later is sent", async () => {
    const sink = await startFakeAwsSink(service, region);
    const events = Array.from({ length: 25 }, (_each, index) => ({ ...event, id: `event-${index}` }));
    sink.refuse(["event-12"], service === "sqs" ? "InternalError" : "ThrottlingException");
    const failed = create(sink).publish(events, signal);
    await expect(failed).rejects.toMatchObject({ retryable: true, untaken: [12, 20, 21, 22, 23, 24] });
    expect(sink.taken).toHaveLength(19);
    await sink.close();
  });
});
