import { SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import {
  AlwaysOffSampler,
  InMemorySpanExporter,
  ParentBasedSampler,
  type ReadableSpan,
  type Sampler,
  SimpleSpanProcessor,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import { afterEach, describe, expect, it } from "vitest";
import { createAttribution } from "../../../src/attribution/create-attribution.ts";
import type { EgressEvent } from "../../../src/model/event.ts";
import { createFakeClock } from "../../fakes/clock.ts";
import { attemptOf, denied, evidence, exchangeOf, failedOver, recordOf, START } from "./fixtures.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const PARENT = "b7ad6b7169203331";

function start(
  options: { readonly tracing?: boolean; readonly sampler?: Sampler; readonly queueBound?: number; readonly schedule?: (work: () => void) => void } = {},
) {
  const exporter = new InMemorySpanExporter();
  const provider = new TracerProvider({
    spanProcessors: [new SimpleSpanProcessor({ exporter })],
    ...(options.sampler === undefined ? {} : { sampler: options.sampler }),
  });
  const lines: string[] = [];
  const events: EgressEvent[] = [];
  const work: (() => void)[] = [];
  const clock = createFakeClock();
  const attribution = createAttribution({
    clock,
    tracer: options.tracing === false ? null : provider.getTracer("test"),
    sink: { emit: (event) => events.push(event) },
    log: (line) => lines.push(line),
    schedule: options.schedule ?? ((job) => work.push(job)),
    ...(options.queueBound === undefined ? {} : { queueBound: options.queueBound }),
  });
  const runAll = () => {
    for (let job = work.shift(); job !== undefined; job = work.shift()) job();
  };
  return { attribution, clock, provider, spans: () => exporter.getFinishedSpans(), lines, events, work, runAll };
}

function byKind(spans: readonly ReadableSpan[], kind: SpanKind): ReadableSpan[] {
  return spans.filter((span) => span.kind === kind);
}

function milliseconds([seconds, nanoseconds]: readonly [number, number]): number {
  return seconds * 1000 + nanoseconds / 1e6;
}

describe("settle", () => {
  it("does its work later, and once", () => {
    const { attribution, lines, events, spans, runAll } = start();
    const record = recordOf();
    attribution.settle(record);
    attribution.settle(record);
    expect([lines.length, events.length, spans().length]).toEqual([0, 0, 0]);
    runAll();
    expect(lines).toHaveLength(1);
    expect(spans()).toHaveLength(2);
    expect(events.map((event) => event.type)).toEqual(["egress.completed"]);
    expect(attribution.metrics.metricsText()).toMatch(/egress_requests_total\{[^}]*\} 1\n/);
  });

  it("never throws, whatever its ports do, and still writes what it can", () => {
    const lines: string[] = [];
    const broken = createAttribution({
      clock: createFakeClock(),
      tracer: {
        startSpan: () => {
          throw new Error("no");
        },
        startActiveSpan: () => {
          throw new Error("no");
        },
      },
      sink: {
        emit: () => {
          throw new Error("no");
        },
      },
      log: (line) => lines.push(line),
      schedule: (work) => work(),
    });
    const record = recordOf();
    expect(broken.traceparentFor(record)).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
    broken.settle(record);
    expect(lines).toHaveLength(1);
    expect(broken.metrics.metricsText()).toContain('egress_telemetry_dropped_total{item="spans"} 2');
    expect(broken.metrics.metricsText()).toContain('egress_telemetry_dropped_total{item="events"} 1');
  });

  it("survives a scheduler that fails and catches up with the next call", () => {
    let works = false;
    const { attribution, lines } = start({
      schedule: (work) => {
        if (!works) throw new Error("not now");
        work();
      },
    });
    attribution.settle(recordOf());
    expect(lines).toHaveLength(0);
    works = true;
    attribution.settle(recordOf());
    expect(lines).toHaveLength(2);
  });

  it("holds no more than its bound, counts what it drops, and counts dropped calls in the metrics all the same", () => {
    const { attribution, lines, runAll } = start({ queueBound: 100 });
    for (let index = 0; index < 1_000; index += 1) attribution.settle(recordOf());
    runAll();
    expect(lines).toHaveLength(100);
    const text = attribution.metrics.metricsText();
    expect(text).toContain('egress_telemetry_dropped_total{item="records"} 900');
    expect(text).toMatch(/egress_requests_total\{[^}]*\} 1000\n/);
  });

  it("works in small turns, so that a burst does not hold up other calls", () => {
    const { attribution, lines, work } = start();
    for (let index = 0; index < 200; index += 1) attribution.settle(recordOf());
    expect(work).toHaveLength(1);
    work.shift()?.();
    expect(lines.length).toBeLessThan(100);
    attribution.drain();
    expect(lines).toHaveLength(200);
  });

  it("gives an end to a record that has none", () => {
    const { attribution, lines, runAll } = start();
    const record = attribution.begin(exchangeOf(), "req-2");
    attribution.settle(record);
    runAll();
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({ request_id: "req-2", outcome: "broker_error", duration_ms: 0 });
  });
});

describe("what a lock came to", () => {
  it("is told in events, with what it rests on", () => {
    const { attribution, events, runAll } = start();
    attribution.settle(recordOf());
    attribution.settle(denied());
    runAll();
    expect(events.find(({ type }) => type === "egress.completed")?.data).toMatchObject({
      lock: ["egress-system/eu-only"],
      decision: "allow",
      evidence: "host",
      evidenceRule: "bedrock.in-region",
      checkedAt: "2026-11-22",
      regions: ["eu-central-1"],
      countries: ["DE"],
    });
    expect(events.find(({ type }) => type === "egress.denied")?.data).toMatchObject({ lock: ["egress-system/eu-only"], decision: "deny" });
  });
});

describe("spans", () => {
  it("tell what a call cost, in dollars only where it is dollars", () => {
    const { attribution, spans, runAll } = start();
    const cost = { nanos: 2_025_000, currency: "USD", source: "genai-prices@0.1.8", estimated: false };
    attribution.settle(recordOf({ cost }));
    attribution.settle(recordOf({ cost: { ...cost, currency: "EUR", source: "policy", estimated: true } }));
    attribution.settle(recordOf({ cost: null }));
    runAll();
    const [dollars, euros, unknown] = byKind(spans(), SpanKind.SERVER).map(({ attributes }) =>
      Object.fromEntries(Object.entries(attributes).filter(([name]) => name.startsWith("egress.cost."))),
    );
    expect(dollars).toEqual({ "egress.cost.usd": 0.002025, "egress.cost.source": "genai-prices@0.1.8" });
    expect(euros).toEqual({ "egress.cost.amount": 0.002025, "egress.cost.currency": "EUR", "egress.cost.source": "policy", "egress.cost.estimated": true });
    expect(unknown).toEqual({});
  });

  it("name who serves a destination, and where nobody knows that the API that it speaks", () => {
    const { attribution, spans, runAll } = start();
    attribution.settle(recordOf({ attempts: [attemptOf({ provider: "azure.ai.openai" })] }));
    attribution.settle(recordOf({ attempts: [attemptOf({ provider: null })] }));
    runAll();
    expect(spans().map(({ attributes }) => attributes["gen_ai.provider.name"])).toEqual(["azure.ai.openai", "azure.ai.openai", "openai", "openai"]);
  });

  it("tell of the call and of each attempt, with the times that they had", () => {
    const { attribution, spans, runAll } = start();
    attribution.settle(failedOver());
    runAll();
    const [root] = byKind(spans(), SpanKind.SERVER);
    const [first, second] = byKind(spans(), SpanKind.CLIENT);
    expect(spans()).toHaveLength(3);
    expect(root?.name).toBe("chat gpt-5");
    expect(root?.parentSpanContext).toBeUndefined();
    expect(milliseconds(root?.startTime ?? [0, 0])).toBeCloseTo(START, 3);
    expect(milliseconds(root?.endTime ?? [0, 0])).toBeCloseTo(START + 250.5, 3);
    expect(root?.attributes).toMatchObject({
      "http.request.method": "POST",
      "http.response.status_code": 200,
      "http.route": "team-a/openai",
      "url.path": "/v1/chat/completions",
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": "openai",
      "gen_ai.request.model": "gpt-5",
      "gen_ai.request.stream": true,
      "gen_ai.response.model": "gpt-5-2026-08",
      "gen_ai.response.finish_reasons": ["stop"],
      "gen_ai.usage.input_tokens": 100,
      "gen_ai.usage.output_tokens": 20,
      "gen_ai.usage.cache_read.input_tokens": 40,
      "egress.source.namespace": "team-a",
      "egress.source.service_account": "writer",
      "egress.source.verified": "jwt",
      "egress.backend": "XBackend/team-a/openai-eu",
      "egress.attempts": 2,
      "egress.decision": "allow",
      "egress.outcome": "ok",
    });
    expect(root?.status.code).toBe(SpanStatusCode.UNSET);
    for (const child of [first, second]) expect(child?.parentSpanContext?.spanId).toBe(root?.spanContext().spanId);
    expect(first?.attributes).toMatchObject({
      "server.address": "us.api.openai.com",
      "http.response.status_code": 503,
      "error.type": "503",
      "egress.failover.reason": "overloaded",
      "egress.attempt": 1,
    });
    expect(first?.status.code).toBe(SpanStatusCode.ERROR);
    expect(milliseconds(first?.endTime ?? [0, 0])).toBeCloseTo(START + 9, 3);
    expect(second?.name).toBe("chat gpt-5-eu");
    expect(second?.attributes).toMatchObject({
      "server.port": 443,
      "http.request.resend_count": 1,
      "network.peer.address": "203.0.113.7",
      "network.protocol.version": "1.1",
      "egress.token.source": "SecretSource/egress-system/openai-key",
      "egress.token.cache": "hit",
      "egress.region.processing": ["eu-central-1"],
      "egress.jurisdiction": ["DE"],
      "egress.lock": ["egress-system/eu-only"],
      "egress.lock.evidence": "host",
      "egress.lock.rule": "bedrock.in-region",
      "egress.lock.checked_at": "2026-11-22",
      "egress.decision": "allow",
    });
    // Usage stands once in a trace.
    expect(second?.attributes["gen_ai.usage.input_tokens"]).toBeUndefined();
  });

  it("show a denial as a decision, not as an error of the server", () => {
    const { attribution, spans, runAll } = start();
    attribution.settle(denied());
    runAll();
    expect(spans()[0]?.attributes).toMatchObject({ "egress.decision": "deny", "egress.refusal": "region_locked", "error.type": "region_locked" });
    expect(spans()[0]?.status.code).toBe(SpanStatusCode.UNSET);
  });

  it("show on the call's span that it was not locked, or that an answer came from outside", () => {
    const { attribution, spans, runAll } = start();
    attribution.settle(recordOf({ lock: [] }));
    attribution.settle(recordOf({ attempts: [attemptOf({ region: { ...evidence, decision: "violated" } })] }));
    runAll();
    const [plain, violated] = byKind(spans(), SpanKind.SERVER);
    expect(plain?.attributes["egress.decision"]).toBe("unlocked");
    expect(plain?.attributes["egress.lock"]).toBeUndefined();
    expect(violated?.attributes).toMatchObject({ "egress.decision": "violated", "egress.lock": ["egress-system/eu-only"] });
  });

  it("show a caller that left as its own outcome", () => {
    const { attribution, spans, runAll } = start();
    attribution.settle(recordOf({ outcome: "caller_gone", status: 0, attempts: [attemptOf({ outcome: "cancelled", status: 0 })] }));
    runAll();
    for (const span of spans()) {
      expect(span.attributes["error.type"]).toBeUndefined();
      expect(span.status.code).toBe(SpanStatusCode.UNSET);
    }
    expect(byKind(spans(), SpanKind.SERVER)[0]?.attributes["egress.outcome"]).toBe("caller_gone");
  });

  it("name plain HTTP by method and route, and unknown methods _OTHER", () => {
    const { attribution, spans, runAll } = start();
    const plain = { operation: { name: "other", dialect: null, inference: false, suffix: "" }, requestedModel: null, attempts: [] } as const;
    attribution.settle(recordOf({ ...plain, method: "GET", attempts: [] }));
    attribution.settle(recordOf({ ...plain, method: "BREW", attempts: [] }));
    runAll();
    expect(spans().map((span) => span.name)).toEqual(["GET team-a/openai", "HTTP team-a/openai"]);
    expect(spans()[1]?.attributes).toMatchObject({ "http.request.method": "_OTHER", "http.request.method_original": "BREW" });
    expect(spans()[0]?.attributes["gen_ai.operation.name"]).toBeUndefined();
  });

  it("stand under the caller's own span", () => {
    const { attribution, spans, lines, runAll } = start();
    attribution.settle(recordOf({ traceparent: `00-${TRACE}-${PARENT}-01` }));
    runAll();
    const [root] = byKind(spans(), SpanKind.SERVER);
    expect(root?.parentSpanContext).toMatchObject({ traceId: TRACE, spanId: PARENT, isRemote: true });
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({ trace_id: TRACE, span_id: root?.spanContext().spanId });
  });

  it("follow the sampler, children and all", () => {
    const { attribution, spans, lines, runAll } = start({ sampler: new ParentBasedSampler({ root: new AlwaysOffSampler() }) });
    attribution.settle(recordOf());
    attribution.settle(recordOf({ traceparent: `00-${TRACE}-${PARENT}-00` }));
    runAll();
    expect(spans()).toHaveLength(0);
    attribution.settle(recordOf({ traceparent: `00-${TRACE}-${PARENT}-01` }));
    runAll();
    expect(spans()).toHaveLength(2);
    expect(lines).toHaveLength(3);
  });
});

describe("traceparentFor", () => {
  it("gives the id of the root span before the call has ended, and the same one each time", () => {
    const { attribution, spans, runAll } = start();
    const record = recordOf({ traceparent: `00-${TRACE}-${PARENT}-01`, status: 0, outcome: "broker_error", requestedModel: null });
    const handedOn = attribution.traceparentFor(record);
    expect(attribution.traceparentFor(record)).toBe(handedOn);
    record.status = 200;
    record.outcome = "ok";
    record.requestedModel = "gpt-5";
    attribution.settle(record);
    runAll();
    const [root] = byKind(spans(), SpanKind.SERVER);
    expect(handedOn).toBe(`00-${TRACE}-${root?.spanContext().spanId}-01`);
    expect(root?.name).toBe("chat gpt-5");
    expect(root?.attributes["egress.outcome"]).toBe("ok");
    expect(root?.attributes["error.type"]).toBeUndefined();
    expect(spans()).toHaveLength(2);
  });

  it("hands the caller's own on, or begins an unsampled trace, where no span is made", () => {
    const { attribution } = start({ tracing: false });
    expect(attribution.traceparentFor(recordOf({ traceparent: `00-${TRACE}-${PARENT}-01` }))).toBe(`00-${TRACE}-${PARENT}-01`);
    const begun = attribution.traceparentFor(recordOf({ traceparent: "nonsense" }));
    expect(begun).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
  });
});

describe("without a tracer of its own", () => {
  afterEach(() => trace.disable());

  it("uses the provider that is registered, from the moment that there is one", () => {
    const { attribution, provider, spans, lines, runAll } = start({ tracing: false });
    attribution.settle(recordOf());
    runAll();
    expect(spans()).toHaveLength(0);
    trace.setGlobalTracerProvider(provider);
    attribution.settle(recordOf());
    runAll();
    expect(spans()).toHaveLength(2);
    expect(lines).toHaveLength(2);
  });
});

describe("events", () => {
  it("tell of a denial with who, where and why", () => {
    const { attribution, events, runAll } = start();
    attribution.settle(denied());
    runAll();
    expect(events).toEqual([
      {
        type: "egress.denied",
        time: START + 250.5,
        subject: "team-a/openai/0",
        data: expect.objectContaining({
          code: "region_locked",
          namespace: "team-a",
          serviceAccount: "writer",
          requestId: "req-1",
          excluded: ["XBackend/team-a/openai-us: us-east-1 is not allowed by RegionPolicy egress-system/eu-only"],
        }),
      },
    ]);
  });

  it("tell of each failover and of the usage", () => {
    const { attribution, events, runAll } = start();
    attribution.settle(failedOver());
    runAll();
    expect(events.map((event) => event.type)).toEqual(["egress.failover", "egress.completed"]);
    expect(events[0]).toMatchObject({
      subject: "XBackend/team-a/openai-us",
      time: START + 9,
      data: { to: "XBackend/team-a/openai-eu", reason: "overloaded", status: 503 },
    });
    expect(events[1]?.data).toMatchObject({ inputTokens: 100, outputTokens: 20, attempts: 2, backend: "XBackend/team-a/openai-eu", regionDecision: "allow" });
  });

  it("do not call a second try at the same backend a failover", () => {
    const { attribution, events, runAll } = start();
    attribution.settle(recordOf({ attempts: [attemptOf({ failoverReason: "overloaded" }), attemptOf({ failoverReason: "overloaded" })] }));
    runAll();
    expect(events.map((event) => event.type)).toEqual(["egress.completed"]);
  });

  it("of callers that proved nothing are few, and say how many were held back", async () => {
    const { attribution, clock, events, lines, runAll } = start();
    const flood = (count: number) => {
      for (let index = 0; index < count; index += 1) attribution.settle(denied({ caller: null, refusal: "identity_missing", status: 401 }));
      runAll();
    };
    flood(100);
    expect(events).toHaveLength(10);
    attribution.settle(denied());
    runAll();
    expect(events).toHaveLength(11);
    await clock.advance(1_000);
    flood(1);
    expect(events.at(-1)?.data).toMatchObject({ code: "identity_missing", suppressed: 90 });
    expect(lines).toHaveLength(102);
  });

  it("do not call a failure a denial", () => {
    const { attribution, events, runAll } = start();
    attribution.settle(recordOf({ refusal: "upstream_timeout", status: 504, outcome: "refused", answer: null }));
    runAll();
    expect(events.map((event) => event.type)).toEqual(["egress.completed"]);
  });
});
