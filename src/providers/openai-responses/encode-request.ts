import type { ResponseCreateParams } from "openai/resources/responses/responses";
import type { JsonObject } from "../../lib/json-value.ts";
import { assess } from "../pivot/abilities.ts";
import type { EncodedTo, EncodeTarget } from "../pivot/codec.ts";
import { effortOf } from "../pivot/effort.ts";
import { extraAbility } from "../pivot/extras.ts";
import type { PivotRequest, Tool } from "../pivot/request.ts";
import { mapToolNames, type ToolNames } from "../pivot/tool-names.ts";
import { RESPONSES } from "./abilities.ts";
import { encodeInput } from "./encode-input.ts";

/** Names of a chat completion's body that mean the same here. */
const SHARED_EXTRAS: ReadonlySet<string> = new Set(["metadata", "service_tier", "prompt_cache_key", "prompt_cache_retention"]);
const TOOL_NAME = /^[a-zA-Z0-9_-]+$/;
const MAX_TOOL_NAME = 64;

/** A request of the Responses API. Nothing is stored: what the next call needs of a thought comes back with the answer and goes with the caller. */
export function encodeRequest(request: PivotRequest, target: EncodeTarget): EncodedTo {
  const shares = (name: string): boolean => request.from === "openai-chat" && SHARED_EXTRAS.has(name);
  const assessed = assess(request, RESPONSES, (name, value) => (shares(name) || name === "verbosity" ? "carried" : extraAbility(request.from, name, value)));
  if (!assessed.ok) return assessed;
  const { sampling, system } = request;
  const text = encodeText(request);
  const names = mapToolNames(request, TOOL_NAME, MAX_TOOL_NAME);
  const body = {
    model: target.model,
    input: encodeInput(request, names),
    store: false,
    include: ["reasoning.encrypted_content"],
    ...(system.length === 0 ? {} : { instructions: system.map((block) => block.text).join("\n\n") }),
    ...(request.stream ? { stream: true as const } : {}),
    ...encodeTools(request, names),
    ...(Object.keys(text).length === 0 ? {} : { text }),
    ...encodeReasoning(request),
    ...(sampling.temperature === null ? {} : { temperature: sampling.temperature }),
    ...(sampling.topP === null ? {} : { top_p: sampling.topP }),
    ...(request.maxOutputTokens === null ? {} : { max_output_tokens: request.maxOutputTokens }),
    ...(request.user === null ? {} : { user: request.user }),
    ...Object.fromEntries(Object.entries(request.extras).filter(([name]) => shares(name))),
  } satisfies Record<keyof ResponseCreateParams, unknown> | JsonObject;
  return { ok: true, body, losses: assessed.losses, toolNames: names.back };
}

function encodeTools({ tools, toolChoice: choice, parallelToolCalls }: PivotRequest, names: ToolNames): JsonObject {
  const encoded = tools.flatMap((tool) => (tool.kind === "function" ? [encodeTool(tool, names)] : []));
  if (encoded.length === 0) return {};
  return {
    tools: encoded,
    ...(choice === null ? {} : { tool_choice: encodeChoice(choice, names) }),
    ...(parallelToolCalls === null ? {} : { parallel_tool_calls: parallelToolCalls }),
  };
}

function encodeTool(tool: Extract<Tool, { kind: "function" }>, names: ToolNames): JsonObject {
  return {
    type: "function",
    name: names.to(tool.name),
    ...(tool.description === null ? {} : { description: tool.description }),
    parameters: tool.parameters ?? { type: "object", properties: {} },
    // Left out it is true here, and a schema that was not written for that is refused.
    strict: tool.strict ?? false,
  };
}

function encodeChoice(choice: NonNullable<PivotRequest["toolChoice"]>, names: ToolNames): string | JsonObject {
  switch (choice.kind) {
    case "tool":
      return { type: "function", name: names.to(choice.name) };
    case "allowed":
      return {
        type: "allowed_tools",
        mode: choice.required ? "required" : "auto",
        tools: choice.names.map((name) => ({ type: "function", name: names.to(name) })),
      };
    default:
      return choice.kind;
  }
}

function encodeText({ format, extras, from }: PivotRequest): JsonObject {
  const verbosity = extras["verbosity"] === undefined ? {} : { verbosity: extras["verbosity"] };
  if (format?.kind === "json") return { format: { type: "json_object" }, ...verbosity };
  if (format?.kind !== "json_schema") return verbosity;
  return {
    format: {
      type: "json_schema",
      name: format.name ?? "answer",
      ...(format.description === null ? {} : { description: format.description }),
      schema: format.schema,
      strict: format.strict ?? from === "anthropic",
    },
    ...verbosity,
  };
}

/** A summary is all of a thought that this API shows. */
function encodeReasoning({ reasoning }: PivotRequest): JsonObject {
  if (reasoning === null) return {};
  const effort = effortOf(reasoning);
  const summary = reasoning.enabled && reasoning.show !== false ? { summary: "auto" } : {};
  const wish = { ...(effort === null ? {} : { effort }), ...summary };
  return Object.keys(wish).length === 0 ? {} : { reasoning: wish };
}
