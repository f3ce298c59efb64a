import type { AttemptRecord, CallRecord } from "../model/call-record.ts";
import type { Usage } from "../model/operation.ts";
import { errorType, genAiOperation } from "./call-attributes.ts";
import { GENAI_INSTRUMENTS } from "./genai-instruments.ts";
import type { Instrument } from "./instruments.ts";
import { type GenAiConventions, OTHER } from "./semconv.ts";
import { addKnown, observe, type Series } from "./series.ts";
import { createSeriesIndex } from "./series-index.ts";

/** What the GenAI conventions measure of a call. */
export interface GenAiMetrics {
  /** Counts a call that has ended. */
  count(record: CallRecord): void;
  series(): readonly Series[];
}

/** A caller may ask for any model; only one that has answered becomes a label, and at most so many do. */
const MAX_MODELS = 500;
/** Methods of MCP (2025-11-25): a method comes from the caller, and a label must not. */
const MCP_METHODS: ReadonlySet<string> = new Set([
  "initialize",
  "ping",
  "completion/complete",
  "logging/setLevel",
  "prompts/get",
  "prompts/list",
  "resources/list",
  "resources/templates/list",
  "resources/read",
  "resources/subscribe",
  "resources/unsubscribe",
  "tools/call",
  "tools/list",
  "tasks/get",
  "tasks/result",
  "tasks/list",
  "tasks/cancel",
  "notifications/initialized",
  "notifications/cancelled",
  "notifications/progress",
  "notifications/roots/list_changed",
]);

export function createGenAiMetrics(options: { readonly conventions: GenAiConventions; readonly maxSeries: number; readonly absent: string }): GenAiMetrics {
  const names = GENAI_INSTRUMENTS[options.conventions];
  const index = createSeriesIndex(options.maxSeries, options.absent);
  const answered = new Set<string>();

  function modelOf(record: CallRecord, attempt: AttemptRecord): string {
    const model = attempt.model ?? record.requestedModel;
    if (model === null) return options.absent;
    if (answered.has(model)) return model;
    const isAnswer = attempt.outcome === "answer" && attempt.status < 400;
    if (!isAnswer || answered.size >= MAX_MODELS) return OTHER;
    answered.add(model);
    return model;
  }

  function countTokens(series: Series, usage: Usage): void {
    amount(series, names.inputTotal, usage.inputTokens);
    amount(series, names.outputTotal, usage.outputTokens);
    amount(series, names.cacheReadTotal, usage.cacheReadTokens);
    amount(series, names.cacheWriteTotal, usage.cacheWriteTokens);
    amount(series, names.reasoningTotal, usage.reasoningTokens);
    measure(series, names.inputTokens, usage.inputTokens);
    measure(series, names.outputTokens, usage.outputTokens);
    measure(series, names.tokenUsage, usage.inputTokens, "input");
    measure(series, names.tokenUsage, usage.outputTokens, "output");
  }

  return {
    count(record) {
      const attempt = record.attempts.at(-1);
      if (attempt === undefined || record.ended === null) return;
      const seconds = Math.max(0, record.ended - attempt.started) / 1000;
      const namespace = record.caller?.namespace ?? options.absent;
      if (record.mcp !== null) {
        const { method } = record.mcp;
        const series = index.find(method === "tools/call" ? "execute_tool" : options.absent, options.absent, options.absent, attempt.backend, namespace);
        observe(series, names.mcpDuration, seconds, MCP_METHODS.has(method) ? method : OTHER, errorType(record) ?? "");
        return;
      }
      const operation = genAiOperation(record);
      if (operation === null) return;
      const provider = attempt.provider ?? record.operation.dialect ?? OTHER;
      const series = index.find(operation, provider, modelOf(record, attempt), attempt.backend, namespace);
      observe(series, names.duration, seconds, errorType(record) ?? "");
      if (record.streaming && record.firstByte !== null) observe(series, names.firstChunk, Math.max(0, record.firstByte - attempt.started) / 1000);
      const usage = record.answer?.usage ?? null;
      if (usage !== null) countTokens(series, usage);
    },
    series: index.all,
  };
}

function amount(series: Series, instrument: Instrument | null, tokens: number | null): void {
  if (instrument !== null) addKnown(series, instrument, tokens);
}

function measure(series: Series, instrument: Instrument | null, tokens: number | null, type = ""): void {
  if (instrument !== null && tokens !== null) observe(series, instrument, tokens, type);
}
