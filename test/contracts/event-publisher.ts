import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type CloudEvent, type EventPublisher, PublishError } from "../../src/index.ts";
import { leastTime } from "../fakes/least-time.ts";

/** `busy`: too much at once. `down`: an outage. `refuse`: it will never take them. `hang`: no answer. `cut`: the connection ends before the answer. */
export type SinkMood = "take" | "busy" | "down" | "refuse" | "hang" | "cut";

/** What a publisher brings along to be tried: itself, and a hand on the sink behind it. */
export interface EventPublisherSubject {
  readonly publisher: EventPublisher;
  /** Structured events that the sink has taken charge of, in the order in which they came. */
  arrived(): Promise<readonly Readonly<Record<string, unknown>>[]>;
  /** How the sink is from now on; only moods of `moods` are asked for. */
  behave(mood: SinkMood): void;
  readonly moods: ReadonlySet<SinkMood>;
  /** Makes the sink refuse the events of these ids and take all others; null: it takes requests whole or not at all. */
  readonly refuse: ((ids: readonly string[], retryable: boolean) => void) | null;
  /** Bytes of data that are surely too much for one event; null: the sink itself decides, by `refuse`. */
  readonly tooLarge: number | null;
  /** Whether the sink keeps the order of a batch. */
  readonly ordered: boolean;
  close(): Promise<void>;
}

let made = 0;

function anEvent(overrides: Partial<CloudEvent> = {}): CloudEvent {
  made += 1;
  return {
    id: `contract-${made}`,
    source: "/spillway/contract",
    type: "dev.spillway.egress.completed.v1",
    subject: "team-a/openai/0",
    time: "2026-11-22T12:00:00.000Z",
    dataContentType: "application/json",
    dataSchema: null,
    extensions: {},
    data: { kind: "json", value: { secret: "sk-contract-content" } },
    ...overrides,
  };
}

/** The law of every EventPublisher. */
export function testEventPublisher(name: string, create: () => Promise<EventPublisherSubject>): void {
  describe(`EventPublisher: ${name}`, () => {
    let subject: EventPublisherSubject;
    const signal = new AbortController().signal;
    beforeEach(async () => {
      subject = await create();
    });
    afterEach(async () => {
      await subject.publisher.close();
      await subject.close();
    });

    const publish = (events: readonly CloudEvent[], at: AbortSignal = signal) => subject.publisher.publish(events, at);
    const failing = async (events: readonly CloudEvent[], at: AbortSignal = signal): Promise<PublishError> => {
      const error = await publish(events, at).then(
        () => expect.unreachable("it resolved"),
        (reason: unknown) => reason,
      );
      if (!(error instanceof PublishError)) throw error;
      return error;
    };
    const arrivedIds = async () => {
      const ids = (await subject.arrived()).map((event) => String(event["id"]));
      return subject.ordered ? ids : ids.sort();
    };
    const idsOf = (events: readonly CloudEvent[]) => {
      const ids = events.map(({ id }) => id);
      return subject.ordered ? ids : ids.sort();
    };

    it("delivers every kind of data as it is", async () => {
      const events = [
        anEvent({
          data: { kind: "json", value: { texts: ["pässwörd", "日本", "🦊", "\uFFFE\uFFFF\u0000\u001F\u007F"], deep: { nothing: null, number: 1.5e-9 } } },
        }),
        anEvent({ dataContentType: "text/plain", data: { kind: "text", text: 'line\r\n"quoted"\t\u2028' } }),
        anEvent({ dataContentType: "application/octet-stream", data: { kind: "bytes", bytes: Uint8Array.from({ length: 256 }, (_, index) => index) } }),
        anEvent({ dataContentType: null, data: { kind: "none" }, subject: null, time: null, extensions: { tenant: "blü", traceparent: "00-1-2-01" } }),
      ];
      for (const event of events) await publish([event]);
      const arrived = [...(await subject.arrived())].sort(
        (one, other) => idsOf(events).indexOf(String(one["id"])) - idsOf(events).indexOf(String(other["id"])),
      );
      const common = { specversion: "1.0", source: "/spillway/contract", type: "dev.spillway.egress.completed.v1" };
      const full = { ...common, subject: "team-a/openai/0", time: "2026-11-22T12:00:00.000Z" };
      const [json, text, bytes, none] = events;
      expect(arrived).toEqual([
        { ...full, id: json?.id, datacontenttype: "application/json", data: json?.data.kind === "json" ? json.data.value : null },
        { ...full, id: text?.id, datacontenttype: "text/plain", data: 'line\r\n"quoted"\t\u2028' },
        {
          ...full,
          id: bytes?.id,
          datacontenttype: "application/octet-stream",
          data_base64: Buffer.from(Array.from({ length: 256 }, (_, index) => index)).toString("base64"),
        },
        { ...common, id: none?.id, tenant: "blü", traceparent: "00-1-2-01" },
      ]);
    });

    it("does nothing with nothing", async () => {
      await publish([]);
      expect(await subject.arrived()).toEqual([]);
    });

    it("delivers a full batch, in its order where there is one", async () => {
      const events = Array.from({ length: subject.publisher.maxBatch }, () => anEvent());
      await publish(events);
      expect(await arrivedIds()).toEqual(idsOf(events));
    });

    it("delivers a batch that is too large for one request", async () => {
      const data = { kind: "text", text: "x".repeat(90_000) } as const;
      const events = Array.from({ length: Math.min(7, subject.publisher.maxBatch) }, () => anEvent({ dataContentType: "text/plain", data }));
      await publish(events);
      expect(await arrivedIds()).toEqual(idsOf(events));
    });

    it("says of an outage that another try may help, and succeeds after it", async () => {
      for (const mood of (["busy", "down", "cut"] as const).filter((each) => subject.moods.has(each))) {
        const event = anEvent();
        subject.behave(mood);
        expect(await failing([event]), mood).toMatchObject({ retryable: true });
        subject.behave("take");
        await publish([event]);
        expect((await arrivedIds()).includes(event.id)).toBe(true);
      }
    });

    it("says of a refusal that no other try will help, and quotes nothing", async (context) => {
      if (!subject.moods.has("refuse")) return context.skip();
      subject.behave("refuse");
      const error = await failing([anEvent()]);
      expect(error.retryable).toBe(false);
      expect(inspect(error, { depth: 9 })).not.toMatch(/sk-|contract-|team-a/);
    });

    it("says which events of a batch were not taken, and whether another try may help", async (context) => {
      if (subject.refuse === null || subject.publisher.maxBatch < 4) return context.skip();
      const events = Array.from({ length: 4 }, () => anEvent());
      const bad = [events[1]?.id ?? "", events[3]?.id ?? ""];
      subject.refuse(bad, false);
      expect(await failing(events)).toMatchObject({ retryable: false, untaken: [1, 3] });
      subject.refuse(bad, true);
      const again = Array.from(events, (event) => ({ ...event, source: "/spillway/again" }));
      const error = await failing(again);
      expect(error).toMatchObject({ retryable: true, untaken: [1, 3] });
      expect(inspect(error, { depth: 9 })).not.toMatch(/sk-|contract-|team-a/);
      const arrived = await arrivedIds();
      expect(arrived.filter((id) => bad.includes(id))).toEqual([]);
      expect(arrived).toHaveLength(4);
    });

    it("refuses an event that is too large, and takes those beside it", async (context) => {
      if (subject.tooLarge === null) return context.skip();
      const large = anEvent({ dataContentType: "text/plain", data: { kind: "text", text: "x".repeat(subject.tooLarge) } });
      expect(await failing([large])).toMatchObject({ retryable: false });
      const [before, after] = [anEvent(), anEvent()];
      expect(await failing([before, large, after])).toMatchObject({ retryable: false, untaken: [1] });
      expect(await arrivedIds()).toEqual(idsOf([before, after]));
    });

    it("refuses what no JSON can be made of, and takes those beside it", async () => {
      const [before, after] = [anEvent(), anEvent()];
      const odd = anEvent({ data: { kind: "json", value: { amount: 1n } } });
      expect(await failing([before, odd, after])).toMatchObject({ retryable: false, untaken: [1] });
      expect(await arrivedIds()).toEqual(idsOf([before, after]));
    });

    it("sends nothing when it is cancelled before", async () => {
      expect(await failing([anEvent()], AbortSignal.abort())).toMatchObject({ retryable: true });
      expect(await subject.arrived()).toEqual([]);
    });

    it("leaves a sink that hangs when it is cancelled", async (context) => {
      if (!subject.moods.has("hang")) return context.skip();
      subject.behave("hang");
      const leave = async () => {
        const stop = new AbortController();
        const failed = failing([anEvent()], stop.signal);
        setTimeout(() => stop.abort(), 30);
        expect(await failed).toMatchObject({ retryable: true });
      };
      expect(await leastTime(2_000, leave, 3)).toBeLessThan(2_000);
    });

    it("takes nothing once it is closed, and may be closed twice", async () => {
      await subject.publisher.close();
      expect(await failing([anEvent()])).toMatchObject({ retryable: true });
      await subject.publisher.close();
      expect(await subject.arrived()).toEqual([]);
    });
  });
}
