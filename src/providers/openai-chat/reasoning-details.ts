import type { JsonObject } from "../../lib/json-value.ts";
import { asArray, asObject, asString } from "../../lib/json-value.ts";
import type { Block, ReasoningBlock, RedactedReasoningBlock, WireApi } from "../pivot/block.ts";

const APIS: ReadonlySet<string> = new Set<WireApi>(["openai-chat", "openai-responses", "anthropic", "gemini", "bedrock"]);

/**
 * Chat completions have no place for thoughts, and some providers want them back with the next call. They travel as `reasoning_details`
 * of an assistant's message, which OpenRouter brought in and whose forms are used here (`reasoning.text`, `reasoning.encrypted`), with `format`
 * naming whose they are. Clients that keep the messages they got send them back; others lose a hint, no meaning.
 */
export function encodeReasoningDetails(blocks: readonly Block[]): readonly JsonObject[] {
  const details: JsonObject[] = [];
  for (const block of blocks) {
    if (block.kind === "reasoning") details.push(detailOf(block, details.length));
    else if (block.kind === "redacted_reasoning") details.push(redactedDetail(block.data, block.origin, details.length));
  }
  return details;
}

export function detailOf(block: ReasoningBlock, index: number): JsonObject {
  return {
    type: block.summary ? "reasoning.summary" : "reasoning.text",
    ...(block.summary ? { summary: block.text } : { text: block.text }),
    ...(block.signature === null ? {} : { signature: block.signature }),
    ...(block.id === null ? {} : { id: block.id }),
    format: block.origin,
    index,
  };
}

export function redactedDetail(data: string, origin: WireApi | null, index: number): JsonObject {
  return { type: "reasoning.encrypted", data, format: origin, index };
}

/** What comes back of them. What cannot be read is left out: it was never the caller's own words. */
export function decodeReasoningDetails(message: JsonObject): readonly (ReasoningBlock | RedactedReasoningBlock)[] {
  return asArray(message["reasoning_details"]).flatMap((one): readonly (ReasoningBlock | RedactedReasoningBlock)[] => {
    const detail = asObject(one);
    if (detail === null) return [];
    const origin = originOf(asString(detail["format"]));
    const data = asString(detail["data"]);
    if (detail["type"] === "reasoning.encrypted") return data === null ? [] : [{ kind: "redacted_reasoning", data, origin }];
    const summary = detail["type"] === "reasoning.summary";
    const text = asString(detail[summary ? "summary" : "text"]) ?? "";
    const signature = asString(detail["signature"]);
    if (text === "" && signature === null) return [];
    return [{ kind: "reasoning", id: asString(detail["id"]), text, summary, signature, origin }];
  });
}

function originOf(format: string | null): WireApi | null {
  // `as`: the set holds nothing but names of that type.
  return format !== null && APIS.has(format) ? (format as WireApi) : null;
}
