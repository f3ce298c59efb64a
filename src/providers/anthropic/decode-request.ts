import { asObject, type JsonObject } from "../../lib/json-value.ts";
import type { CacheMark } from "../pivot/block.ts";
import {
  booleanAt,
  countAt,
  extrasOf,
  malformedField,
  neededObject,
  neededString,
  numberAt,
  objectAt,
  objectsAt,
  stringAt,
  stringsAt,
  wordAt,
} from "../pivot/read-field.ts";
import type { OutputFormat, PivotRequest, ReasoningWish, SystemBlock, Tool, ToolChoice } from "../pivot/request.ts";
import { decodeMessages } from "./decode-messages.ts";

/** What the pivot carries; all else goes along as `extras`. */
const KNOWN: ReadonlySet<string> = new Set([
  "model",
  "messages",
  "system",
  "max_tokens",
  "metadata",
  "stop_sequences",
  "stream",
  "temperature",
  "top_p",
  "top_k",
  "thinking",
  "output_config",
  "output_format",
  "tool_choice",
  "tools",
]);

/** A message's request (`POST /messages`, and `/messages/count_tokens`, which has no bound). Throws `request_malformed`. */
export function decodeRequest(body: JsonObject): PivotRequest {
  const choice = objectAt(body, "tool_choice", "");
  const config = objectAt(body, "output_config", "");
  return {
    from: "anthropic",
    model: stringAt(body, "model", ""),
    stream: booleanAt(body, "stream", "") ?? false,
    // Usage comes unasked here.
    wantsUsage: true,
    system: decodeSystem(body),
    turns: decodeMessages(objectsAt(body, "messages", "")),
    tools: objectsAt(body, "tools", "").map(({ value, path }) => decodeTool(value, path)),
    toolChoice: choice === null ? null : decodeToolChoice(choice),
    parallelToolCalls: choice === null || booleanAt(choice, "disable_parallel_tool_use", "tool_choice") !== true ? null : false,
    format: decodeFormat(body, config),
    reasoning: decodeReasoning(body, config),
    sampling: {
      temperature: numberAt(body, "temperature", ""),
      topP: numberAt(body, "top_p", ""),
      topK: countAt(body, "top_k", ""),
      seed: null,
      frequencyPenalty: null,
      presencePenalty: null,
      choices: null,
      logprobs: null,
      topLogprobs: null,
      logitBias: null,
    },
    maxOutputTokens: countAt(body, "max_tokens", ""),
    stop: stringsAt(body, "stop_sequences", ""),
    user: stringAt(objectAt(body, "metadata", "") ?? {}, "user_id", "metadata"),
    extras: extrasOf(body, KNOWN),
  };
}

/** `cache_control` of a block. */
export function cacheMarkOf(value: JsonObject, path: string): CacheMark | null {
  const mark = objectAt(value, "cache_control", path);
  return mark === null ? null : { ttl: stringAt(mark, "ttl", `${path}.cache_control`) };
}

function decodeSystem(body: JsonObject): readonly SystemBlock[] {
  const { system } = body;
  if (typeof system === "string") return system === "" ? [] : [{ text: system, cache: null }];
  return objectsAt(body, "system", "").map(({ value, path }) => ({ text: neededString(value, "text", path), cache: cacheMarkOf(value, path) }));
}

function decodeTool(value: JsonObject, path: string): Tool {
  const type = stringAt(value, "type", path);
  if (type !== null && type !== "custom") return { kind: "server", origin: "anthropic", value };
  return {
    kind: "function",
    name: neededString(value, "name", path),
    description: stringAt(value, "description", path),
    parameters: neededObject(value, "input_schema", path),
    strict: booleanAt(value, "strict", path),
    cache: cacheMarkOf(value, path),
  };
}

function decodeToolChoice(choice: JsonObject): ToolChoice {
  switch (wordAt(choice, "type", "tool_choice", ["auto", "any", "tool", "none"])) {
    case "auto":
      return { kind: "auto" };
    case "any":
      return { kind: "required" };
    case "none":
      return { kind: "none" };
    case "tool":
      return { kind: "tool", name: neededString(choice, "name", "tool_choice") };
    default:
      throw malformedField("tool_choice.type", "auto, any, tool or none");
  }
}

/** `output_format` is what `output_config.format` was called in its beta. */
function decodeFormat(body: JsonObject, config: JsonObject | null): OutputFormat | null {
  const format = objectAt(config ?? {}, "format", "output_config") ?? objectAt(body, "output_format", "");
  if (format === null) return null;
  const schema = asObject(format["schema"]);
  if (format["type"] !== "json_schema" || schema === null) throw malformedField("output_config.format", '{"type": "json_schema", "schema": {…}}');
  return { kind: "json_schema", name: null, description: null, schema, strict: null };
}

function decodeReasoning(body: JsonObject, config: JsonObject | null): ReasoningWish | null {
  const thinking = objectAt(body, "thinking", "");
  const effort = wordAt(config ?? {}, "effort", "output_config", ["low", "medium", "high", "xhigh", "max"]);
  if (thinking === null) return effort === null ? null : { enabled: true, effort, budgetTokens: null, adaptive: false, show: null };
  const type = wordAt(thinking, "type", "thinking", ["enabled", "adaptive", "disabled"]);
  const display = wordAt(thinking, "display", "thinking", ["summarized", "omitted"]);
  return {
    enabled: type !== "disabled",
    effort,
    budgetTokens: countAt(thinking, "budget_tokens", "thinking"),
    adaptive: type === "adaptive",
    show: display === null ? null : display === "summarized",
  };
}
