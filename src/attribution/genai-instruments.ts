import { counter, histogram, type Instrument } from "./instruments.ts";
import { ATTRIBUTE, type GenAiConventions } from "./semconv.ts";

/** The labels of every GenAI series: what the conventions ask for, and where and for whom it was. */
export const GENAI_LABELS = [ATTRIBUTE.operationName, ATTRIBUTE.providerName, ATTRIBUTE.requestModel, "backend", "namespace"] as const;

// The conventions' own bounds.
const SECONDS = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
const TOKENS = [1, 4, 16, 64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216, 67_108_864];
const MCP_SECONDS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300];

const DURATION = "From the first byte sent to the destination that answered, or failed last, to the end of its answer.";
const FIRST_CHUNK = "From the first byte sent to the destination to the first byte of its streamed answer.";

/** What is measured of calls to models and tools. Null: these conventions have no such metric. */
export interface GenAiInstruments {
  readonly duration: Instrument;
  readonly firstChunk: Instrument;
  /** By type, `input` or `output`. */
  readonly tokenUsage: Instrument | null;
  readonly inputTokens: Instrument | null;
  readonly outputTokens: Instrument | null;
  readonly inputTotal: Instrument | null;
  readonly outputTotal: Instrument | null;
  readonly cacheReadTotal: Instrument | null;
  readonly cacheWriteTotal: Instrument | null;
  readonly reasoningTotal: Instrument | null;
  readonly mcpDuration: Instrument;
}

const mcpDuration = histogram(
  "mcp.client.operation.duration",
  "s",
  MCP_SECONDS,
  [ATTRIBUTE.mcpMethod, ATTRIBUTE.errorType],
  "Duration of requests to MCP servers, by method.",
);

/** By conventions: 1.41 as dashboards know them, and the newest. */
export const GENAI_INSTRUMENTS: Readonly<Record<GenAiConventions, GenAiInstruments>> = {
  "1.41": {
    duration: histogram("gen_ai.client.operation.duration", "s", SECONDS, [ATTRIBUTE.errorType], DURATION),
    firstChunk: histogram("gen_ai.client.operation.time_to_first_chunk", "s", SECONDS, [], FIRST_CHUNK),
    tokenUsage: histogram("gen_ai.client.token.usage", "{token}", TOKENS, [ATTRIBUTE.tokenType], "Tokens per call, by type."),
    inputTokens: null,
    outputTokens: null,
    inputTotal: null,
    outputTotal: null,
    cacheReadTotal: null,
    cacheWriteTotal: null,
    reasoningTotal: null,
    mcpDuration,
  },
  latest: {
    duration: histogram("gen_ai.client.inference.duration", "s", SECONDS, [ATTRIBUTE.errorType], DURATION),
    firstChunk: histogram("gen_ai.client.inference.time_to_first_chunk", "s", SECONDS, [], FIRST_CHUNK),
    tokenUsage: null,
    inputTokens: histogram("gen_ai.client.inference.operation.input_tokens", "{token}", TOKENS, [], "Input tokens per call, cached ones included."),
    outputTokens: histogram("gen_ai.client.inference.operation.output_tokens", "{token}", TOKENS, [], "Output tokens per call, reasoning included."),
    inputTotal: counter("gen_ai.client.inference.usage.input_tokens", "{token}", [], "Input tokens, cached ones included."),
    outputTotal: counter("gen_ai.client.inference.usage.output_tokens", "{token}", [], "Output tokens, reasoning included."),
    cacheReadTotal: counter("gen_ai.client.inference.usage.cache_read.input_tokens", "{token}", [], "Input tokens that the provider read from its cache."),
    cacheWriteTotal: counter("gen_ai.client.inference.usage.cache_write.input_tokens", "{token}", [], "Input tokens that the provider wrote to its cache."),
    reasoningTotal: counter("gen_ai.client.inference.usage.reasoning.output_tokens", "{token}", [], "Output tokens of reasoning."),
    mcpDuration,
  },
};
