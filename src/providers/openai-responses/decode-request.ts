import type { JsonObject } from "../../lib/json-value.ts";
import { booleanAt, countAt, extrasOf, malformedField, neededString, numberAt, objectAt, objectsAt, stringAt, stringsAt, wordAt } from "../pivot/read-field.ts";
import type { OutputFormat, PivotRequest, ReasoningWish, SystemBlock, Tool, ToolChoice } from "../pivot/request.ts";
import { decodeInput } from "./decode-input.ts";

/** What the pivot carries; all else goes along as `extras`. */
const KNOWN: ReadonlySet<string> = new Set([
  "model",
  "input",
  "instructions",
  "include",
  "stream",
  "stream_options",
  "max_output_tokens",
  "parallel_tool_calls",
  "reasoning",
  "temperature",
  "top_p",
  "top_logprobs",
  "text",
  "tool_choice",
  "tools",
  "user",
  "safety_identifier",
]);

/** What can be included in translation: thoughts always carry what their provider wants back. */
const INCLUDED: ReadonlySet<string> = new Set(["reasoning.encrypted_content"]);

/** A request of the Responses API. Throws `request_malformed`. */
export function decodeRequest(body: JsonObject): PivotRequest {
  const { system, turns } = decodeInput(body);
  const instructions = stringAt(body, "instructions", "");
  const text = objectAt(body, "text", "") ?? {};
  const include = stringsAt(body, "include", "").filter((one) => !INCLUDED.has(one));
  const verbosity = stringAt(text, "verbosity", "text");
  const first: readonly SystemBlock[] = instructions === null || instructions === "" ? [] : [{ text: instructions, cache: null }];
  return {
    from: "openai-responses",
    model: stringAt(body, "model", ""),
    stream: booleanAt(body, "stream", "") ?? false,
    // Usage comes unasked here.
    wantsUsage: true,
    system: [...first, ...system],
    turns,
    tools: objectsAt(body, "tools", "").map(({ value, path }) => decodeTool(value, path)),
    toolChoice: decodeToolChoice(body),
    parallelToolCalls: booleanAt(body, "parallel_tool_calls", ""),
    format: decodeFormat(text),
    reasoning: decodeReasoning(body),
    sampling: {
      temperature: numberAt(body, "temperature", ""),
      topP: numberAt(body, "top_p", ""),
      topK: null,
      seed: null,
      frequencyPenalty: null,
      presencePenalty: null,
      choices: null,
      logprobs: include.includes("message.output_text.logprobs") ? true : null,
      topLogprobs: countAt(body, "top_logprobs", ""),
      logitBias: null,
    },
    maxOutputTokens: countAt(body, "max_output_tokens", ""),
    stop: [],
    user: stringAt(body, "safety_identifier", "") ?? stringAt(body, "user", ""),
    extras: {
      ...extrasOf(body, KNOWN),
      ...(verbosity === null ? {} : { verbosity }),
      ...(include.length === 0 ? {} : { include }),
    },
  };
}

function decodeTool(value: JsonObject, path: string): Tool {
  if (value["type"] !== "function") return { kind: "server", origin: "openai-responses", value };
  return {
    kind: "function",
    name: neededString(value, "name", path),
    description: stringAt(value, "description", path),
    parameters: objectAt(value, "parameters", path),
    strict: booleanAt(value, "strict", path),
    cache: null,
  };
}

function decodeToolChoice(body: JsonObject): ToolChoice | null {
  const choice = body["tool_choice"];
  if (choice === undefined || choice === null) return null;
  if (choice === "none" || choice === "auto" || choice === "required") return { kind: choice };
  const named = objectAt(body, "tool_choice", "");
  if (named?.["type"] === "function") return { kind: "tool", name: neededString(named, "name", "tool_choice") };
  if (named?.["type"] === "allowed_tools") {
    const names = objectsAt(named, "tools", "tool_choice").map((tool) => neededString(tool.value, "name", tool.path));
    return { kind: "allowed", names, required: wordAt(named, "mode", "tool_choice", ["auto", "required"]) === "required" };
  }
  throw malformedField("tool_choice", "none, auto, required, a function or allowed_tools: other tools cannot be asked of another provider");
}

function decodeFormat(text: JsonObject): OutputFormat | null {
  const format = objectAt(text, "format", "text");
  if (format === null) return null;
  switch (wordAt(format, "type", "text.format", ["text", "json_object", "json_schema"])) {
    case "json_object":
      return { kind: "json" };
    case "json_schema":
      return {
        kind: "json_schema",
        name: stringAt(format, "name", "text.format"),
        description: stringAt(format, "description", "text.format"),
        schema: objectAt(format, "schema", "text.format") ?? {},
        strict: booleanAt(format, "strict", "text.format"),
      };
    default:
      return { kind: "text" };
  }
}

function decodeReasoning(body: JsonObject): ReasoningWish | null {
  const reasoning = objectAt(body, "reasoning", "");
  if (reasoning === null) return null;
  const effort = wordAt(reasoning, "effort", "reasoning", ["none", "minimal", "low", "medium", "high", "xhigh", "max"]);
  const summary = stringAt(reasoning, "summary", "reasoning") ?? stringAt(reasoning, "generate_summary", "reasoning");
  return { enabled: effort !== "none", effort, budgetTokens: null, adaptive: false, show: summary === null ? null : true };
}
