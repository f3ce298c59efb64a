import type {
  MessageCreateParams,
  ThinkingConfigParam,
  ToolChoiceAuto,
  Tool as WireTool,
  ToolChoice as WireToolChoice,
} from "@anthropic-ai/sdk/resources/messages";
import type { JsonObject } from "../../lib/json-value.ts";
import { assess, memberName } from "../pivot/abilities.ts";
import type { EncodedTo, EncodeTarget } from "../pivot/codec.ts";
import { extraAbility } from "../pivot/extras.ts";
import type { PivotRequest, Tool } from "../pivot/request.ts";
import { mapToolNames, type ToolNames } from "../pivot/tool-names.ts";
import { orRefused } from "../pivot/unsayable.ts";
import { anthropicAbilities } from "./abilities.ts";
import { claudeThinking } from "./claude-thinking.ts";
import { cacheControl, encodeMessages, encodeSystem } from "./encode-messages.ts";
import { takesOneOfSampling } from "./model-traits.ts";

const TOOL_NAME = /^[a-zA-Z0-9_-]+$/;
const MAX_TOOL_NAME = 128;

/** A message's request. */
export function encodeRequest(request: PivotRequest, target: EncodeTarget): EncodedTo {
  const assessed = assess(request, anthropicAbilities(target.model, target.host), (name, value) => extraAbility(request.from, name, value));
  if (!assessed.ok) return assessed;
  return orRefused(() => {
    const losses = [...assessed.losses];
    const names = mapToolNames(request, TOOL_NAME, MAX_TOOL_NAME);
    const thinking = encodeThinking(request, target, losses);
    const system = encodeSystem(request);
    const body = {
      model: target.model,
      max_tokens: thinking.bound,
      messages: [...encodeMessages(request, names)],
      ...(system === null ? {} : { system }),
      ...(request.stream ? { stream: true as const } : {}),
      ...encodeTools(request, names),
      ...thinking.fields,
      ...encodeOutput(request, thinking.effort),
      ...encodeSampling(request, target.model, thinking.on, losses),
      ...encodeStop(request, losses),
      ...(request.user === null ? {} : { metadata: { user_id: request.user } }),
    } satisfies MessageCreateParams & JsonObject;
    return { ok: true, body, losses: [...new Set(losses)], toolNames: names.back };
  });
}

function encodeTools(request: PivotRequest, names: ToolNames): Pick<MessageCreateParams, "tools" | "tool_choice"> {
  const { toolChoice: choice, parallelToolCalls } = request;
  const allowed = choice?.kind === "allowed" ? new Set(choice.names) : null;
  const tools = request.tools.flatMap((tool) => (tool.kind === "function" && (allowed?.has(tool.name) ?? true) ? [encodeTool(tool, names)] : []));
  if (tools.length === 0) return {};
  const single = parallelToolCalls === false ? { disable_parallel_tool_use: true } : {};
  const wire = choice === null ? (parallelToolCalls === false ? ({ type: "auto", ...single } as const) : null) : encodeChoice(choice, names, single);
  return { tools, ...(wire === null ? {} : { tool_choice: wire }) };
}

function encodeChoice(
  choice: NonNullable<PivotRequest["toolChoice"]>,
  names: ToolNames,
  single: Pick<ToolChoiceAuto, "disable_parallel_tool_use">,
): WireToolChoice {
  switch (choice.kind) {
    case "none":
      return { type: "none" };
    case "auto":
      return { type: "auto", ...single };
    case "required":
      return { type: "any", ...single };
    case "tool":
      return { type: "tool", name: names.to(choice.name), ...single };
    case "allowed":
      return { type: choice.required ? "any" : "auto", ...single };
  }
}

function encodeTool(tool: Extract<Tool, { kind: "function" }>, names: ToolNames): WireTool {
  return {
    name: names.to(tool.name),
    ...(tool.description === null ? {} : { description: tool.description }),
    input_schema: { properties: {}, ...tool.parameters, type: "object" },
    ...(tool.strict === true ? { strict: true } : {}),
    ...cacheControl(tool.cache),
  };
}

interface Thinking {
  readonly on: boolean;
  readonly fields: { readonly thinking?: ThinkingConfigParam };
  readonly effort: "low" | "medium" | "high" | "xhigh" | "max" | null;
}

const NO_THINKING: Thinking = { on: false, fields: {}, effort: null };

/** The loss is told where the wish cannot be met. `bound`: what the caller named, or room for the thought and an answer. */
function encodeThinking(request: PivotRequest, target: EncodeTarget, losses: string[]): Thinking & { readonly bound: number } {
  const bound = request.maxOutputTokens ?? target.defaultMaxOutputTokens;
  const thinking = claudeThinking(request, target.model);
  if (thinking === "unwanted" || thinking === "impossible") {
    if (thinking === "impossible") losses.push(memberName("reasoning", request.from) ?? "reasoning");
    return { ...NO_THINKING, bound };
  }
  const display = request.reasoning?.show === false ? ({ display: "omitted" } as const) : {};
  if (thinking.way === "adaptive") return { on: true, fields: { thinking: { type: "adaptive", ...display } }, effort: thinking.effort, bound };
  return {
    on: true,
    fields: { thinking: { type: "enabled", budget_tokens: thinking.budget } },
    effort: null,
    bound: request.maxOutputTokens === null ? bound + thinking.budget : bound,
  };
}

function encodeOutput({ format }: PivotRequest, effort: Thinking["effort"]): Pick<MessageCreateParams, "output_config"> {
  const schema = format?.kind === "json_schema" ? { format: { type: "json_schema" as const, schema: { ...format.schema } } } : {};
  const wanted = effort === null ? {} : { effort };
  return format?.kind === "json_schema" || effort !== null ? { output_config: { ...schema, ...wanted } } : {};
}

/** Temperatures end at 1 here. With thoughts none of these may be named, and newer models take one of the first two only. */
function encodeSampling({ sampling, from }: PivotRequest, model: string, thinks: boolean, losses: string[]): JsonObject {
  const { temperature, topP, topK } = sampling;
  if (thinks) {
    const named = { temperature, top_p: topP, top_k: topK };
    for (const [name, value] of Object.entries(named)) if (value !== null && !(name === "temperature" && value === 1)) losses.push(name);
    return {};
  }
  if (temperature !== null && temperature > 1) losses.push("temperature");
  const both = temperature !== null && topP !== null && takesOneOfSampling(model);
  // A top_p of 1 cuts nothing off.
  if (both && topP !== 1) losses.push(from === "gemini" ? "generationConfig.topP" : "top_p");
  return {
    ...(temperature === null ? {} : { temperature: Math.min(temperature, 1) }),
    ...(topP === null || both ? {} : { top_p: topP }),
    ...(topK === null ? {} : { top_k: topK }),
  };
}

/** The API refuses stop sequences of nothing but white space. */
function encodeStop({ stop, from }: PivotRequest, losses: string[]): Pick<MessageCreateParams, "stop_sequences"> {
  const kept = stop.filter((one) => one.trim() !== "");
  if (kept.length < stop.length) losses.push(memberName("stop", from) ?? "stop");
  return kept.length === 0 ? {} : { stop_sequences: kept };
}
