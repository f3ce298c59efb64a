import type { JsonObject } from "../../lib/json-value.ts";
import type { Block, FileBlock, ImageBlock, ToolResultBlock } from "../pivot/block.ts";
import { urlOfSource } from "../pivot/data-url.ts";
import type { PivotRequest, Turn } from "../pivot/request.ts";
import { mapCallIds, type ToolNames } from "../pivot/tool-names.ts";

/** Any characters, but no more than these. */
const CALL_ID = /^[\s\S]+$/;
const MAX_CALL_ID = 64;

/** Turns as items: texts, calls, results and thoughts each stand for themselves. */
export function encodeInput(request: PivotRequest, names: ToolNames): readonly JsonObject[] {
  const callId = mapCallIds(request, CALL_ID, MAX_CALL_ID);
  return request.turns.flatMap((turn) => {
    if (turn.role === "assistant") return assistantItems(turn, names, callId);
    if (turn.role === "user") return userItems(turn, callId);
    const content = turn.blocks.flatMap(partOf);
    return content.length === 0 ? [] : [{ type: "message", role: "developer", content }];
  });
}

/** In their order, which this API keeps: a thought stands before what it led to. */
function assistantItems({ blocks }: Turn, names: ToolNames, callId: (id: string) => string): readonly JsonObject[] {
  return blocks.flatMap((block, index): readonly JsonObject[] => {
    switch (block.kind) {
      case "text":
        return block.text === "" ? [] : [{ type: "message", role: "assistant", content: [{ type: "output_text", text: block.text }] }];
      case "refusal":
        return [{ type: "message", role: "assistant", content: [{ type: "refusal", refusal: block.text }] }];
      case "tool_call":
        return [{ type: "function_call", call_id: callId(block.id), name: names.to(block.name), arguments: block.arguments === "" ? "{}" : block.arguments }];
      case "reasoning":
        // A thought that this provider did not seal is refused by it.
        if (block.origin !== "openai-responses" || block.signature === null) return [];
        return [
          {
            type: "reasoning",
            id: block.id ?? `rs_${index}`,
            summary: block.text === "" ? [] : [{ type: "summary_text", text: block.text }],
            encrypted_content: block.signature,
          },
        ];
      default:
        return [];
    }
  });
}

function userItems({ blocks }: Turn, callId: (id: string) => string): readonly JsonObject[] {
  const results = blocks.flatMap((block) => (block.kind === "tool_result" ? [resultItem(block, callId)] : []));
  const parts = blocks.flatMap(partOf);
  return parts.length === 0 ? results : [...results, { type: "message", role: "user", content: parts }];
}

/** There is no word for failure here: it is said in the text. */
function resultItem(block: ToolResultBlock, callId: (id: string) => string): JsonObject {
  const failed = block.isError === true ? [{ type: "input_text", text: "Error:" }] : [];
  const text = block.content.flatMap((one) => (one.kind === "text" ? [one.text] : [])).join("");
  const plain = block.content.every((one) => one.kind === "text");
  return {
    type: "function_call_output",
    call_id: callId(block.callId),
    output: plain ? `${failed.length === 0 ? "" : "Error: "}${text}` : [...failed, ...block.content.flatMap(partOf)],
  };
}

function partOf(block: Block): readonly JsonObject[] {
  switch (block.kind) {
    case "text":
      return block.text === "" ? [] : [{ type: "input_text", text: block.text }];
    case "image":
      return imagePart(block);
    case "file":
      return filePart(block);
    case "audio":
      return [{ type: "input_audio", input_audio: { data: block.data, format: block.format } }];
    default:
      return [];
  }
}

function imagePart({ source, detail }: ImageBlock): readonly JsonObject[] {
  const url = urlOfSource(source);
  return url === null ? [] : [{ type: "input_image", image_url: url, detail: detail ?? "auto" }];
}

function filePart({ source, name }: FileBlock): readonly JsonObject[] {
  if (source.type === "text") return [{ type: "input_text", text: name === null ? source.text : `${name}\n\n${source.text}` }];
  if (source.type === "url") return [{ type: "input_file", file_url: source.url }];
  const data = urlOfSource(source);
  // The API goes by the name's ending.
  return data === null ? [] : [{ type: "input_file", filename: name ?? "document.pdf", file_data: data }];
}
