import type { Response, ResponseOutputItem, ResponseUsage } from "openai/resources/responses/responses";
import type { JsonObject } from "../../lib/json-value.ts";
import type { Usage } from "../../model/operation.ts";
import type { Finish } from "../pivot/answer.ts";
import type { Block, Citation } from "../pivot/block.ts";
import type { AnswerContext } from "../pivot/codec.ts";
import { carriedRedaction, carriedSignature } from "./carried-thought.ts";

/** What a response is when it begins, and again, whole, when it ends. */
export function responseObject(
  context: AnswerContext,
  head: { readonly id: string; readonly model: string; readonly created: number },
  state: { readonly output: readonly JsonObject[]; readonly finish: Finish | null; readonly usage: Usage | null; readonly error: JsonObject | null },
): JsonObject {
  const { request } = context;
  const reason = incompleteReason(state.finish);
  const status = state.error !== null ? "failed" : state.finish === null ? "in_progress" : reason === null ? "completed" : "incomplete";
  const usage = encodeUsage(state.usage);
  return {
    id: head.id,
    object: "response",
    created_at: head.created,
    status,
    error: state.error,
    incomplete_details: reason === null ? null : { reason },
    instructions: null,
    metadata: {},
    model: head.model,
    output: state.output,
    parallel_tool_calls: request.parallelToolCalls ?? true,
    previous_response_id: null,
    store: false,
    temperature: request.sampling.temperature,
    tool_choice: request.toolChoice?.kind === "none" || request.toolChoice?.kind === "required" ? request.toolChoice.kind : "auto",
    tools: [],
    top_p: request.sampling.topP,
    max_output_tokens: request.maxOutputTokens,
    ...(usage === null ? {} : { usage }),
  } satisfies Pick<Response, "id" | "object" | "created_at" | "status" | "model"> & JsonObject;
}

function incompleteReason(finish: Finish | null): "max_output_tokens" | "content_filter" | null {
  if (finish?.reason === "length" || finish?.reason === "context") return "max_output_tokens";
  return finish?.reason === "content_filter" ? "content_filter" : null;
}

function encodeUsage(usage: Usage | null): ResponseUsage | null {
  if (usage === null || usage.inputTokens === null || usage.outputTokens === null) return null;
  return {
    input_tokens: usage.inputTokens,
    // The API has these always; a count that nobody told cannot be told apart from none here.
    input_tokens_details: { cached_tokens: usage.cacheReadTokens ?? 0, cache_write_tokens: usage.cacheWriteTokens ?? 0 },
    output_tokens: usage.outputTokens,
    output_tokens_details: { reasoning_tokens: usage.reasoningTokens ?? 0 },
    total_tokens: usage.inputTokens + usage.outputTokens,
  };
}

/** Ids of items, as OpenAI begins them. */
export function itemId(prefix: "msg" | "fc" | "rs", context: AnswerContext, index: number): string {
  return `${prefix}_${context.requestId}_${index}`;
}

/** A finished block as an item; null: there is nothing of the kind here. */
export function outputItem(block: Block, index: number, context: AnswerContext): JsonObject | null {
  switch (block.kind) {
    case "text":
      return messageItem(itemId("msg", context, index), {
        type: "output_text",
        text: block.text,
        annotations: block.citations.flatMap((one) => encodeCitation(one, block.text.length)),
        logprobs: [],
      });
    case "refusal":
      return messageItem(itemId("msg", context, index), { type: "refusal", refusal: block.text });
    case "reasoning":
      return reasoningItem(itemId("rs", context, index), block.text, carriedSignature(block.signature, block.origin));
    case "redacted_reasoning":
      return reasoningItem(itemId("rs", context, index), "", carriedRedaction(block.data, block.origin));
    case "tool_call":
      return callItem(itemId("fc", context, index), block.id, context.toolNames.get(block.name) ?? block.name, block.arguments === "" ? "{}" : block.arguments);
    default:
      return null;
  }
}

export function messageItem(id: string, part: JsonObject, status: "in_progress" | "completed" = "completed"): JsonObject {
  return { id, type: "message", role: "assistant", status, content: status === "completed" ? [part] : [] } satisfies Pick<ResponseOutputItem, "type"> &
    JsonObject;
}

export function reasoningItem(id: string, text: string, encrypted: string | null): JsonObject {
  return {
    id,
    type: "reasoning",
    summary: text === "" ? [] : [{ type: "summary_text", text }],
    ...(encrypted === null ? {} : { encrypted_content: encrypted }),
  };
}

export function callItem(id: string, callId: string, name: string, text: string, status: "in_progress" | "completed" = "completed"): JsonObject {
  return { id, type: "function_call", call_id: callId, name, arguments: text, status };
}

/** Only pages are known here. */
export function encodeCitation(citation: Citation, length: number): readonly JsonObject[] {
  if (citation.url === null) return [];
  return [{ type: "url_citation", url: citation.url, title: citation.title ?? "", start_index: citation.start ?? 0, end_index: citation.end ?? length }];
}
