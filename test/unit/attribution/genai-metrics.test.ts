import { describe, expect, it } from "vitest";
import { createMetrics } from "../../../src/attribution/metrics.ts";
import type { GenAiConventions } from "../../../src/attribution/semconv.ts";
import type { CallRecord } from "../../../src/model/call-record.ts";
import { UNKNOWN_USAGE } from "../../../src/model/operation.ts";
import { createFakeClock } from "../../fakes/clock.ts";
import { attemptOf, failedOver, recordOf } from "./fixtures.ts";

/** All points of all GenAI and MCP metrics: `name{label=value,…}` to value and count. */
function told(conventions: GenAiConventions, ...records: readonly CallRecord[]): Readonly<Record<string, readonly [value: number, count: number]>> {
  const metrics = createMetrics({ clock: createFakeClock(), conventions });
  for (const record of records) metrics.callSettled(record);
  return Object.fromEntries(
    metrics
      .collect()
      .filter(({ instrument }) => /^(?:gen_ai|mcp)\./.test(instrument.name))
      .flatMap(({ instrument, points }) =>
        points.map((point) => [`${instrument.name}{${point.labels.map(([name, text]) => `${name}=${text}`).join(",")}}`, [point.value, point.count] as const]),
      ),
  );
}

const LABELS = "gen_ai.operation.name=chat,gen_ai.provider.name=openai,gen_ai.request.model=gpt-5-eu,backend=XBackend/team-a/openai-eu,namespace=team-a";

describe("metrics of calls to models", () => {
  it("have the names, labels and bounds of 1.41 by default", () => {
    expect(told("1.41", recordOf())).toEqual({
      // From the first byte to the destination that answered: 1010 to 1250.5.
      [`gen_ai.client.operation.duration{${LABELS}}`]: [0.2405, 1],
      [`gen_ai.client.operation.time_to_first_chunk{${LABELS}}`]: [0.14, 1],
      [`gen_ai.client.token.usage{${LABELS},gen_ai.token.type=input}`]: [100, 1],
      [`gen_ai.client.token.usage{${LABELS},gen_ai.token.type=output}`]: [20, 1],
    });
    const metrics = createMetrics({ clock: createFakeClock() });
    metrics.callSettled(recordOf());
    const boundsOf = (name: string) => metrics.collect().find(({ instrument }) => instrument.name === name)?.instrument.bounds;
    expect(boundsOf("gen_ai.client.token.usage")).toEqual(Array.from({ length: 14 }, (_, power) => 4 ** power));
    expect(boundsOf("gen_ai.client.operation.duration")).toEqual(Array.from({ length: 14 }, (_, power) => Number((0.01 * 2 ** power).toFixed(2))));
  });

  it("have the newest names where somebody asks for them, and then not the old ones", () => {
    const usage = { ...UNKNOWN_USAGE, inputTokens: 100, outputTokens: 20, cacheReadTokens: 40, cacheWriteTokens: 7, reasoningTokens: 5 };
    const answer = { usage, responseModel: null, responseId: null, finishReasons: [] };
    expect(told("latest", recordOf({ answer }))).toEqual({
      [`gen_ai.client.inference.duration{${LABELS}}`]: [0.2405, 1],
      [`gen_ai.client.inference.time_to_first_chunk{${LABELS}}`]: [0.14, 1],
      [`gen_ai.client.inference.operation.input_tokens{${LABELS}}`]: [100, 1],
      [`gen_ai.client.inference.operation.output_tokens{${LABELS}}`]: [20, 1],
      [`gen_ai.client.inference.usage.input_tokens{${LABELS}}`]: [100, 0],
      [`gen_ai.client.inference.usage.output_tokens{${LABELS}}`]: [20, 0],
      [`gen_ai.client.inference.usage.cache_read.input_tokens{${LABELS}}`]: [40, 0],
      [`gen_ai.client.inference.usage.cache_write.input_tokens{${LABELS}}`]: [7, 0],
      [`gen_ai.client.inference.usage.reasoning.output_tokens{${LABELS}}`]: [5, 0],
    });
  });

  it("say why a call failed, and nothing of the kind where it did not", () => {
    const failed = recordOf({
      outcome: "upstream_error",
      status: 502,
      answer: null,
      firstByte: null,
      attempts: [attemptOf({ outcome: "connect", status: 0 })],
    });
    const points = told("1.41", recordOf(), failed);
    expect(Object.keys(points).filter((name) => name.includes("duration"))).toEqual([
      `gen_ai.client.operation.duration{${LABELS}}`,
      // The model has answered before, so that it may be named.
      `gen_ai.client.operation.duration{${LABELS},error.type=upstream_error}`,
    ]);
  });

  it("time the destination that answered, not the ones that were left", () => {
    expect(told("1.41", failedOver())[`gen_ai.client.operation.duration{${LABELS}}`]).toEqual([0.2405, 1]);
  });

  it("take no model for a label that has not answered, whatever callers ask for", () => {
    const asking = (index: number) =>
      recordOf({
        requestedModel: `m${index}`,
        answer: null,
        status: 404,
        outcome: "upstream_error",
        attempts: [attemptOf({ model: `m${index}`, status: 404 })],
      });
    const names = Object.keys(told("1.41", ...Array.from({ length: 50 }, (_, index) => asking(index))));
    expect(names.filter((name) => name.startsWith("gen_ai.client.operation.duration"))).toHaveLength(1);
    expect(names[0]).toContain("gen_ai.request.model=_OTHER");
  });

  it("are not told of calls that never reached a destination, and of calls that ask no model", () => {
    expect(told("1.41", recordOf({ attempts: [] }))).toEqual({});
    const other = { name: "other", dialect: null, inference: false, suffix: "" } as const;
    expect(told("1.41", recordOf({ operation: other, answer: null }))).toEqual({});
  });

  it("time requests to MCP servers by method, with one word for methods that there are none of", () => {
    const mcp = {
      method: "tools/call",
      requestId: "1",
      target: { kind: "tool", name: "search" },
      resourceUri: null,
      sessionId: null,
      protocolVersion: null,
    } as const;
    const other = { name: "other", dialect: null, inference: false, suffix: "" } as const;
    const call = recordOf({ operation: other, answer: null, mcp });
    const names = Object.keys(told("1.41", call, { ...call, mcp: { ...mcp, method: "made/up-by-a-caller", target: null } }));
    const at = "backend=XBackend/team-a/openai-eu,namespace=team-a";
    expect(names).toEqual([
      `mcp.client.operation.duration{gen_ai.operation.name=execute_tool,gen_ai.provider.name=_NONE,gen_ai.request.model=_NONE,${at},mcp.method.name=tools/call}`,
      `mcp.client.operation.duration{gen_ai.operation.name=_NONE,gen_ai.provider.name=_NONE,gen_ai.request.model=_NONE,${at},mcp.method.name=_OTHER}`,
    ]);
  });
});
