import type { FunctionCallingConfigMode, GenerationConfig, ThinkingConfig } from "@google/genai";
import type { JsonObject } from "../../lib/json-value.ts";
import { assess, memberName } from "../pivot/abilities.ts";
import type { EncodedTo, EncodeTarget } from "../pivot/codec.ts";
import { budgetOf, effortOf } from "../pivot/effort.ts";
import { extraAbility } from "../pivot/extras.ts";
import { plainSchema } from "../pivot/plain-schema.ts";
import type { PivotRequest, Tool } from "../pivot/request.ts";
import { mapToolNames, type ToolNames } from "../pivot/tool-names.ts";
import { orRefused } from "../pivot/unsayable.ts";
import { GEMINI } from "./abilities.ts";
import { encodeContents } from "./encode-contents.ts";

const TOOL_NAME = /^[a-zA-Z_][a-zA-Z0-9_.:-]*$/;
const MAX_TOOL_NAME = 64;
const MAX_STOPS = 5;

/** A request of `generateContent`: the model stands in the path. */
export function encodeRequest(request: PivotRequest, target: EncodeTarget): EncodedTo {
  const assessed = assess(request, GEMINI, (name, value) => extraAbility(request.from, name, value));
  if (!assessed.ok) return assessed;
  return orRefused(() => {
    const losses = [...assessed.losses];
    const names = mapToolNames(request, TOOL_NAME, MAX_TOOL_NAME);
    const system = request.system.filter((block) => block.text.trim() !== "").map((block) => ({ text: block.text }));
    const config = encodeConfig(request, target.model, losses);
    const body: JsonObject = {
      contents: encodeContents(request, target, names),
      ...(system.length === 0 ? {} : { systemInstruction: { parts: system } }),
      ...(Object.keys(config).length === 0 ? {} : { generationConfig: config }),
      ...encodeTools(request, names),
    };
    return { ok: true, body, losses: [...new Set(losses)], toolNames: names.back };
  });
}

function encodeConfig(request: PivotRequest, model: string, losses: string[]): JsonObject {
  const { sampling, format, stop, maxOutputTokens } = request;
  const stops = stop.filter((one) => one !== "").slice(0, MAX_STOPS);
  if (stops.length < stop.length) losses.push(memberName("stop", request.from) ?? "stop");
  const thinking = encodeThinking(request, model);
  const config = {
    ...given("temperature", sampling.temperature),
    ...given("topP", sampling.topP),
    ...given("topK", sampling.topK),
    ...given("seed", sampling.seed),
    ...given("frequencyPenalty", sampling.frequencyPenalty),
    ...given("presencePenalty", sampling.presencePenalty),
    ...given("maxOutputTokens", maxOutputTokens),
    ...(stops.length === 0 ? {} : { stopSequences: stops }),
    ...(format?.kind === "json" ? { responseMimeType: "application/json" } : {}),
    ...(format?.kind === "json_schema" ? { responseMimeType: "application/json", responseJsonSchema: plainSchema(format.schema) } : {}),
    ...(thinking === null ? {} : { thinkingConfig: thinking }),
  } satisfies JsonObject & { readonly [K in keyof GenerationConfig]?: unknown };
  return config;
}

function given(name: keyof GenerationConfig, value: number | null): JsonObject {
  return value === null ? {} : { [name]: value };
}

/** From generation 3 on by level, before by budget. */
function encodeThinking({ reasoning }: PivotRequest, model: string): JsonObject | null {
  if (reasoning === null) return null;
  const effort = effortOf(reasoning);
  const show = reasoning.enabled && reasoning.show !== false;
  if (isThirdOrLater(model)) {
    const level =
      effort === null
        ? null
        : effort === "none" || effort === "minimal"
          ? leastLevel(model)
          : effort === "low" || effort === "medium"
            ? effort.toUpperCase()
            : "HIGH";
    return { includeThoughts: show, ...(level === null ? {} : { thinkingLevel: level }) } satisfies { readonly [K in keyof ThinkingConfig]?: unknown };
  }
  if (!/gemini-2\.5/.test(model)) return null;
  // The large model cannot stop thinking.
  const least = /pro/.test(model) ? 128 : 0;
  const budget = effort === "none" ? least : budgetOf(reasoning);
  return { includeThoughts: show, ...(budget === null ? {} : { thinkingBudget: Math.min(budget, 24_576) }) };
}

function leastLevel(model: string): "MINIMAL" | "LOW" {
  return /pro/.test(model) ? "LOW" : "MINIMAL";
}

export function isThirdOrLater(model: string): boolean {
  const match = /gemini-(\d{1,2})(?:[.-]|$)/.exec(model);
  return match !== null && Number(match[1]) >= 3;
}

function encodeTools(request: PivotRequest, names: ToolNames): JsonObject {
  const declarations = request.tools.flatMap((tool) => (tool.kind === "function" ? [encodeTool(tool, names)] : []));
  if (declarations.length === 0) return {};
  const calling = encodeChoice(request.toolChoice, names);
  return { tools: [{ functionDeclarations: declarations }], ...(calling === null ? {} : { toolConfig: { functionCallingConfig: calling } }) };
}

function encodeTool(tool: Extract<Tool, { kind: "function" }>, names: ToolNames): JsonObject {
  const parameters = tool.parameters === null ? {} : plainSchema(tool.parameters);
  const properties = parameters["properties"];
  // An object without members is refused as a schema: such a function takes nothing.
  const takes = typeof properties === "object" && properties !== null && Object.keys(properties).length > 0;
  return {
    name: names.to(tool.name),
    ...(tool.description === null ? {} : { description: tool.description }),
    ...(takes ? { parametersJsonSchema: { ...parameters, type: "object" } } : {}),
  };
}

type Mode = `${FunctionCallingConfigMode}`;

function encodeChoice(choice: PivotRequest["toolChoice"], names: ToolNames): { readonly mode: Mode; readonly allowedFunctionNames?: readonly string[] } | null {
  switch (choice?.kind) {
    case undefined:
      return null;
    case "none":
      return { mode: "NONE" };
    case "auto":
      return { mode: "AUTO" };
    case "required":
      return { mode: "ANY" };
    case "tool":
      return { mode: "ANY", allowedFunctionNames: [names.to(choice.name)] };
    case "allowed":
      // Names may stand beside these two modes only.
      return { mode: choice.required ? "ANY" : "VALIDATED", allowedFunctionNames: choice.names.map(names.to) };
  }
}
