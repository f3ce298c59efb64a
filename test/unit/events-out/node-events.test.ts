import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterEach, describe, expect, it } from "vitest";
import { createConsoleSink } from "../../../adapters/events/console-sink.ts";
import { createNodeEvents } from "../../../adapters/events/node-event-sink.ts";
import { readOverrides } from "../../../adapters/events/overrides.ts";
import { readSinkAddress } from "../../../adapters/events/sink-address.ts";
import { type CloudEvent, createDegradations, type EgressEvent } from "../../../src/index.ts";
import { startFakeAwsSink } from "../../fakes/aws-event-sinks.ts";
import { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } from "../../fakes/aws-signature.ts";
import { createAuthority } from "../../fakes/certificates.ts";
import { createFakeClock } from "../../fakes/clock.ts";
import { startEventReceiver } from "../../fakes/event-receiver.ts";

const event: EgressEvent = { type: "egress.denied", time: Date.UTC(2026, 10, 22, 12), subject: "team-a/openai/0", data: { code: "region_locked" } };
const answer: CloudEvent = {
  id: "answer-1",
  source: "/spillway",
  type: "dev.spillway.egress.response.v1",
  subject: null,
  time: null,
  dataContentType: null,
  dataSchema: null,
  extensions: { tenant: "green", kept: "yes" },
  data: { kind: "none" },
};
const signal = new AbortController().signal;
const keys = { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION: "eu-central-1" };
const opened: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

async function receive(tls: Parameters<typeof startEventReceiver>[0] = null) {
  const receiver = await startEventReceiver(tls);
  opened.push(() => receiver.close());
  return receiver;
}

async function open(environment: Readonly<Record<string, string | undefined>>) {
  const lines: string[] = [];
  const events = await createNodeEvents(
    environment,
    (line) => lines.push(line),
    createDegradations(createFakeClock(), (line) => lines.push(line)),
  );
  opened.push(async () => {
    await events.sink.close(0);
    await events.answers?.close();
  });
  return { ...events, lines };
}

describe("K_SINK", () => {
  it("gets events in structured mode, with the extensions of K_CE_OVERRIDES", async () => {
    const receiver = await receive();
    const { sink, answers } = await open({ K_SINK: receiver.url, K_SERVICE: "egress", K_CE_OVERRIDES: '{"extensions":{"tenant":"blue"}}' });
    sink.emit(event);
    await sink.flush(signal);
    await answers?.publish([answer], signal);
    expect(receiver.requests.map(({ method, contentType }) => [method, contentType])).toEqual(
      Array(2).fill(["POST", "application/cloudevents+json; charset=utf-8"]),
    );
    expect(receiver.taken).toEqual([
      {
        specversion: "1.0",
        id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        source: "/spillway/egress",
        type: "dev.spillway.egress.denied.v1",
        subject: "team-a/openai/0",
        time: "2026-11-22T12:00:00.000Z",
        datacontenttype: "application/json",
        data: { code: "region_locked" },
        tenant: "blue",
      },
      { specversion: "1.0", id: "answer-1", source: "/spillway", type: "dev.spillway.egress.response.v1", tenant: "blue", kept: "yes" },
    ]);
  });

  it("is shown the token that lies in a file, read anew when it is not accepted any more; without a file none", async () => {
    const receiver = await receive();
    const folder = await mkdtemp(join(tmpdir(), "spillway-oidc-"));
    opened.push(() => rm(folder, { recursive: true }));
    const file = join(folder, "token");
    const { answers } = await open({ K_SINK: receiver.url, SPILLWAY_SINK_TOKEN_FILE: file });
    await answers?.publish([answer], signal);
    await writeFile(file, "first.token\n");
    const other = await open({ K_SINK: receiver.url, SPILLWAY_SINK_TOKEN_FILE: file });
    await other.answers?.publish([answer], signal);
    await writeFile(file, "second.token\n");
    await other.answers?.publish([answer], signal);
    receiver.script.push(401);
    await other.answers?.publish([answer], signal);
    expect(receiver.requests.map(({ authorization }) => authorization)).toEqual([
      null,
      "Bearer first.token",
      "Bearer first.token",
      "Bearer first.token",
      "Bearer second.token",
    ]);
    receiver.mood = 401;
    const refused = await other.answers?.publish([answer], signal).catch((error: unknown) => error);
    expect(refused).toMatchObject({ name: "PublishError", retryable: true });
    expect(inspect(refused)).not.toContain("token");
    // Only what a SinkBinding names is shown it.
    const unbound = await open({ SPILLWAY_SINK: receiver.url, SPILLWAY_SINK_TOKEN_FILE: file });
    await unbound.answers?.publish([answer], signal).catch(() => {});
    expect(receiver.requests.at(-1)?.authorization).toBeNull();
  });

  it("is believed by the authorities of K_CA_CERTS, and by no other", async () => {
    const authority = createAuthority();
    const { certPem, keyPem } = authority.issue({ ipAddresses: ["127.0.0.1"] });
    const receiver = await receive({ key: keyPem, cert: certPem });
    await (await open({ K_SINK: receiver.url, K_CA_CERTS: authority.caPem })).answers?.publish([answer], signal);
    expect(receiver.taken).toHaveLength(1);
    for (const K_CA_CERTS of [undefined, createAuthority().caPem]) {
      const failed = (await open({ K_SINK: receiver.url, K_CA_CERTS })).answers?.publish([answer], signal);
      await expect(failed).rejects.toMatchObject({ name: "PublishError", retryable: true });
    }
    expect(receiver.taken).toHaveLength(1);
  });

  it("leads nobody elsewhere, and says nothing that gets into an error", async () => {
    const receiver = await receive();
    const { answers } = await open({ K_SINK: `${receiver.url}?token=sk-in-the-address` });
    for (const [mood, retryable] of [
      ["redirect", false],
      [400, false],
      [401, true],
      [403, true],
      [413, false],
      [404, true],
      [408, true],
      [409, true],
      [429, true],
      [500, true],
      [503, true],
      ["cut", true],
    ] as const) {
      receiver.mood = mood;
      const error: unknown = await answers?.publish([answer], signal).catch((reason: unknown) => reason);
      expect(error, `${mood}`).toMatchObject({ name: "PublishError", retryable });
      expect(inspect(error, { depth: 9 })).not.toContain("sk-");
    }
    expect(receiver.requests).toHaveLength(12);
    await receiver.close();
    const error: unknown = await answers?.publish([answer], signal).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: "PublishError", retryable: true });
    expect(inspect(error, { depth: 9 })).not.toContain("sk-");
  });

  it("has taken an event once it says so, whatever becomes of the rest of its answer", async () => {
    const receiver = await receive();
    receiver.mood = "stall";
    const published = (await open({ K_SINK: receiver.url })).answers?.publish([answer], AbortSignal.timeout(2_000));
    await expect(published).resolves.toBeUndefined();
  });
});

describe("SPILLWAY_SINK", () => {
  it("goes before K_SINK, and SPILLWAY_ANSWER_SINK before both for answers", async () => {
    const [own, bound, forAnswers] = [await receive(), await receive(), await receive()];
    const { sink, answers } = await open({ SPILLWAY_SINK: own.url, K_SINK: bound.url, SPILLWAY_ANSWER_SINK: forAnswers.url });
    sink.emit(event);
    await sink.flush(signal);
    await answers?.publish([answer], signal);
    expect([own, bound, forAnswers].map(({ taken }) => taken.length)).toEqual([1, 0, 1]);
    // What was bound by Knative says how events look there, and nowhere else.
    expect(own.taken[0]).not.toHaveProperty("tenant");
  });

  it.each(["sqs", "events"] as const)("may be a service of AWS: %s", async (service) => {
    const aws = await startFakeAwsSink(service, "eu-central-1");
    opened.push(() => aws.close());
    const address =
      service === "sqs"
        ? { SPILLWAY_SINK: `sqs:${aws.url}/123456789012/events` }
        : { SPILLWAY_SINK: "eventbridge:events", AWS_ENDPOINT_URL_EVENTBRIDGE: aws.url };
    const { sink, answers } = await open({ ...keys, ...address, AWS_LAMBDA_FUNCTION_NAME: "egress" });
    for (let index = 0; index < 5; index += 1) sink.emit(event);
    await sink.flush(signal);
    await answers?.publish([answer], signal);
    const taken = aws.taken.map((entry) => JSON.parse(String(entry["MessageBody"] ?? entry["Detail"])) as Record<string, unknown>); // CloudEvents
    expect(taken.map(({ source }) => source)).toEqual([...Array(5).fill("/spillway/egress"), "/spillway"]);
    expect(aws.requests).toHaveLength(2);
  });

  it("is told of in the log when it fails, once, without its address", async () => {
    const receiver = await receive();
    receiver.mood = 400;
    const { sink, lines } = await open({ SPILLWAY_SINK: `${receiver.url}?sk-1` });
    for (let index = 0; index < 10; index += 1) sink.emit(event);
    await sink.flush(signal);
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      expect.objectContaining({ level: "warn", msg: "degraded", part: "event_sink", detail: "event sink: the event was not taken: HTTP 400" }),
    ]);
    expect(sink.drops()).toEqual({ full: 0, refused: 10, "gave up": 0, unwritable: 0, closed: 0 });
  });
});

describe("no sink", () => {
  it("is the log, without what the access log says already", async () => {
    const { sink, answers, lines } = await open({ SPILLWAY_SINK: " ", K_SINK: "" });
    expect(answers).toBeNull();
    sink.emit({ ...event, type: "backend.degraded" });
    sink.emit({ ...event, type: "backend.recovered" });
    for (const type of ["egress.denied", "egress.failover", "egress.completed"] as const) sink.emit({ ...event, type });
    await sink.flush(signal);
    const common = { time: "2026-11-22T12:00:00.000Z", msg: "event", subject: "team-a/openai/0", data: { code: "region_locked" } };
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { ...common, level: "warn", type: "backend.degraded" },
      { ...common, level: "info", type: "backend.recovered" },
    ]);
    expect(sink.dropped()).toBe(0);
    (await createNodeEvents({}, null, createDegradations(createFakeClock(), null))).sink.emit({ ...event, type: "backend.degraded" });
    createConsoleSink((line) => lines.push(line)).emit({ ...event, type: "config.rejected" });
    expect(lines).toHaveLength(3);
  });
});

describe("an environment that cannot be meant", () => {
  it.each([
    [{ K_SINK: "broker" }, "K_SINK must be an http or https URL"],
    [{ K_SINK: "file:///tmp/x" }, "K_SINK must be an http or https URL"],
    [{ K_SINK: "http://u:sk-1@broker/" }, "K_SINK must not hold a user name or a password"],
    [{ K_SINK: "http://broker/", K_CE_OVERRIDES: "{" }, "K_CE_OVERRIDES"],
    [{ K_SINK: "https://broker/", K_CA_CERTS: "sk-1" }, "K_CA_CERTS must be PEM certificates"],
    [{ SPILLWAY_SINK: "sk-1" }, "SPILLWAY_SINK must be an https:// or http:// URL, sqs:QUEUE_URL or eventbridge:BUS_NAME_OR_ARN"],
    [{ SPILLWAY_ANSWER_SINK: "kafka:sk-1" }, "SPILLWAY_ANSWER_SINK must be an https:// or http:// URL, sqs:QUEUE_URL or eventbridge:BUS_NAME_OR_ARN"],
    [{ SPILLWAY_SINK: "sqs:sk-1" }, "SPILLWAY_SINK: sqs: must be followed by the queue's URL"],
    [{ SPILLWAY_SINK: "sqs:https://sqs.eu-central-1.amazonaws.com/" }, "SPILLWAY_SINK: sqs: must be followed by the queue's URL"],
    [{ SPILLWAY_SINK: "sqs:https://u:sk-1@sqs.eu-central-1.amazonaws.com/1/q" }, "SPILLWAY_SINK must not hold a user name or a password"],
    [{ SPILLWAY_SINK: "eventbridge:sk 1" }, "SPILLWAY_SINK: eventbridge: must be followed by the name or the ARN of an event bus"],
    [{ SPILLWAY_SINK: "eventbridge:" }, "SPILLWAY_SINK: eventbridge: must be followed by the name or the ARN of an event bus"],
    [{ SPILLWAY_SINK: "eventbridge:events" }, "AWS_REGION must be set"],
    [{ SPILLWAY_SINK: "sqs:https://queue.example/1/q" }, "AWS_REGION must be set"],
    [{ SPILLWAY_SINK: "eventbridge:events", AWS_REGION: "nowhere" }, "nowhere"],
  ] as const)("fails at start: %o", async (environment, sentence) => {
    const start = createNodeEvents(environment, () => undefined, createDegradations(createFakeClock(), null));
    await expect(start).rejects.toThrow(sentence);
    await expect(start).rejects.not.toThrow("sk-1");
  });

  it.each(["{", "[]", '{"extensions":[]}', '{"extensions":{"Big":"x"}}', '{"extensions":{"id":"x"}}', '{"extensions":{"n":1}}'])(
    "K_CE_OVERRIDES: %s",
    (text) => {
      expect(() => readOverrides(text)).toThrow("K_CE_OVERRIDES must be");
    },
  );

  it("is not one that says more than is understood", () => {
    expect(readOverrides('{"other":1}')).toEqual({});
  });
});

describe("the region of a sink", () => {
  it.each([
    ["sqs:https://sqs.eu-central-1.amazonaws.com/123456789012/events", "eu-central-1"],
    ["sqs:https://sqs-fips.us-east-1.amazonaws.com/123456789012/events.fifo", "us-east-1"],
    ["sqs:https://vpce-0a.sqs.eu-west-1.vpce.amazonaws.com/123456789012/events", "eu-west-1"],
    ["sqs:https://eu-west-1.queue.amazonaws.com/123456789012/events", "eu-west-1"],
    ["sqs:https://queue.example/123456789012/events", null],
    ["eventbridge:arn:aws:events:eu-north-1:123456789012:event-bus/egress", "eu-north-1"],
    ["eventbridge:egress", null],
  ])("%s is in %s", (address, region) => {
    expect(readSinkAddress("SPILLWAY_SINK", address)).toMatchObject({ region });
  });
});
