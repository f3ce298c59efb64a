import type { ConverseStreamRequest, Tool as WireTool, ToolChoice as WireToolChoice } from "@aws-sdk/client-bedrock-runtime";
import type { JsonObject } from "../../lib/json-value.ts";
import { thinkingOf } from "../anthropic/model-traits.ts";
import { assess } from "../pivot/abilities.ts";
import type { EncodedTo, EncodeTarget } from "../pivot/codec.ts";
import { budgetOf, effortOf } from "../pivot/effort.ts";
import { extraAbility } from "../pivot/extras.ts";
import type { PivotRequest, Tool } from "../pivot/request.ts";
import { mapToolNames, type ToolNames } from "../pivot/tool-names.ts";
import { orRefused } from "../pivot/unsayable.ts";
import { bedrockAbilities, isClaude } from "./abilities.ts";
import { cachePoint, encodeMessages, encodeSystem } from "./encode-messages.ts";

const TOOL_NAME = /^[a-zA-Z0-9_-]+$/;
const MAX_TOOL_NAME = 64;
const MIN_BUDGET = 1_024;

/** A request of Converse and ConverseStream: the model stands in the path, and bytes are base64 as JSON has them. */
export function encodeRequest(request: PivotRequest, target: EncodeTarget): EncodedTo {
  const assessed = assess(request, bedrockAbilities(target.model), (name, value) => extraAbility(request.from, name, value));
  if (!assessed.ok) return assessed;
  return orRefused(() => {
    const losses = [...assessed.losses];
    const names = mapToolNames(request, TOOL_NAME, MAX_TOOL_NAME);
    const fields = { ...encodeReasoning(request, target.model, losses), ...encodeTopK(request, target.model) };
    const system = encodeSystem(request);
    const inference = encodeInference(request, target.model, losses);
    const body = {
      messages: encodeMessages(request, names),
      ...(system.length === 0 ? {} : { system }),
      ...(Object.keys(inference).length === 0 ? {} : { inferenceConfig: inference }),
      ...encodeTools(request, names, losses),
      ...encodeFormat(request),
      ...(Object.keys(fields).length === 0 ? {} : { additionalModelRequestFields: fields }),
    } satisfies Record<keyof ConverseStreamRequest, unknown> | JsonObject;
    return { ok: true, body, losses: [...new Set(losses)], toolNames: names.back };
  });
}

function encodeInference({ sampling, maxOutputTokens, stop }: PivotRequest, model: string, losses: string[]): JsonObject {
  const { temperature, topP } = sampling;
  const hot = temperature !== null && temperature > 1 && isClaude(model);
  if (hot) losses.push("temperature");
  return {
    ...(maxOutputTokens === null ? {} : { maxTokens: maxOutputTokens }),
    ...(temperature === null ? {} : { temperature: hot ? 1 : temperature }),
    ...(topP === null ? {} : { topP }),
    ...(stop.length === 0 ? {} : { stopSequences: [...stop] }),
  };
}

function encodeTopK({ sampling }: PivotRequest, model: string): JsonObject {
  return sampling.topK === null || !isClaude(model) ? {} : { top_k: sampling.topK };
}

/** There is no "none" here: the tools are left out, unless an earlier call needs them to be listed. */
function encodeTools(request: PivotRequest, names: ToolNames, losses: string[]): JsonObject {
  const choice = request.toolChoice;
  const called = request.turns.some((turn) => turn.blocks.some((block) => block.kind === "tool_call" || block.kind === "tool_result"));
  if (choice?.kind === "none" && !called) return {};
  if (choice?.kind === "none" && request.tools.length > 0) losses.push("tool_choice");
  const allowed = choice?.kind === "allowed" ? new Set(choice.names) : null;
  const tools = request.tools.flatMap((tool) => (tool.kind === "function" && (allowed?.has(tool.name) ?? true) ? encodeTool(tool, names) : []));
  if (tools.length === 0) return called ? { toolConfig: { tools: [UNUSED] } } : {};
  const wire = choice === null || choice.kind === "none" ? null : encodeChoice(choice, names);
  return { toolConfig: { tools, ...(wire === null ? {} : { toolChoice: wire }) } };
}

/** A history with calls of tools is refused without a list of tools. */
const UNUSED = {
  toolSpec: { name: "unused", description: "Not to be called.", inputSchema: { json: { type: "object", properties: {} } } },
} as const satisfies WireTool;

function encodeTool(tool: Extract<Tool, { kind: "function" }>, names: ToolNames): readonly JsonObject[] {
  const spec = {
    toolSpec: {
      name: names.to(tool.name),
      // Empty descriptions are refused.
      ...(tool.description === null || tool.description === "" ? {} : { description: tool.description }),
      inputSchema: { json: { properties: {}, ...tool.parameters, type: "object" } },
      ...(tool.strict === true ? { strict: true } : {}),
    },
  };
  return tool.cache === null ? [spec] : [spec, cachePoint(tool.cache)];
}

function encodeChoice(choice: Exclude<NonNullable<PivotRequest["toolChoice"]>, { kind: "none" }> | { kind: "none" }, names: ToolNames): WireToolChoice | null {
  switch (choice.kind) {
    case "required":
      return { any: {} };
    case "tool":
      return { tool: { name: names.to(choice.name) } };
    case "allowed":
      return choice.required ? { any: {} } : { auto: {} };
    case "auto":
      return { auto: {} };
    default:
      return null;
  }
}

function encodeFormat({ format }: PivotRequest): JsonObject {
  if (format?.kind !== "json_schema") return {};
  const jsonSchema = {
    // Text, not an object.
    schema: JSON.stringify(format.schema),
    ...(format.name === null ? {} : { name: format.name }),
    ...(format.description === null ? {} : { description: format.description }),
  };
  return { outputConfig: { textFormat: { type: "json_schema", structure: { jsonSchema } } } };
}

/** Each family of models has its own words for it. Claude takes no thought beside a forced tool. */
function encodeReasoning(request: PivotRequest, model: string, losses: string[]): JsonObject {
  const { reasoning, toolChoice } = request;
  if (reasoning === null || !reasoning.enabled || reasoning.effort === "none") return {};
  const field = request.from === "anthropic" ? "thinking" : request.from === "openai-chat" ? "reasoning_effort" : "reasoning";
  const effort = effortOf(reasoning);
  if (isClaude(model)) {
    const way = thinkingOf(model);
    const forced = toolChoice?.kind === "required" || toolChoice?.kind === "tool" || (toolChoice?.kind === "allowed" && toolChoice.required);
    const room = (request.maxOutputTokens ?? Number.MAX_SAFE_INTEGER) - 1;
    const budget = Math.min(Math.max(budgetOf(reasoning) ?? MIN_BUDGET, MIN_BUDGET), room);
    if (way !== "none" && !forced && way === "adaptive") {
      const word = effort === "minimal" ? "low" : effort;
      return { thinking: { type: "adaptive" }, ...(word === null ? {} : { output_config: { effort: word } }) };
    }
    if (way !== "none" && !forced && budget >= MIN_BUDGET) return { thinking: { type: "enabled", budget_tokens: budget } };
  } else if (effort !== null && /(^|\.)openai\./.test(model)) {
    return { reasoning_effort: lowMediumHigh(effort) };
  } else if (effort !== null && /(^|\.)amazon\.nova-2/.test(model)) {
    return { reasoningConfig: { type: "enabled", maxReasoningEffort: lowMediumHigh(effort) } };
  }
  losses.push(field);
  return {};
}

function lowMediumHigh(effort: NonNullable<ReturnType<typeof effortOf>>): "low" | "medium" | "high" {
  if (effort === "minimal" || effort === "low" || effort === "none") return "low";
  return effort === "medium" ? "medium" : "high";
}
