import { asArray, asObject, asString, type JsonObject } from "../../lib/json-value.ts";
import type { PivotAnswer } from "../pivot/answer.ts";
import type { Block, Citation } from "../pivot/block.ts";
import { textBlock } from "../pivot/plain-block.ts";
import { decodeFinish } from "./finish-reason.ts";
import { readUsage } from "./read-usage.ts";

/** A whole answer of Converse; null when it is none. It names neither itself nor the model. */
export function decodeResponse(body: unknown): PivotAnswer | null {
  const answer = asObject(body);
  const message = asObject(asObject(answer?.["output"])?.["message"]);
  if (answer === null || message === null) return null;
  return {
    id: null,
    model: null,
    created: null,
    blocks: asArray(message["content"]).flatMap((one) => {
      const block = asObject(one);
      return block === null ? [] : decodeBlock(block);
    }),
    finish: decodeFinish(asString(answer["stopReason"])),
    usage: readUsage(answer),
  };
}

function decodeBlock(block: JsonObject): readonly Block[] {
  const text = asString(block["text"]);
  if (text !== null) return [textBlock(text)];
  const toolUse = asObject(block["toolUse"]);
  if (toolUse !== null) {
    // Calls of tools that the model's own runtime makes (Nova's code interpreter) are no calls of the caller's.
    if (toolUse["type"] === "server_tool_use") return [{ kind: "server_tool", origin: "bedrock", value: block }];
    return [
      {
        kind: "tool_call",
        id: asString(toolUse["toolUseId"]) ?? "",
        name: asString(toolUse["name"]) ?? "",
        arguments: JSON.stringify(toolUse["input"] ?? {}),
        signature: null,
        cache: null,
      },
    ];
  }
  const reasoning = asObject(block["reasoningContent"]);
  if (reasoning !== null) return decodeReasoning(reasoning);
  const cited = asObject(block["citationsContent"]);
  if (cited !== null) return decodeCited(cited);
  return [{ kind: "server_tool", origin: "bedrock", value: block }];
}

function decodeReasoning(reasoning: JsonObject): readonly Block[] {
  const redacted = asString(reasoning["redactedContent"]);
  if (redacted !== null) return [{ kind: "redacted_reasoning", data: redacted, origin: "bedrock" }];
  const thought = asObject(reasoning["reasoningText"]);
  if (thought === null) return [];
  return [
    {
      kind: "reasoning",
      id: null,
      text: asString(thought["text"]) ?? "",
      summary: false,
      signature: asString(thought["signature"]) || null,
      origin: "bedrock",
    },
  ];
}

function decodeCited(cited: JsonObject): readonly Block[] {
  const text = asArray(cited["content"])
    .map((one) => asString(asObject(one)?.["text"]) ?? "")
    .join("");
  const citations = asArray(cited["citations"]).flatMap((one): readonly Citation[] => {
    const value = asObject(one);
    return value === null ? [] : [decodeCitation(value)];
  });
  return [{ kind: "text", text, citations, cache: null }];
}

export function decodeCitation(value: JsonObject): Citation {
  const quotes = asArray(value["sourceContent"]).flatMap((one) => asString(asObject(one)?.["text"]) ?? []);
  return {
    url: asString(asObject(asObject(value["location"])?.["web"])?.["url"]),
    title: asString(value["title"]),
    quote: quotes.length === 0 ? null : quotes.join(" "),
    start: null,
    end: null,
    origin: "bedrock",
    value,
  };
}
