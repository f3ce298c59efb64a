import type { ConverseStreamRequest, Tool as WireTool, ToolChoice as WireToolChoice } from "@aws-sdk/client-bedrock-runtime";
import type { JsonObject } from "../../lib/json-value.ts";
import { claudeThinking } from "../anthropic/claude-thinking.ts";
import { takesOneOfSampling } from "../anthropic/model-traits.ts";
import { assess, type Member, memberName } from "../pivot/abilities.ts";
import type { EncodedTo, EncodeTarget } from "../pivot/codec.ts";
import { effortOf } from "../pivot/effort.ts";
import { extraAbility } from "../pivot/extras.ts";
import type { PivotRequest, Tool } from "../pivot/request.ts";
import { mapToolNames, type ToolNames } from "../pivot/tool-names.ts";
import { orRefused } from "../pivot/unsayable.ts";
import { bedrockAbilities, isClaude } from "./abilities.ts";
import { cachePoint, encodeMessages, encodeSystem } from "./encode-messages.ts";

const TOOL_NAME = /^[a-zA-Z0-9_-]+$/;
const MAX_TOOL_NAME = 64;

/** A request of Converse and ConverseStream: the model stands in the path, and bytes are base64 as JSON has them. */
export function encodeRequest(request: PivotRequest, target: EncodeTarget): EncodedTo {
  const assessed = assess(request, bedrockAbilities(target.model), (name, value) => extraAbility(request.from, name, value));
  if (!assessed.ok) return assessed;
  return orRefused(() => {
    const losses = [...assessed.losses];
    const names = mapToolNames(request, TOOL_NAME, MAX_TOOL_NAME);
    const reasoning = encodeReasoning(request, target.model, losses);
    const thinks = "thinking" in reasoning;
    const fields = { ...reasoning, ...encodeTopK(request, target.model, thinks, losses) };
    const system = encodeSystem(request);
    const inference = encodeInference(request, target.model, thinks, losses);
    const body = {
      messages: encodeMessages(request, names, isClaude(target.model)),
      ...(system.length === 0 ? {} : { system }),
      ...(Object.keys(inference).length === 0 ? {} : { inferenceConfig: inference }),
      ...encodeTools(request, names, losses),
      ...encodeFormat(request),
      ...(Object.keys(fields).length === 0 ? {} : { additionalModelRequestFields: fields }),
    } satisfies Record<keyof ConverseStreamRequest, unknown> | JsonObject;
    return { ok: true, body, losses: [...new Set(losses)], toolNames: names.back };
  });
}

/** Claude's temperatures end at 1; beside thoughts it takes none of these, and its newer models one of the first two only. */
function encodeInference({ sampling, maxOutputTokens, stop, from }: PivotRequest, model: string, thinks: boolean, losses: string[]): JsonObject {
  const lose = (member: Member): void => void losses.push(memberName(member, from) ?? member);
  const claude = isClaude(model);
  let { temperature, topP } = sampling;
  if (claude && temperature !== null && (temperature > 1 || (thinks && temperature !== 1))) {
    lose("temperature");
    temperature = thinks ? null : 1;
  }
  if (claude && topP !== null && (thinks || (temperature !== null && takesOneOfSampling(model)))) {
    // A top_p of 1 cuts nothing off.
    if (topP !== 1) lose("topP");
    topP = null;
  }
  const kept = stop.filter((one) => one.trim() !== "");
  if (kept.length < stop.length) lose("stop");
  return {
    ...(maxOutputTokens === null ? {} : { maxTokens: maxOutputTokens }),
    ...(temperature === null ? {} : { temperature }),
    ...(topP === null ? {} : { topP }),
    ...(kept.length === 0 ? {} : { stopSequences: kept }),
  };
}

function encodeTopK({ sampling, from }: PivotRequest, model: string, thinks: boolean, losses: string[]): JsonObject {
  if (sampling.topK === null || !isClaude(model)) return {};
  if (!thinks) return { top_k: sampling.topK };
  losses.push(memberName("topK", from) ?? "topK");
  return {};
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

/** Each family of models has its own words for it. */
function encodeReasoning(request: PivotRequest, model: string, losses: string[]): JsonObject {
  const { reasoning } = request;
  if (reasoning === null || !reasoning.enabled || reasoning.effort === "none") return {};
  const effort = effortOf(reasoning);
  if (isClaude(model)) {
    const thinking = claudeThinking(request, model);
    if (thinking !== "unwanted" && thinking !== "impossible") {
      if (thinking.way === "budget") return { thinking: { type: "enabled", budget_tokens: thinking.budget } };
      return { thinking: { type: "adaptive" }, ...(thinking.effort === null ? {} : { output_config: { effort: thinking.effort } }) };
    }
  } else if (effort !== null && /(^|\.)openai\./.test(model)) {
    return { reasoning_effort: lowMediumHigh(effort) };
  } else if (effort !== null && /(^|\.)amazon\.nova-2/.test(model)) {
    return { reasoningConfig: { type: "enabled", maxReasoningEffort: lowMediumHigh(effort) } };
  }
  losses.push(memberName("reasoning", request.from) ?? "reasoning");
  return {};
}

function lowMediumHigh(effort: NonNullable<ReturnType<typeof effortOf>>): "low" | "medium" | "high" {
  if (effort === "minimal" || effort === "low" || effort === "none") return "low";
  return effort === "medium" ? "medium" : "high";
}
