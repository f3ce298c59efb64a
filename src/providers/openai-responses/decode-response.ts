import { asArray, asObject, asObjects, asString, type JsonObject } from "../../lib/json-value.ts";
import { readUsage } from "../openai/read-usage.ts";
import type { Finish, PivotAnswer } from "../pivot/answer.ts";
import type { Block, Citation } from "../pivot/block.ts";

/** A whole response; null when it is none. */
export function decodeResponse(body: unknown): PivotAnswer | null {
  const response = asObject(body);
  if (response === null || response["object"] !== "response" || !Array.isArray(response["output"])) return null;
  const blocks = asObjects(response["output"]).flatMap(decodeItem);
  const created = response["created_at"];
  return {
    id: asString(response["id"]),
    model: asString(response["model"]),
    created: typeof created === "number" ? created : null,
    blocks,
    finish: decodeFinish(response, {
      called: blocks.some((block) => block.kind === "tool_call"),
      refused: blocks.some((block) => block.kind === "refusal"),
    }),
    usage: readUsage(response["usage"], response["service_tier"]),
  };
}

/** From a response that ended. There is no finish reason here: what it holds says it. */
export function decodeFinish(response: JsonObject, seen: { readonly called: boolean; readonly refused: boolean }): Finish {
  const incomplete = asString(asObject(response["incomplete_details"])?.["reason"]);
  const base = { stopSequence: null, raw: incomplete ?? asString(response["status"]), detail: null };
  if (incomplete === "content_filter") return { reason: "content_filter", ...base };
  if (incomplete !== null) return { reason: "length", ...base };
  return { reason: seen.called ? "tool_calls" : seen.refused ? "refusal" : "stop", ...base };
}

function decodeItem(item: JsonObject): readonly Block[] {
  switch (item["type"]) {
    case "message":
      return asObjects(item["content"]).flatMap(decodePart);
    case "function_call":
      return [
        {
          kind: "tool_call",
          id: asString(item["call_id"]) ?? "",
          name: asString(item["name"]) ?? "",
          arguments: asString(item["arguments"]) ?? "",
          signature: null,
          cache: null,
        },
      ];
    case "reasoning":
      return [
        {
          kind: "reasoning",
          id: asString(item["id"]),
          text: thoughtText(item),
          summary: true,
          signature: asString(item["encrypted_content"]),
          origin: "openai-responses",
        },
      ];
    default:
      return [{ kind: "server_tool", origin: "openai-responses", value: item }];
  }
}

function thoughtText(item: JsonObject): string {
  return [...asArray(item["summary"]), ...asArray(item["content"])].map((part) => asString(asObject(part)?.["text"]) ?? "").join("\n\n");
}

function decodePart(part: JsonObject): readonly Block[] {
  if (part["type"] === "refusal") return [{ kind: "refusal", text: asString(part["refusal"]) ?? "" }];
  const citations = asObjects(part["annotations"]).map(decodeAnnotation);
  return [{ kind: "text", text: asString(part["text"]) ?? "", citations, cache: null }];
}

export function decodeAnnotation(value: JsonObject): Citation {
  const at = (key: string): number | null => (typeof value[key] === "number" ? value[key] : null);
  return {
    url: asString(value["url"]),
    title: asString(value["title"]) ?? asString(value["filename"]),
    quote: null,
    start: at("start_index"),
    end: at("end_index"),
    origin: "openai-responses",
    value,
  };
}
