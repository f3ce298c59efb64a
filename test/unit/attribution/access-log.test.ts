import { describe, expect, it } from "vitest";
import { accessLogLine } from "../../../src/attribution/access-log.ts";
import { startRecord } from "../../../src/attribution/call-record.ts";
import { createFakeClock } from "../../fakes/clock.ts";
import { attemptOf, exchangeOf, failedOver, recordOf } from "./fixtures.ts";

const CANARY = "sk-canary-9f3a";

describe("the access-log line", () => {
  it("says who, where, why and how much", () => {
    expect(JSON.parse(accessLogLine(failedOver()))).toEqual({
      time: "2026-11-22T12:00:00.000Z",
      level: "info",
      msg: "egress",
      request_id: "req-1",
      trace_id: null,
      span_id: null,
      namespace: "team-a",
      service_account: "writer",
      workload: "writer-7",
      proof: "jwt",
      issuer: "cluster",
      hop: 0,
      brokers: [],
      gateway: "egress-system/egress",
      listener: "http",
      route: "team-a/openai",
      rule: "team-a/openai/0",
      method: "POST",
      scheme: "http",
      host: "egress.internal",
      path: "/v1/chat/completions",
      operation: "chat",
      model: "gpt-5",
      response_model: "gpt-5-2026-08",
      response_id: "chatcmpl-1",
      streaming: true,
      backend: "XBackend/team-a/openai-eu",
      region: "eu-central-1",
      region_decision: "allow",
      auth_callout: null,
      attempts: [
        {
          backend: "XBackend/team-a/openai-us",
          region: "eu-central-1",
          status: 503,
          outcome: "answer",
          failover: "overloaded",
          cause: null,
          held_back: null,
          model: "gpt-5-eu",
          credential: "SecretSource/egress-system/openai-key:hit",
          duration_ms: 4,
        },
        {
          backend: "XBackend/team-a/openai-eu",
          region: "eu-central-1",
          status: 200,
          outcome: "answer",
          failover: null,
          cause: null,
          held_back: null,
          model: "gpt-5-eu",
          credential: "SecretSource/egress-system/openai-key:hit",
          duration_ms: 190,
        },
      ],
      excluded: [],
      outcome: "ok",
      refusal: null,
      detail: null,
      status: 200,
      finish_reasons: ["stop"],
      input_tokens: 100,
      output_tokens: 20,
      cache_read_tokens: 40,
      cache_write_tokens: null,
      reasoning_tokens: 5,
      usage_estimated: false,
      limits: [],
      cost: null,
      cost_currency: null,
      cost_source: null,
      cost_estimated: null,
      request_bytes: 321,
      response_bytes: 4_567,
      first_byte_ms: 150,
      duration_ms: 250.5,
      client: "10.0.0.9",
      user_agent: "openai-python/2",
      snapshot: "abc123",
    });
  });

  it("prints no field that is not on its list", () => {
    // Whatever somebody adds to the record one day.
    const record = { ...recordOf(), authorization: CANARY, answer: { ...recordOf().answer, content: CANARY } };
    const attempt = { ...attemptOf(), headers: ["authorization", CANARY] };
    const excluded = [{ backend: "b", reason: "r", token: CANARY }];
    expect(accessLogLine(Object.assign(record, { attempts: [attempt], excluded, caller: { ...recordOf().caller, token: CANARY } }) as never)).not.toContain(
      CANARY,
    );
  });

  it("keeps query, headers and body of the request out of the record altogether", () => {
    const headers = [
      "Authorization",
      `Bearer ${CANARY}`,
      "x-api-key",
      CANARY,
      "Cookie",
      CANARY,
      "baggage",
      `key=${CANARY}`,
      "tracestate",
      `a=${CANARY}`,
      "User-Agent",
      "curl/8",
    ];
    const record = startRecord(exchangeOf({ target: `/v1/models?key=${CANARY}`, headers }), "req-3", createFakeClock());
    expect(JSON.stringify(record)).not.toContain(CANARY);
    expect(record).toMatchObject({ path: "/v1/models", userAgent: "curl/8", traceparent: null });
  });

  it("is one line, and no caller can forge a second", () => {
    const line = accessLogLine(recordOf({ path: '/a\n{"msg":"egress"}', userAgent: "a\r\nb\u001b[31m" }));
    expect([...line].filter((character) => character < " ")).toEqual([]);
    expect(JSON.parse(line)).toMatchObject({ path: '/a\n{"msg":"egress"}' });
  });

  it("is JSON whatever the numbers are", () => {
    const line = accessLogLine(recordOf({ ended: Number.NaN, responseBytes: Number.POSITIVE_INFINITY }));
    expect(JSON.parse(line)).toMatchObject({ duration_ms: null, response_bytes: null });
  });

  it("stays small however much a caller writes", () => {
    const huge = "x".repeat(100_000);
    const record = startRecord(
      exchangeOf({ target: `/${huge}`, authority: huge, headers: ["user-agent", huge, "traceparent", huge] }),
      "req-4",
      createFakeClock(),
    );
    expect(accessLogLine(record).length).toBeLessThan(4_000);
    expect(JSON.stringify(record).length).toBeLessThan(4_000);
  });

  it("believes neither of two traceparents", () => {
    const one = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    expect(startRecord(exchangeOf({ headers: ["traceparent", one] }), "r", createFakeClock()).traceparent).toBe(one);
    expect(startRecord(exchangeOf({ headers: ["traceparent", one, "Traceparent", one] }), "r", createFakeClock()).traceparent).toBe("");
  });
});
