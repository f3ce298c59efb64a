import { bytePattern } from "../../lib/find-bytes.ts";
import { asCount, type JsonObject } from "../../lib/json-value.ts";
import { firstObject, lastObject } from "../../lib/last-object.ts";
import { toBytes, toText } from "../../lib/utf8.ts";
import { type AnswerFacts, UNKNOWN_USAGE, type Usage } from "../../model/operation.ts";
import { readUsage as ofAnthropic } from "../anthropic/read-usage.ts";
import { readUsage as ofBedrock } from "../bedrock/read-usage.ts";
import { readUsage as ofGemini } from "../gemini/read-usage.ts";
import { readUsage as ofOpenAi } from "../openai/read-usage.ts";
import { factsOrNull, sumFrom } from "../usage.ts";

const USAGE = bytePattern('"usage"');
const USAGE_METADATA = bytePattern('"usageMetadata"');
const SERVICE_TIER = bytePattern('"serviceTier"');
const PERFORMANCE = bytePattern('"performanceConfig"');
const METRICS = bytePattern('"amazon-bedrock-invocationMetrics"');

/** Answers of generateContent, whole, as an array and as events: the last usage counts, being cumulative. */
export function readGemini(_opening: Uint8Array, closing: Uint8Array): AnswerFacts | null {
  const text = toText(closing);
  return factsOrNull({
    usage: ofGemini(lastObject(closing, USAGE_METADATA)),
    responseModel: lastWord(text, "modelVersion"),
    responseId: lastWord(text, "responseId"),
    finishReasons: wordOf(text, "finishReason"),
  });
}

/** Answers of Converse, whole and as frames: a frame's JSON stands in it as it is. */
export function readConverse(_opening: Uint8Array, closing: Uint8Array): AnswerFacts | null {
  const usage = lastObject(closing, USAGE);
  const served = { usage, serviceTier: lastObject(closing, SERVICE_TIER), performanceConfig: lastObject(closing, PERFORMANCE) };
  return factsOrNull({ usage: ofBedrock(served), responseModel: null, responseId: null, finishReasons: wordOf(toText(closing), "stopReason") });
}

/** Answers of InvokeModel, in whatever API the model has; streams of it are that API's events in base64, and the last one has Bedrock's own count. */
export function readInvoked(opening: Uint8Array, closing: Uint8Array): AnswerFacts | null {
  const [first, last] = [unwrapped(opening), unwrapped(closing)];
  const facts = readForeign(first ?? opening, last ?? closing);
  if (facts !== null && facts.usage !== null) return facts;
  const counted = last === null ? countsOfLlama(closing) : countsOfMetrics(lastObject(last, METRICS));
  return counted === null ? facts : { ...(facts ?? { responseModel: null, responseId: null, finishReasons: [] }), usage: counted };
}

/** Answers of APIs that are told by the names of their counts. Anthropic's streams count the input at their beginning. */
export function readForeign(opening: Uint8Array, closing: Uint8Array): AnswerFacts | null {
  const text = toText(closing);
  const first = firstObject(opening, USAGE) ?? {};
  const told = Object.entries(lastObject(closing, USAGE) ?? {}).filter(([, value]) => value !== null);
  return factsOrNull({
    usage: usageOf({ ...first, ...Object.fromEntries(told) }),
    responseModel: lastWord(toText(opening), "model") ?? lastWord(text, "model"),
    responseId: null,
    finishReasons: [...wordOf(text, "stop_reason"), ...wordOf(text, "finish_reason"), ...wordOf(text, "stopReason")].slice(0, 1),
  });
}

function usageOf(usage: JsonObject): Usage | null {
  if ("prompt_tokens" in usage) return ofOpenAi(usage, null);
  if ("inputTokens" in usage) return ofBedrock({ usage });
  return "input_tokens" in usage || "output_tokens" in usage ? ofAnthropic(usage) : null;
}

function countsOfMetrics(metrics: JsonObject | null): Usage | null {
  if (metrics === null) return null;
  const cacheReadTokens = asCount(metrics["cacheReadInputTokenCount"]);
  const cacheWriteTokens = asCount(metrics["cacheWriteInputTokenCount"]);
  return {
    ...UNKNOWN_USAGE,
    inputTokens: sumFrom(asCount(metrics["inputTokenCount"]), cacheReadTokens, cacheWriteTokens),
    outputTokens: asCount(metrics["outputTokenCount"]),
    cacheReadTokens,
    cacheWriteTokens,
  };
}

/** Llama on Bedrock has its counts beside its text. */
function countsOfLlama(closing: Uint8Array): Usage | null {
  const text = toText(closing);
  const [input, output] = ["prompt_token_count", "generation_token_count"].map((name) => /^\d{1,12}$/.exec(lastNumber(text, name) ?? "")?.[0]);
  return input === undefined || output === undefined ? null : { ...UNKNOWN_USAGE, inputTokens: Number(input), outputTokens: Number(output) };
}

/** The events inside of frames `{"bytes":"…"}`; null: there are none. */
function unwrapped(bytes: Uint8Array): Uint8Array | null {
  const events = [...toText(bytes).matchAll(/"bytes"\s*:\s*"([A-Za-z0-9+/]+={0,2})"/g)].flatMap(([, base64 = ""]) => fromBase64(base64));
  return events.length === 0 ? null : toBytes(events.join("\n"));
}

/** Names and counts are ASCII; whatever else stands there is not read. */
function fromBase64(text: string): readonly string[] {
  try {
    return [atob(text)];
  } catch {
    return [];
  }
}

function wordOf(text: string, name: string): readonly string[] {
  const word = lastWord(text, name);
  return word === null ? [] : [word];
}

/** The last `"name": "word"`; null: none, or no plain word. */
function lastWord(text: string, name: string): string | null {
  let found: string | null = null;
  for (const [, word = ""] of text.matchAll(new RegExp(`"${name}"\\s*:\\s*"([\\w@.:/-]{1,256})"`, "g"))) found = word;
  return found;
}

function lastNumber(text: string, name: string): string | null {
  let found: string | null = null;
  for (const [, digits = ""] of text.matchAll(new RegExp(`"${name}"\\s*:\\s*(\\d+)`, "g"))) found = digits;
  return found;
}
