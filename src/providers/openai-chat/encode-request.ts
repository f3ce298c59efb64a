import type { ChatCompletionCreateParams, ChatCompletionTool, ChatCompletionToolChoiceOption } from "openai/resources/chat/completions";
import type { JsonObject } from "../../lib/json-value.ts";
import { assess, memberName } from "../pivot/abilities.ts";
import type { EncodedTo, EncodeTarget } from "../pivot/codec.ts";
import { effortOf } from "../pivot/effort.ts";
import { extraAbility } from "../pivot/extras.ts";
import type { PivotRequest, Tool } from "../pivot/request.ts";
import { mapToolNames, type ToolNames } from "../pivot/tool-names.ts";
import { chatAbilities } from "./abilities.ts";
import { encodeMessages } from "./encode-messages.ts";

/** Names of another API's body that mean the same here. */
const SHARED_EXTRAS: ReadonlySet<string> = new Set(["metadata", "service_tier", "prompt_cache_key", "prompt_cache_retention", "verbosity"]);
const TOOL_NAME = /^[a-zA-Z0-9_-]+$/;
const MAX_TOOL_NAME = 64;
const MAX_STOPS = 4;

/** A chat completion's request. */
export function encodeRequest(request: PivotRequest, target: EncodeTarget): EncodedTo {
  const shares = (name: string): boolean => request.from === "openai-responses" && SHARED_EXTRAS.has(name);
  const assessed = assess(request, chatAbilities(target.quirks), (name, value) => (shares(name) ? "carried" : extraAbility(request.from, name, value)));
  if (!assessed.ok) return assessed;
  const { sampling } = request;
  const losses = [...assessed.losses];
  const names = mapToolNames(request, TOOL_NAME, MAX_TOOL_NAME);
  const body = {
    model: target.model,
    messages: encodeMessages(request, target.quirks, names),
    ...(request.stream ? { stream: true as const, ...(target.quirks.streamUsage ? { stream_options: { include_usage: true } } : {}) } : {}),
    ...(request.tools.length === 0 ? {} : encodeTools(request, names)),
    ...encodeFormat(request),
    ...encodeEffort(request, target),
    ...given("temperature", sampling.temperature),
    ...given("top_p", sampling.topP),
    ...given("seed", sampling.seed),
    ...given("frequency_penalty", sampling.frequencyPenalty),
    ...given("presence_penalty", sampling.presencePenalty),
    ...given("logit_bias", sampling.logitBias),
    ...given(target.quirks.maxTokens, request.maxOutputTokens),
    ...encodeStop(request, losses),
    ...given("user", request.user),
    ...Object.fromEntries(Object.entries(request.extras).filter(([name]) => shares(name))),
  } satisfies Omit<ChatCompletionCreateParams, "logit_bias"> & JsonObject;
  return { ok: true, body, losses: [...new Set(losses)], toolNames: names.back };
}

function given(name: string, value: unknown): JsonObject {
  return value === null ? {} : { [name]: value };
}

function encodeTools({ tools, toolChoice, parallelToolCalls }: PivotRequest, names: ToolNames): Partial<ChatCompletionCreateParams> {
  const encoded = tools.flatMap((tool) => (tool.kind === "function" ? [encodeTool(tool, names)] : []));
  return {
    tools: encoded,
    ...(toolChoice === null ? {} : { tool_choice: encodeToolChoice(toolChoice, names) }),
    ...(parallelToolCalls === null ? {} : { parallel_tool_calls: parallelToolCalls }),
  };
}

function encodeTool(tool: Extract<Tool, { kind: "function" }>, names: ToolNames): ChatCompletionTool {
  return {
    type: "function",
    function: {
      name: names.to(tool.name),
      ...(tool.description === null ? {} : { description: tool.description }),
      ...(tool.parameters === null ? {} : { parameters: { ...tool.parameters } }),
      ...(tool.strict === null ? {} : { strict: tool.strict }),
    },
  };
}

function encodeToolChoice(choice: NonNullable<PivotRequest["toolChoice"]>, names: ToolNames): ChatCompletionToolChoiceOption {
  switch (choice.kind) {
    case "tool":
      return { type: "function", function: { name: names.to(choice.name) } };
    case "allowed":
      return {
        type: "allowed_tools",
        allowed_tools: {
          mode: choice.required ? "required" : "auto",
          tools: choice.names.map((name) => ({ type: "function", function: { name: names.to(name) } })),
        },
      };
    default:
      return choice.kind;
  }
}

/** Four at most; an empty one is refused. */
function encodeStop({ stop, from }: PivotRequest, losses: string[]): Pick<ChatCompletionCreateParams, "stop"> {
  const kept = stop.filter((one) => one !== "").slice(0, MAX_STOPS);
  if (kept.length < stop.length) losses.push(memberName("stop", from) ?? "stop");
  return kept.length === 0 ? {} : { stop: kept };
}

function encodeFormat({ format, from }: PivotRequest): Pick<ChatCompletionCreateParams, "response_format"> {
  switch (format?.kind) {
    case "json":
      return { response_format: { type: "json_object" } };
    case "json_schema":
      return {
        response_format: {
          type: "json_schema",
          json_schema: {
            // A name is demanded here and unknown elsewhere.
            name: format.name ?? "answer",
            ...(format.description === null ? {} : { description: format.description }),
            schema: { ...format.schema },
            // Held to the letter, a schema must meet conditions here that only Anthropic has too.
            strict: format.strict ?? from === "anthropic",
          },
        },
      };
    default:
      return {};
  }
}

function encodeEffort({ reasoning }: PivotRequest, { quirks }: EncodeTarget): Pick<ChatCompletionCreateParams, "reasoning_effort"> {
  if (reasoning === null || !quirks.reasoningEffort) return {};
  const effort = effortOf(reasoning);
  // "Do not think" is the default of models that can be told so, and an error for those that cannot.
  return effort === null || effort === "none" ? {} : { reasoning_effort: effort };
}
