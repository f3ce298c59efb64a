import type { JsonObject } from "../../lib/json-value.ts";
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
import type { OutputFormat, PivotRequest, ReasoningWish, Tool, ToolChoice } from "../pivot/request.ts";
import { decodeMessages } from "./decode-messages.ts";

/** What the pivot carries; all else goes along as `extras`. */
const KNOWN: ReadonlySet<string> = new Set([
  "model",
  "messages",
  "stream",
  "stream_options",
  "tools",
  "functions",
  "tool_choice",
  "function_call",
  "parallel_tool_calls",
  "response_format",
  "reasoning_effort",
  "temperature",
  "top_p",
  "top_k",
  "seed",
  "frequency_penalty",
  "presence_penalty",
  "n",
  "logprobs",
  "top_logprobs",
  "logit_bias",
  "max_tokens",
  "max_completion_tokens",
  "stop",
  "user",
  "safety_identifier",
]);

const EFFORTS = ["none", "minimal", "low", "medium", "high", "xhigh", "max"] as const;

/** A chat completion's request (`POST /chat/completions`). Throws `request_malformed`. */
export function decodeRequest(body: JsonObject): PivotRequest {
  const { system, turns } = decodeMessages(objectsAt(body, "messages", ""));
  return {
    from: "openai-chat",
    model: stringAt(body, "model", ""),
    stream: booleanAt(body, "stream", "") ?? false,
    wantsUsage: objectAt(body, "stream_options", "")?.["include_usage"] === true,
    system,
    turns,
    tools: decodeTools(body),
    toolChoice: decodeToolChoice(body),
    parallelToolCalls: booleanAt(body, "parallel_tool_calls", ""),
    format: decodeFormat(body),
    reasoning: decodeReasoning(body),
    sampling: {
      temperature: numberAt(body, "temperature", ""),
      topP: numberAt(body, "top_p", ""),
      topK: countAt(body, "top_k", ""),
      seed: numberAt(body, "seed", ""),
      frequencyPenalty: numberAt(body, "frequency_penalty", ""),
      presencePenalty: numberAt(body, "presence_penalty", ""),
      choices: countAt(body, "n", ""),
      logprobs: booleanAt(body, "logprobs", ""),
      topLogprobs: countAt(body, "top_logprobs", ""),
      logitBias: decodeBias(body),
    },
    // The newer name counts where both are there.
    maxOutputTokens: countAt(body, "max_completion_tokens", "") ?? countAt(body, "max_tokens", ""),
    stop: typeof body["stop"] === "string" ? [body["stop"]] : stringsAt(body, "stop", ""),
    user: stringAt(body, "safety_identifier", "") ?? stringAt(body, "user", ""),
    extras: extrasOf(body, KNOWN),
  };
}

function decodeTools(body: JsonObject): readonly Tool[] {
  const tools = objectsAt(body, "tools", "").map(({ value, path }): Tool => {
    // Custom tools take text of a grammar rather than JSON: no other API has them.
    if (value["type"] !== "function") return { kind: "server", origin: "openai-chat", value };
    return decodeFunction(neededObject(value, "function", path), `${path}.function`);
  });
  // `functions` is what `tools` was called before.
  return [...tools, ...objectsAt(body, "functions", "").map(({ value, path }) => decodeFunction(value, path))];
}

function decodeFunction(definition: JsonObject, path: string): Tool {
  return {
    kind: "function",
    name: neededString(definition, "name", path),
    description: stringAt(definition, "description", path),
    parameters: objectAt(definition, "parameters", path),
    strict: booleanAt(definition, "strict", path),
    cache: null,
  };
}

function decodeToolChoice(body: JsonObject): ToolChoice | null {
  const key = body["tool_choice"] === undefined || body["tool_choice"] === null ? "function_call" : "tool_choice";
  const choice = body[key];
  if (choice === undefined || choice === null) return null;
  if (choice === "none" || choice === "auto" || choice === "required") return { kind: choice };
  const named = objectAt(body, key, "");
  if (named === null) throw malformedField(key, "none, auto, required or an object");
  if (key === "function_call") return { kind: "tool", name: neededString(named, "name", key) };
  if (named["type"] === "function") return { kind: "tool", name: neededString(neededObject(named, "function", key), "name", `${key}.function`) };
  if (named["type"] === "allowed_tools") return decodeAllowed(neededObject(named, "allowed_tools", key), `${key}.allowed_tools`);
  throw malformedField(`${key}.type`, "function or allowed_tools: other tools cannot be asked of another provider");
}

function decodeAllowed(allowed: JsonObject, path: string): ToolChoice {
  const names = objectsAt(allowed, "tools", path).map((tool) =>
    neededString(objectAt(tool.value, "function", tool.path) ?? tool.value, "name", `${tool.path}.function`),
  );
  return { kind: "allowed", names, required: wordAt(allowed, "mode", path, ["auto", "required"]) === "required" };
}

function decodeFormat(body: JsonObject): OutputFormat | null {
  const format = objectAt(body, "response_format", "");
  if (format === null) return null;
  switch (wordAt(format, "type", "response_format", ["text", "json_object", "json_schema"])) {
    case "json_object":
      return { kind: "json" };
    case "json_schema": {
      const path = "response_format.json_schema";
      const schema = neededObject(format, "json_schema", "response_format");
      return {
        kind: "json_schema",
        name: stringAt(schema, "name", path),
        description: stringAt(schema, "description", path),
        schema: objectAt(schema, "schema", path) ?? {},
        strict: booleanAt(schema, "strict", path),
      };
    }
    default:
      return { kind: "text" };
  }
}

function decodeReasoning(body: JsonObject): ReasoningWish | null {
  const effort = wordAt(body, "reasoning_effort", "", EFFORTS);
  return effort === null ? null : { enabled: effort !== "none", effort, budgetTokens: null, adaptive: false, show: null };
}

function decodeBias(body: JsonObject): Readonly<Record<string, number>> | null {
  const bias = objectAt(body, "logit_bias", "");
  if (bias === null) return null;
  return Object.fromEntries(Object.keys(bias).map((token) => [token, numberAt(bias, token, "logit_bias") ?? 0]));
}
