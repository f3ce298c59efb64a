import { describe, expect, it } from "vitest";
import { createAwsClient } from "../../adapters/aws/aws-client.ts";
import { createNodeEvents } from "../../adapters/events/node-event-sink.ts";
import { type CloudEvent, createDegradations, type EgressEvent } from "../../src/index.ts";
import { createFakeClock } from "../fakes/clock.ts";

const url = process.env["SPILLWAY_MOTO_URL"];
const missing = url === undefined || url === "";
if (missing) process.stderr.write("MISSING: moto. Start `moto_server -H 127.0.0.1 -p PORT` and set SPILLWAY_MOTO_URL=http://127.0.0.1:PORT\n");

describe.skipIf(missing)(`events to SQS and EventBridge by moto${missing ? " (MISSING: SPILLWAY_MOTO_URL is not set)" : ""}`, () => {
  const endpoint = url ?? "";
  const region = "eu-central-1";
  const signal = new AbortController().signal;
  const run = `${Date.now()}`;
  const environment = { AWS_ACCESS_KEY_ID: "testing", AWS_SECRET_ACCESS_KEY: "testing", AWS_REGION: region, AWS_ENDPOINT_URL: endpoint };
  const credentials = async () => ({ accessKeyId: "testing", secretAccessKey: "testing", sessionToken: null });
  const admin = {
    sqs: createAwsClient({ service: "sqs", region, credentials, endpoint }),
    events: createAwsClient({ service: "events", region, credentials, endpoint }),
  };
  const sqs = async (operation: string, body: unknown) =>
    (await admin.sqs.call(`AmazonSQS.${operation}`, body, { signal })) as Readonly<Record<string, unknown>>; // each test knows its operation's answer
  const bus = async (operation: string, body: unknown) =>
    admin.events.call(`AWSEvents.${operation}`, body, { signal, contentType: "application/x-amz-json-1.1" });

  async function createQueue(name: string, attributes: Readonly<Record<string, string>> = {}): Promise<string> {
    return String((await sqs("CreateQueue", { QueueName: name, Attributes: attributes }))["QueueUrl"]);
  }

  async function receive(QueueUrl: string, count: number): Promise<readonly Readonly<Record<string, unknown>>[]> {
    const messages: Readonly<Record<string, unknown>>[] = [];
    for (let turn = 0; messages.length < count && turn < 20; turn += 1) {
      const answer = await sqs("ReceiveMessage", { QueueUrl, MaxNumberOfMessages: 10, MessageAttributeNames: ["All"], AttributeNames: ["All"] });
      const batch = (answer["Messages"] ?? []) as Readonly<Record<string, unknown>>[]; // what the service calls them
      for (const message of batch) await sqs("DeleteMessage", { QueueUrl, ReceiptHandle: message["ReceiptHandle"] });
      messages.push(...batch);
    }
    return messages;
  }

  const told = (subject: string): EgressEvent => ({ type: "egress.completed", time: Date.now(), subject, data: { text: "日本 \uFFFE\uFFFF \u0001" } });
  const answer = (id: string): CloudEvent => ({
    id,
    source: "/spillway",
    type: "dev.spillway.egress.response.v1",
    subject: null,
    time: null,
    dataContentType: "application/octet-stream",
    dataSchema: null,
    extensions: {},
    data: { kind: "bytes", bytes: new Uint8Array([0, 255, 128]) },
  });

  it("a queue gets every event as a message of its own", async () => {
    const queueUrl = await createQueue(`events-${run}`);
    const { sink } = await createNodeEvents({ ...environment, SPILLWAY_SINK: `sqs:${queueUrl}` }, null, createDegradations(createFakeClock(), null));
    for (let index = 0; index < 25; index += 1) sink.emit(told(`${index}`));
    await sink.flush(signal);
    expect(sink.dropped()).toBe(0);
    await sink.close();
    const messages = await receive(queueUrl, 25);
    expect(messages[0]).toMatchObject({ MessageAttributes: { "content-type": { DataType: "String", StringValue: "application/cloudevents+json" } } });
    const events = messages.map((message) => JSON.parse(String(message["Body"])) as Readonly<Record<string, unknown>>); // CloudEvents
    expect(new Set(events.map(({ subject }) => subject)).size).toBe(25);
    expect(events[0]).toMatchObject({ specversion: "1.0", data: { text: "日本 \uFFFE\uFFFF \u0001" } });
  });

  it("an ordered queue keeps the order, and takes an event once that is sent twice", async () => {
    const queueUrl = await createQueue(`events-${run}.fifo`, { FifoQueue: "true" });
    const { sink, answers } = await createNodeEvents({ ...environment, SPILLWAY_SINK: `sqs:${queueUrl}` }, null, createDegradations(createFakeClock(), null));
    const batch = Array.from({ length: 10 }, (_, index) => answer(`answer-${index}`));
    await answers?.publish(batch, signal);
    await answers?.publish(batch.slice(0, 3), signal);
    const messages = await receive(queueUrl, 10);
    expect(messages.map((message) => JSON.parse(String(message["Body"])).id)).toEqual(batch.map(({ id }) => id));
    expect(await receive(queueUrl, 1)).toEqual([]);
    await sink.close();
    await answers?.close();
  });

  it("a queue that is not there refuses for good", async () => {
    const { sink, answers } = await createNodeEvents(
      { ...environment, SPILLWAY_SINK: `sqs:${endpoint}/123456789012/absent-${run}` },
      null,
      createDegradations(createFakeClock(), null),
    );
    await expect(answers?.publish([answer("one")], signal)).rejects.toMatchObject({ name: "PublishError", retryable: false });
    await sink.close();
    await answers?.close();
  });

  it("a bus gives them to the rules that match on source and detail-type", async () => {
    const name = `bus-${run}`;
    const queueUrl = await createQueue(`from-bus-${run}`);
    const arn = String(
      ((await sqs("GetQueueAttributes", { QueueUrl: queueUrl, AttributeNames: ["QueueArn"] }))["Attributes"] as Record<string, unknown>)["QueueArn"],
    ); // asked for by name
    await bus("CreateEventBus", { Name: name });
    const pattern = { source: ["spillway.egress"], "detail-type": ["dev.spillway.egress.completed.v1"] };
    await bus("PutRule", { Name: `rule-${run}`, EventBusName: name, EventPattern: JSON.stringify(pattern), State: "ENABLED" });
    await bus("PutTargets", { Rule: `rule-${run}`, EventBusName: name, Targets: [{ Id: "queue", Arn: arn }] });
    const { sink } = await createNodeEvents(
      { ...environment, K_SERVICE: "egress", SPILLWAY_SINK: `eventbridge:${name}` },
      null,
      createDegradations(createFakeClock(), null),
    );
    for (let index = 0; index < 12; index += 1) sink.emit(told(`${index}`));
    sink.emit({ ...told("other"), type: "egress.denied" });
    await sink.flush(signal);
    expect(sink.dropped()).toBe(0);
    await sink.close();
    const events = (await receive(queueUrl, 12)).map((message) => JSON.parse(String(message["Body"])) as Readonly<Record<string, unknown>>); // EventBridge's form
    expect(events).toHaveLength(12);
    expect(events[0]).toMatchObject({
      source: "spillway.egress",
      "detail-type": "dev.spillway.egress.completed.v1",
      detail: { specversion: "1.0", source: "/spillway/egress", data: { text: "日本 \uFFFE\uFFFF \u0001" } },
    });
  });
});
