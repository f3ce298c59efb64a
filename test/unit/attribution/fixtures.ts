import type { AttemptRecord, CallRecord } from "../../../src/model/call-record.ts";
import { type Exchange, NOTHING_ATTESTED } from "../../../src/model/exchange.ts";
import { UNKNOWN_USAGE } from "../../../src/model/operation.ts";
import type { RegionEvidence } from "../../../src/model/region.ts";

/** 2026-11-22T12:00:00Z. */
export const START = Date.UTC(2026, 10, 22, 12);

/** What the region check said of the backend that answered. */
export const evidence: RegionEvidence = {
  decision: "allow",
  regions: ["eu-central-1"],
  countries: ["DE"],
  evidence: "host",
  rule: "bedrock.in-region",
  checkedAt: "2026-11-22",
  policies: ["egress-system/eu-only"],
  reason: "eu-central-1 is allowed",
};

/** An attempt from `started` to `ended`, in monotonic milliseconds. */
export function attemptOf(changes: Partial<AttemptRecord> = {}): AttemptRecord {
  return {
    backend: "XBackend/team-a/openai-eu",
    provider: "openai",
    scheme: "https",
    hostname: "eu.api.openai.com",
    port: 443,
    path: "/v1/chat/completions",
    region: evidence,
    started: 1_010,
    ended: 1_200,
    status: 200,
    outcome: "answer",
    failoverReason: null,
    cause: null,
    heldBack: null,
    model: "gpt-5-eu",
    price: null,
    translation: null,
    credential: "SecretSource/egress-system/openai-key:hit",
    peerAddress: "203.0.113.7",
    protocol: "HTTP/1.1",
    ...changes,
  };
}

/** A good chat call of 250.5 ms with one attempt. */
export function recordOf(changes: Partial<CallRecord> = {}): CallRecord {
  return {
    id: "req-1",
    startedAt: START,
    started: 1_000,
    method: "POST",
    path: "/v1/chat/completions",
    scheme: "http",
    authority: "egress.internal",
    remoteAddress: "10.0.0.9",
    userAgent: "openai-python/2",
    traceparent: null,
    trace: null,
    snapshot: "abc123",
    gateway: "egress-system/egress",
    listener: "http",
    caller: { namespace: "team-a", serviceAccount: "writer", workload: "writer-7", proof: { kind: "jwt", issuer: "cluster" } },
    hop: 0,
    route: "team-a/openai",
    rule: "team-a/openai/0",
    lock: ["egress-system/eu-only"],
    withheld: [],
    operation: { name: "chat", dialect: "openai", inference: true, suffix: "/chat/completions" },
    requestedModel: "gpt-5",
    streaming: true,
    requestBytes: 321,
    mcp: null,
    authCallout: null,
    attempts: [attemptOf()],
    excluded: [],
    refusal: null,
    refusalDetail: null,
    status: 200,
    outcome: "ok",
    responseBytes: 4_567,
    firstByte: 1_150,
    ended: 1_250.5,
    answer: {
      usage: { ...UNKNOWN_USAGE, inputTokens: 100, outputTokens: 20, cacheReadTokens: 40, cacheWriteTokens: null, reasoningTokens: 5 },
      responseModel: "gpt-5-2026-08",
      responseId: "chatcmpl-1",
      finishReasons: ["stop"],
    },
    limits: [],
    charged: null,
    cost: null,
    settled: false,
    debug: null,
    ...changes,
  };
}

/** A call whose first backend was overloaded and whose second answered. */
export function failedOver(changes: Partial<CallRecord> = {}): CallRecord {
  const first = attemptOf({
    backend: "XBackend/team-a/openai-us",
    hostname: "us.api.openai.com",
    status: 503,
    failoverReason: "overloaded",
    started: 1_005,
    ended: 1_009,
  });
  return recordOf({ attempts: [first, attemptOf()], ...changes });
}

/** A call that the region lock refused. */
export function denied(changes: Partial<CallRecord> = {}): CallRecord {
  return recordOf({
    authCallout: null,
    attempts: [],
    excluded: [{ backend: "XBackend/team-a/openai-us", reason: "us-east-1 is not allowed by RegionPolicy egress-system/eu-only" }],
    refusal: "region_locked",
    refusalDetail: "No destination of this call lies inside the allowed regions.",
    status: 403,
    outcome: "refused",
    answer: null,
    firstByte: null,
    ...changes,
  });
}

/** An exchange of which attribution reads the head only. */
export function exchangeOf(changes: Partial<Exchange> = {}): Exchange {
  return {
    method: "POST",
    target: "/v1/chat/completions",
    scheme: "http",
    authority: "egress.internal",
    headers: [],
    port: 8787,
    remoteAddress: "10.0.0.9",
    protocol: "HTTP/1.1",
    ...NOTHING_ATTESTED,
    signal: new AbortController().signal,
    body: {
      declaredLength: null,
      present: false,
      collect: async () => new Uint8Array(),
      stream: () => {
        throw new Error("attribution reads no body");
      },
    },
    responder: {
      started: false,
      reply: () => {},
      deliver: () => {
        throw new Error("attribution answers nobody");
      },
    },
    waitUntil: () => {},
    ...changes,
  };
}
