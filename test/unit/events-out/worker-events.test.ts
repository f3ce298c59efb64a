import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createWorkerEvents } from "../../../adapters/events/worker-event-sink.ts";
import { createDegradations } from "../../../src/index.ts";
import { createFakeClock } from "../../fakes/clock.ts";
import { type EventReceiver, startEventReceiver } from "../../fakes/event-receiver.ts";
import { type EventWorker, startEventWorker } from "../../fakes/event-worker.ts";

const subjectsOf = (events: readonly Readonly<Record<string, unknown>>[]) => events.map((event) => event["subject"]).sort();

async function until<T>(read: () => Promise<T>, isEnough: (value: T) => boolean): Promise<T> {
  for (let turn = 0; ; turn += 1) {
    const value = await read();
    if (isEnough(value) || turn > 2_000) return value;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe("in workerd, with an address", () => {
  let receiver: EventReceiver;
  let worker: EventWorker;
  beforeAll(async () => {
    receiver = await startEventReceiver();
    worker = await startEventWorker({ SPILLWAY_SINK: receiver.url }, null);
  });
  afterEach(() => {
    receiver.mood = 202;
    receiver.taken.length = 0;
  });
  afterAll(async () => {
    await worker.stop();
    await receiver.close();
  });

  it("each call sends its own events after its answer", async () => {
    await Promise.all(Array.from({ length: 20 }, () => worker.call("/emit/5")));
    await until(
      async () => receiver.taken.length,
      (count) => count >= 100,
    );
    expect(subjectsOf(receiver.taken)).toEqual(Array.from({ length: 5 }, (_, index) => Array(20).fill(`5/${index}`)).flat());
    expect(receiver.taken[0]).toMatchObject({ specversion: "1.0", source: "/spillway", type: "dev.spillway.egress.completed.v1", data: { text: "日本" } });
    expect(await worker.call("/dropped")).toBe("0");
  });

  it("a call that is cut short leaves its events to the next one, with their ids", async () => {
    receiver.mood = "hang";
    const before = receiver.requests.length;
    await worker.call("/emit/3/100");
    await receiver.arrived(before + 3);
    await new Promise((resolve) => setTimeout(resolve, 200));
    receiver.mood = 202;
    await worker.call("/emit/1");
    await until(
      async () => receiver.taken.length,
      (count) => count >= 4,
    );
    expect(subjectsOf(receiver.taken)).toEqual(["1/0", "3/0", "3/1", "3/2"]);
    const sent = receiver.requests.slice(before).flatMap(({ events }) => events.map(({ id }) => id));
    expect(sent).toHaveLength(7);
    expect(new Set(sent).size).toBe(4);
    expect(await worker.call("/dropped")).toBe("0");
  });

  it("tries again what is not taken, tells of it in the log, and follows no redirect", async () => {
    receiver.script.push(503);
    await worker.call("/emit/1");
    await until(
      async () => receiver.taken.length,
      (count) => count >= 1,
    );
    receiver.mood = "redirect";
    await worker.call("/emit/1");
    await until(
      () => worker.call("/dropped"),
      (count) => count === "1",
    );
    const told = (JSON.parse(await worker.call("/told")) as string[]).map((line) => JSON.parse(line) as Record<string, unknown>); // lines of our own
    // The second comes within ten seconds of the first, and gets no line of its own.
    expect(told.map(({ msg, part, detail }) => [msg, part, detail])).toEqual([
      ["degraded", "event_sink", "event sink: the event was not taken: HTTP 503"],
      ["recovered", "event_sink", undefined],
    ]);
  });

  it("publishes answers to the same sink where no other is named", async () => {
    await worker.call("/answer");
    expect(receiver.taken).toMatchObject([{ id: "answer", source: "/worker" }]);
  });
});

describe("in workerd, with a Queue", () => {
  it("each call sends its own events in one batch", async () => {
    const worker = await startEventWorker({}, "SPILLWAY_SINK");
    const events: Readonly<Record<string, unknown>>[] = [];
    await Promise.all([worker.call("/emit/150"), worker.call("/emit/7"), worker.call("/answer")]);
    await until(
      async () => events.push(...(await worker.received())),
      () => events.length >= 158,
    );
    expect(events).toHaveLength(158);
    expect(events.filter(({ type }) => type === "dev.spillway.egress.completed.v1")[0]).toMatchObject({ specversion: "1.0", data: { text: "日本" } });
    await worker.stop();
  });
});

describe("the bindings of a Worker", () => {
  const lines: string[] = [];
  const log = (line: string) => lines.push(line);
  const queue = { sendBatch: async () => undefined };

  it("may name none: then the log has what is not of single calls", () => {
    const { sink, answers } = createWorkerEvents({}, log, createDegradations(createFakeClock(), log));
    expect(answers).toBeNull();
    sink.emit({ type: "backend.degraded", time: 0, subject: "x", data: {} });
    expect(lines).toHaveLength(1);
    expect(createWorkerEvents({ SPILLWAY_SINK: "" }, log, createDegradations(createFakeClock(), log)).answers).toBeNull();
  });

  it("may name one place for answers and none for the rest, or one for each", async () => {
    expect(createWorkerEvents({ SPILLWAY_ANSWER_SINK: queue }, log, createDegradations(createFakeClock(), log)).answers?.maxBatch).toBe(100);
    expect(
      createWorkerEvents({ SPILLWAY_SINK: "https://sink.example/", SPILLWAY_ANSWER_SINK: queue }, log, createDegradations(createFakeClock(), log)).answers
        ?.maxBatch,
    ).toBe(100);
    expect(createWorkerEvents({ SPILLWAY_SINK: "https://sink.example/" }, log, createDegradations(createFakeClock(), log)).answers?.maxBatch).toBe(1);
  });

  it.each([[42], [{}], ["sink"], ["sqs:https://sqs.eu-central-1.amazonaws.com/1/q"], ["ftp://sink.example/"]])(
    "are refused at start when they cannot be meant: %s",
    (value) => {
      for (const name of ["SPILLWAY_SINK", "SPILLWAY_ANSWER_SINK"]) {
        expect(() => createWorkerEvents({ [name]: value }, log, createDegradations(createFakeClock(), log))).toThrow(
          `${name} must be the binding of a Queue or a variable with an https:// or http:// URL`,
        );
      }
    },
  );

  it("never hold a password in an address, nor is one quoted", () => {
    expect(() => createWorkerEvents({ SPILLWAY_SINK: "https://user:sk-1@sink.example/" }, log, createDegradations(createFakeClock(), log))).toThrow(
      /^SPILLWAY_SINK must not hold a user name or a password$/,
    );
  });
});
