import type { ContentBlock, Message } from "@anthropic-ai/sdk/resources/messages";
import type { JsonObject } from "../../lib/json-value.ts";
import type { PivotAnswer } from "../pivot/answer.ts";
import type { Block, Citation, WireApi } from "../pivot/block.ts";
import { argumentsObject } from "../pivot/call-arguments.ts";
import type { AnswerContext } from "../pivot/codec.ts";
import { wrapSignature } from "../pivot/foreign-signature.ts";
import { encodeUsage } from "./encode-usage.ts";
import { stopDetails, stopReason } from "./finish-reason.ts";

/** What of a message this broker writes; members that only Anthropic's own servers know are left out or null. */
type WrittenMessage = Pick<Message, "id" | "type" | "role" | "model" | "stop_reason" | "stop_sequence"> & { content: readonly JsonObject[]; usage: JsonObject };

/** A whole message. */
export function encodeResponse(answer: PivotAnswer, context: AnswerContext): JsonObject {
  const message = {
    id: answer.id ?? `msg_${context.requestId}`,
    type: "message",
    role: "assistant",
    model: answer.model ?? context.model,
    content: answer.blocks.flatMap((block) => encodeAnswerBlock(block, context)),
    stop_reason: stopReason(answer.finish),
    stop_sequence: answer.finish.stopSequence,
    stop_details: stopDetails(answer.finish),
    usage: encodeUsage(answer.usage),
  } satisfies WrittenMessage & JsonObject;
  return message;
}

function encodeAnswerBlock(block: Block, context: AnswerContext): readonly JsonObject[] {
  switch (block.kind) {
    case "text":
      return [
        { type: "text", text: block.text, citations: citationsOf(block.citations) } satisfies Pick<ContentBlock & { type: "text" }, "type" | "text"> &
          JsonObject,
      ];
    case "refusal":
      return [{ type: "text", text: block.text, citations: null }];
    case "reasoning":
      return [{ type: "thinking", thinking: block.text, signature: signatureFor(block.signature, block.origin) }];
    case "redacted_reasoning":
      return [{ type: "redacted_thinking", data: wrapSignature("anthropic", block.data, block.origin) }];
    case "tool_call":
      return [{ type: "tool_use", id: block.id, name: context.toolNames.get(block.name) ?? block.name, input: argumentsObject(block.arguments) }];
    case "server_tool":
      return block.origin === "anthropic" ? [block.value] : [];
    default:
      return [];
  }
}

/** Anthropic's own signatures pass, those of others are marked. None is the empty one, which is dropped on its way back. */
export function signatureFor(signature: string | null, origin: WireApi | null): string {
  return signature === null ? "" : wrapSignature("anthropic", signature, origin);
}

/** Anthropic's own citations as they were; those of others only where they name a page. */
function citationsOf(citations: readonly Citation[]): readonly JsonObject[] | null {
  const encoded = citations.flatMap((citation) => encodeCitation(citation));
  return encoded.length === 0 ? null : encoded;
}

export function encodeCitation(citation: Citation): readonly JsonObject[] {
  if (citation.origin === "anthropic") return [citation.value];
  if (citation.url === null) return [];
  return [{ type: "web_search_result_location", url: citation.url, title: citation.title, cited_text: citation.quote ?? "", encrypted_index: "" }];
}
