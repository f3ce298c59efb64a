import { asArray, asObject, asString, type JsonObject } from "../../lib/json-value.ts";
import type { PivotAnswer } from "../pivot/answer.ts";
import type { Block } from "../pivot/block.ts";
import { decodeCitations } from "./decode-messages.ts";
import { decodeFinish } from "./finish-reason.ts";
import { readUsage } from "./read-usage.ts";

/** A whole message; null when it is none. */
export function decodeResponse(body: unknown): PivotAnswer | null {
  const message = asObject(body);
  if (message === null || message["type"] !== "message" || !Array.isArray(message["content"])) return null;
  return {
    id: asString(message["id"]),
    model: asString(message["model"]),
    created: null,
    blocks: asArray(message["content"]).flatMap((one) => {
      const block = asObject(one);
      return block === null ? [] : [decodeAnswerBlock(block)];
    }),
    finish: decodeFinish(message),
    usage: readUsage(message["usage"]),
  };
}

/** A block of an answer. Unlike a request's it is taken as it is: the provider is not told what it should have said. */
export function decodeAnswerBlock(block: JsonObject): Block {
  switch (block["type"]) {
    case "text":
      return { kind: "text", text: asString(block["text"]) ?? "", citations: decodeCitations(block), cache: null };
    case "thinking":
      return {
        kind: "reasoning",
        id: null,
        text: asString(block["thinking"]) ?? "",
        summary: false,
        signature: asString(block["signature"]) || null,
        origin: "anthropic",
      };
    case "redacted_thinking":
      return { kind: "redacted_reasoning", data: asString(block["data"]) ?? "", origin: "anthropic" };
    case "tool_use":
      return {
        kind: "tool_call",
        id: asString(block["id"]) ?? "",
        name: asString(block["name"]) ?? "",
        arguments: JSON.stringify(block["input"] ?? {}),
        signature: null,
        cache: null,
      };
    default:
      return { kind: "server_tool", origin: "anthropic", value: block };
  }
}
