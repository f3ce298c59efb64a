import type { ChatCompletionContentPart, ChatCompletionMessageParam, ChatCompletionMessageToolCall } from "openai/resources/chat/completions";
import type { JsonObject } from "../../lib/json-value.ts";
import type { ApiQuirks } from "../../model/backend.ts";
import type { Block, FileBlock, ImageBlock, MediaSource, ToolResultBlock } from "../pivot/block.ts";
import { urlOfSource } from "../pivot/data-url.ts";
import type { PivotRequest, Turn } from "../pivot/request.ts";
import { mapCallIds, type ToolNames } from "../pivot/tool-names.ts";
import { signatureExtra } from "./encode-response.ts";
import { encodeReasoningDetails } from "./reasoning-details.ts";

/** OpenAI takes any characters, but no more than these. */
const CALL_ID = /^[\s\S]+$/;
const MAX_CALL_ID = 40;

/** Turns as messages. Results of tools become messages of their own, right after the calls that they answer; what they show but cannot say here follows as the user's. */
export function encodeMessages(request: PivotRequest, quirks: ApiQuirks, names: ToolNames): ChatCompletionMessageParam[] {
  const callId = mapCallIds(request, CALL_ID, MAX_CALL_ID);
  const messages: ChatCompletionMessageParam[] = [];
  if (request.system.length > 0) messages.push({ role: "system", content: request.system.map((block) => block.text).join("\n\n") });
  for (const turn of request.turns) {
    if (turn.role === "assistant") messages.push(assistantMessage(turn, quirks, names, callId));
    else if (turn.role === "system") messages.push({ role: "system", content: textOf(turn.blocks) });
    else messages.push(...userMessages(turn, callId));
  }
  return messages;
}

function assistantMessage({ blocks, name }: Turn, quirks: ApiQuirks, names: ToolNames, callId: (id: string) => string): ChatCompletionMessageParam {
  const calls = blocks.flatMap((block): ChatCompletionMessageToolCall[] => {
    if (block.kind !== "tool_call") return [];
    return [
      {
        id: callId(block.id),
        type: "function",
        function: { name: names.to(block.name), arguments: block.arguments === "" ? "{}" : block.arguments },
        ...signatureExtra(block.signature),
      },
    ];
  });
  const text = textOf(blocks);
  const refusal = blocks.flatMap((block) => (block.kind === "refusal" ? [block.text] : [])).join("");
  return {
    role: "assistant",
    // Empty content is an error with some servers, and none is allowed beside calls only.
    content: text === "" && calls.length > 0 ? null : text,
    ...(refusal === "" ? {} : { refusal }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
    ...(name === null ? {} : { name }),
    ...thoughtsOf(blocks, quirks),
  };
}

function thoughtsOf(blocks: readonly Block[], { thoughts }: ApiQuirks): JsonObject {
  if (thoughts === null) return {};
  if (thoughts === "reasoning_details") {
    const details = encodeReasoningDetails(blocks);
    return details.length === 0 ? {} : { reasoning_details: details };
  }
  const text = blocks.flatMap((block) => (block.kind === "reasoning" && block.text !== "" ? [block.text] : [])).join("\n\n");
  return text === "" ? {} : { reasoning_content: text };
}

function userMessages({ blocks, name }: Turn, callId: (id: string) => string): readonly ChatCompletionMessageParam[] {
  const messages: ChatCompletionMessageParam[] = [];
  const shown: ChatCompletionContentPart[] = [];
  for (const block of blocks) {
    if (block.kind !== "tool_result") continue;
    messages.push({ role: "tool", tool_call_id: callId(block.callId), content: resultText(block) });
    for (const one of block.content) if (one.kind !== "text") shown.push(...partsOf(one));
  }
  const parts = [...shown, ...blocks.flatMap(partsOf)];
  if (parts.length === 0) return messages;
  const [only] = parts;
  const content = parts.length === 1 && only?.type === "text" ? only.text : parts;
  messages.push({ role: "user", content, ...(name === null ? {} : { name }) });
  return messages;
}

/** There is no word for failure here: it is said in the text. */
function resultText(block: ToolResultBlock): string {
  const text = textOf(block.content);
  return block.isError === true ? `Error: ${text}` : text;
}

function textOf(blocks: readonly Block[]): string {
  return blocks.flatMap((block) => (block.kind === "text" ? [block.text] : [])).join("");
}

/** Parts of the user's content; nothing for what is no part. */
function partsOf(block: Block): readonly ChatCompletionContentPart[] {
  switch (block.kind) {
    case "text":
      return block.text === "" ? [] : [{ type: "text", text: block.text }];
    case "image":
      return imagePart(block);
    case "file":
      return filePart(block);
    case "audio":
      // `as`: the caller's word; the provider says which it knows.
      return [{ type: "input_audio", input_audio: { data: block.data, format: block.format as "wav" | "mp3" } }];
    default:
      return [];
  }
}

function imagePart({ source, detail }: ImageBlock): readonly ChatCompletionContentPart[] {
  const url = urlOfSource(source);
  if (url === null) return [];
  // `as`: newer than the SDK's types.
  return [{ type: "image_url", image_url: { url, ...(detail === null ? {} : { detail: detail as "auto" }) } }];
}

function filePart({ source, name }: FileBlock): readonly ChatCompletionContentPart[] {
  if (source.type === "text") return [{ type: "text", text: name === null ? source.text : `${name}\n\n${source.text}` }];
  const data = urlOfSource(source);
  return data === null ? [] : [{ type: "file", file: { filename: name ?? fileName(source), file_data: data } }];
}

/** The API goes by the name's ending. */
function fileName(source: MediaSource): string {
  return source.type === "base64" && source.mediaType === "application/pdf" ? "document.pdf" : "document.txt";
}
