import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type BatchingSinkOptions, createBatchingSink, type FlushableSink } from "../../../adapters/events/batching-sink.ts";
import { egressCloudEvent } from "../../../adapters/events/egress-cloud-event.ts";
import { type EgressEvent, type EventType, PublishError } from "../../../src/index.ts";
import { createFakeClock, type FakeClock } from "../../fakes/clock.ts";
import { createScriptedPublisher, type PublishStep } from "../../fakes/scripted-publisher.ts";

const never = new AbortController().signal;

function anEvent(subject: string, type: EventType = "backend.degraded"): EgressEvent {
  return { type, time: Date.UTC(2026, 10, 22, 12), subject, data: {} };
}

function open(maxBatch: number, options: Partial<BatchingSinkOptions> = {}) {
  const clock = createFakeClock();
  const publisher = createScriptedPublisher(maxBatch);
  // Ids that tell the event, and that show when one is made twice.
  let made = 0;
  const sink = createBatchingSink({
    publisher,
    toCloudEvent: (event) => {
      made += 1;
      return { ...egressCloudEvent(event, "/spillway"), id: event.subject };
    },
    after: clock.after,
    random: () => 1,
    ...options,
  });
  const emit = (...subjects: string[]) => {
    for (const subject of subjects) sink.emit(anEvent(subject));
  };
  return { sink, clock, publisher, emit, made: () => made };
}

/** Cuts what is on its way. */
async function end(sink: FlushableSink, clock: FakeClock): Promise<void> {
  const closed = sink.close(0);
  await clock.advance(0);
  await closed;
}

const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, index) => `${from + index}`);
const none = { full: 0, refused: 0, "gave up": 0, unwritable: 0, closed: 0 };
const later: PublishStep = { kind: "fail", retryable: true, untaken: null };
const refused: PublishStep = { kind: "fail", retryable: false, untaken: null };

describe("what leaves together", () => {
  it("is what one turn emitted, up to a batch, and nothing is sent by `emit` itself", async () => {
    const { sink, publisher, emit } = open(3);
    emit(...numbers(7));
    expect(publisher.publishes).toEqual([]);
    await sink.flush(never);
    expect(publisher.publishes).toEqual([["0", "1", "2"], ["3", "4", "5"], ["6"]]);
  });

  it("waits for more as long as it is told, and no longer once there is a batch", async () => {
    const { clock, publisher, emit } = open(3, { lingerMs: 100 });
    emit("0", "1");
    await clock.advance(99);
    expect(publisher.publishes).toEqual([]);
    await clock.advance(1);
    expect(publisher.publishes).toEqual([["0", "1"]]);
    emit("2", "3", "4", "5");
    await clock.advance(0);
    expect(publisher.publishes).toEqual([
      ["0", "1"],
      ["2", "3", "4"],
    ]);
    await clock.advance(100);
    expect(publisher.publishes.at(-1)).toEqual(["5"]);
    expect(clock.pending()).toBe(0);
  });

  it("never waits when it is flushed", async () => {
    const { sink, clock, publisher, emit } = open(3, { lingerMs: 100 });
    emit("0", "1");
    await sink.flush(never);
    expect(publisher.taken).toEqual(["0", "1"]);
    expect(clock.pending()).toBe(0);
  });

  it("is no more than so many batches at a time", async () => {
    const { sink, publisher, emit, clock } = open(1, { concurrency: 2 });
    publisher.otherwise = { kind: "hang" };
    emit(...numbers(5));
    await clock.advance(0);
    expect(publisher.publishes).toEqual([["0"], ["1"]]);
    await end(sink, clock);
  });
});

describe("what is not taken", () => {
  it("is sent again under the same ids, after a pause that grows", async () => {
    const { sink, clock, publisher, emit, made } = open(10);
    publisher.steps.push(later, later, { kind: "break" });
    emit("0", "1");
    for (const [pause, sends] of [
      [0, 1],
      [199, 1],
      [1, 2],
      [399, 2],
      [1, 3],
      [800, 4],
    ] as const) {
      await clock.advance(pause);
      expect(publisher.publishes).toHaveLength(sends);
    }
    expect(publisher.publishes).toEqual(Array(4).fill(["0", "1"]));
    expect(made()).toBe(2);
    expect(sink.dropped()).toBe(0);
  });

  it("is all that is sent again, where the sink tells", async () => {
    const { clock, publisher, emit } = open(10);
    publisher.steps.push({ kind: "fail", retryable: true, untaken: [1, 3] });
    emit(...numbers(4));
    await clock.advance(200);
    expect(publisher.publishes).toEqual([
      ["0", "1", "2", "3"],
      ["1", "3"],
    ]);
  });

  it("is everything, where an error tells of no event at all", async () => {
    const { clock, publisher, emit } = open(10);
    const publish = publisher.publish.bind(publisher);
    publisher.publish = () => {
      publisher.publish = publish;
      return Promise.reject(new PublishError("told to", true, { untaken: [7] }));
    };
    emit("0", "1");
    await clock.advance(200);
    expect(publisher.taken).toEqual(["0", "1"]);
  });

  it("is given up after its last try", async () => {
    const { sink, clock, publisher, emit } = open(10, { maxAttempts: 2 });
    publisher.otherwise = later;
    emit("0", "1", "2");
    await clock.advance(60_000);
    expect(publisher.publishes).toHaveLength(2);
    expect(sink.drops()).toEqual({ ...none, "gave up": 3 });
  });

  it("is alone in being dropped where the sink refuses it", async () => {
    const { sink, clock, publisher, emit } = open(8);
    const publish = publisher.publish.bind(publisher);
    publisher.publish = (events, signal) => {
      publisher.otherwise = events.some(({ id }) => id === "5") ? refused : { kind: "take" };
      return publish(events, signal);
    };
    emit(...numbers(8));
    await clock.advance(60_000);
    expect(publisher.taken.sort()).toEqual(["0", "1", "2", "3", "4", "6", "7"]);
    expect(sink.drops()).toEqual({ ...none, refused: 1 });
    expect(publisher.publishes.length).toBeLessThanOrEqual(7);
  });

  it("is cut off when the sink hangs, and sent again", async () => {
    const { clock, publisher, emit } = open(8, { timeoutMs: 1_000 });
    publisher.steps.push({ kind: "hang" });
    emit("0");
    await clock.advance(1_200);
    expect(publisher.publishes).toEqual([["0"], ["0"]]);
    expect(clock.pending()).toBe(0);
  });

  it("is told of once when it begins and once when it is over", async () => {
    const told: (string | null)[] = [];
    const { clock, publisher, emit } = open(1, { onTrouble: (trouble) => told.push(trouble), concurrency: 1 });
    publisher.steps.push(later, later);
    emit("0", "1", "2");
    await clock.advance(60_000);
    expect(told).toEqual(["told to", null]);
  });

  it("is dropped where it cannot be written, without those beside it", async () => {
    const { sink, clock, publisher } = open(8);
    sink.emit({ ...anEvent("odd"), time: Number.NaN });
    sink.emit(anEvent("even"));
    await clock.advance(0);
    expect(publisher.taken).toEqual(["even"]);
    expect(sink.drops()).toEqual({ ...none, unwritable: 1 });
  });
});

describe("a full queue", () => {
  it("drops the oldest of what is not for audit, then the newest of what is", async () => {
    const { sink, publisher } = open(10, { queueBound: 3, pumpOnEmit: false });
    for (const [subject, type] of [
      ["denied", "egress.denied"],
      ["degraded", "backend.degraded"],
      ["failover", "egress.failover"],
      ["completed", "egress.completed"],
    ] as const)
      sink.emit(anEvent(subject, type));
    expect(sink.drops()).toEqual({ ...none, full: 1 });
    sink.emit(anEvent("denied again", "egress.denied"));
    sink.emit(anEvent("completed again", "egress.completed"));
    sink.emit(anEvent("recovered", "backend.recovered"));
    expect(sink.drops()).toEqual({ ...none, full: 4 });
    await sink.flush(never);
    expect(publisher.taken).toEqual(["denied", "completed", "denied again"]);
  });

  it("is full by size, too, and does not give everything away for one that never fits", async () => {
    const { sink, publisher } = open(10, { bytesBound: 2_000, pumpOnEmit: false });
    const sized = (subject: string, length: number): EgressEvent => ({ ...anEvent(subject), data: { text: "x".repeat(length) } });
    sink.emit(sized("a", 500));
    sink.emit(sized("b", 500));
    sink.emit(sized("giant", 5_000));
    expect(sink.dropped()).toBe(1);
    sink.emit(sized("c", 500));
    await sink.flush(never);
    expect(publisher.taken).toEqual(["b", "c"]);
    expect(sink.drops()).toEqual({ ...none, full: 2 });
  });

  it("has room again for as much as has left", async () => {
    const { sink, publisher } = open(2, { queueBound: 3, bytesBound: 1_500, pumpOnEmit: false });
    for (let round = 0; round < 2_000; round += 1) {
      for (const subject of numbers(3, round * 3)) sink.emit(anEvent(subject, round % 2 === 0 ? "egress.denied" : "backend.degraded"));
      await sink.flush(never);
    }
    expect(sink.dropped()).toBe(0);
    expect(publisher.taken).toHaveLength(6_000);
  });
});

describe("flush", () => {
  it("waits for what was emitted before it, not for what comes after", async () => {
    const { sink, clock, publisher, emit } = open(1, { concurrency: 1 });
    publisher.steps.push(later, { kind: "take" }, { kind: "hang" });
    emit("0");
    let done = false;
    const flushed = sink.flush(never).then(() => {
      done = true;
    });
    emit("1");
    await clock.advance(199);
    expect(done).toBe(false);
    await clock.advance(1);
    await flushed;
    expect(publisher.taken).toEqual(["0"]);
    await end(sink, clock);
  });

  it("resolves at once where nothing waits, and when its signal aborts", async () => {
    const { sink, publisher, emit, clock } = open(1);
    await sink.flush(never);
    publisher.otherwise = { kind: "hang" };
    emit("0");
    const stop = new AbortController();
    const flushed = sink.flush(stop.signal);
    await clock.advance(50);
    stop.abort();
    await flushed;
    await sink.flush(AbortSignal.abort());
    expect(sink.dropped()).toBe(0);
    await end(sink, clock);
  });

  it("resolves when what it waits for is dropped", async () => {
    const { sink, clock, publisher, emit } = open(1, { queueBound: 1, concurrency: 1 });
    publisher.otherwise = later;
    emit("0");
    await clock.advance(0);
    emit("1");
    const flushed = sink.flush(never);
    emit("2");
    publisher.otherwise = { kind: "take" };
    await clock.advance(200);
    await flushed;
    expect(publisher.taken[0]).toBe("0");
    expect(sink.drops()).toEqual({ ...none, full: 1 });
  });
});

describe("a sink that only flush empties", () => {
  it("sends nothing of itself, and then what waits, by each flush for itself", async () => {
    const { sink, clock, publisher, emit } = open(2, { pumpOnEmit: false, lingerMs: 100 });
    emit(...numbers(5));
    await clock.advance(10_000);
    expect(publisher.publishes).toEqual([]);
    publisher.steps.push({ kind: "hang" });
    const first = sink.flush(never);
    emit("later");
    // The first one hangs: the second has nothing to do with it.
    await sink.flush(never);
    expect(publisher.taken).toEqual(["2", "3", "4", "later"]);
    await clock.advance(10_200);
    await first;
    expect(publisher.taken).toEqual(["2", "3", "4", "later", "0", "1"]);
  });

  it("keeps for the next flush, in its place, what was cut off", async () => {
    const { sink, clock, publisher, emit, made } = open(2, { pumpOnEmit: false, concurrency: 1 });
    emit(...numbers(5));
    publisher.steps.push({ kind: "take" }, { kind: "hang" });
    const stop = new AbortController();
    const flushed = sink.flush(stop.signal);
    await clock.advance(0);
    emit("later");
    stop.abort();
    await flushed;
    expect(sink.dropped()).toBe(0);
    await sink.flush(never);
    expect(publisher.publishes).toEqual([
      ["0", "1"],
      ["2", "3"],
      ["2", "3"],
      ["4", "later"],
    ]);
    expect(made()).toBe(6);
    expect(clock.pending()).toBe(0);
  });
});

describe("close", () => {
  it.each([true, false])("sends what waits, closes the publisher and counts what comes later (pumpOnEmit %s)", async (pumpOnEmit) => {
    const { sink, publisher, emit } = open(7, { pumpOnEmit, lingerMs: 1_000 });
    emit(...numbers(50));
    await Promise.all([sink.close(), sink.close()]);
    expect(publisher.taken).toHaveLength(50);
    expect(publisher.closed).toBe(true);
    emit("late");
    expect(sink.drops()).toEqual({ ...none, closed: 1 });
  });

  it.each([true, false])("does not wait longer than it is told (pumpOnEmit %s)", async (pumpOnEmit) => {
    const { sink, clock, publisher, emit } = open(2, { pumpOnEmit, concurrency: 2 });
    publisher.otherwise = { kind: "hang" };
    emit(...numbers(9));
    await clock.advance(0);
    const closed = sink.close(1_000);
    await clock.advance(1_000);
    await closed;
    expect(sink.drops()).toEqual({ ...none, closed: 9 });
    expect(clock.pending()).toBe(0);
  });
});

describe("whatever the receiver does", () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.constant<PublishStep>({ kind: "take" }) },
    { weight: 1, arbitrary: fc.constant<PublishStep>({ kind: "hang" }) },
    { weight: 1, arbitrary: fc.constant<PublishStep>({ kind: "break" }) },
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant("fail" as const), retryable: fc.boolean(), untaken: fc.option(fc.array(fc.nat(6), { maxLength: 4 })) }),
    },
  );
  const action = fc.oneof(
    fc.record({ kind: fc.constant("emit" as const), count: fc.integer({ min: 1, max: 12 }), kept: fc.boolean() }),
    fc.record({ kind: fc.constant("pass" as const), ms: fc.integer({ min: 0, max: 3_000 }) }),
    fc.record({ kind: fc.constant("flush" as const), ms: fc.integer({ min: 0, max: 3_000 }) }),
  );
  const settings = fc.record({
    maxBatch: fc.integer({ min: 1, max: 5 }),
    queueBound: fc.integer({ min: 1, max: 20 }),
    concurrency: fc.integer({ min: 1, max: 3 }),
    maxAttempts: fc.integer({ min: 1, max: 3 }),
    lingerMs: fc.constantFrom(0, 50),
    pumpOnEmit: fc.boolean(),
  });

  it("each event is taken or counted as dropped, none is sent again once it was taken, and nothing is left after close", async () => {
    await fc.assert(
      fc.asyncProperty(settings, fc.array(step, { maxLength: 30 }), fc.array(action, { maxLength: 15 }), async ({ maxBatch, ...options }, steps, actions) => {
        const { sink, clock, publisher } = open(maxBatch, { ...options, timeoutMs: 1_000 });
        publisher.steps.push(...steps);
        let emitted = 0;
        const flushes: Promise<void>[] = [];
        for (const each of actions) {
          if (each.kind === "pass") await clock.advance(each.ms);
          if (each.kind === "flush") {
            const stop = new AbortController();
            clock.after(each.ms, () => stop.abort());
            flushes.push(sink.flush(stop.signal));
          }
          for (let index = 0; each.kind === "emit" && index < each.count; index += 1) {
            sink.emit(anEvent(`${emitted}`, each.kept ? "egress.completed" : "egress.failover"));
            emitted += 1;
          }
        }
        const closed = sink.close(5_000);
        await clock.advance(10_000);
        await closed;
        await Promise.all(flushes);
        // A publish that was taken cannot be cut off here, so that the two counts meet exactly.
        expect(new Set(publisher.taken).size).toBe(publisher.taken.length);
        expect(publisher.taken.length + sink.dropped()).toBe(emitted);
        expect(clock.pending()).toBe(0);
        expect(publisher.publishes.every((ids) => ids.length <= maxBatch && new Set(ids).size === ids.length)).toBe(true);
      }),
      { numRuns: 150 },
    );
  });
});
