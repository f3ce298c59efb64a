import type { ChatCompletion, ChatCompletionMessage, ChatCompletionMessageFunctionToolCall } from "openai/resources/chat/completions";
import type { JsonObject } from "../../lib/json-value.ts";
import type { PivotAnswer } from "../pivot/answer.ts";
import type { Block, Citation } from "../pivot/block.ts";
import type { AnswerContext } from "../pivot/codec.ts";
import { finishWord, nativeFinish } from "./finish-reason.ts";
import { encodeReasoningDetails } from "./reasoning-details.ts";
import { encodeUsage } from "./usage.ts";

/** A whole chat completion. Several text blocks become one text; what OpenAI has no word for stands in the extensions that compatible servers use. */
export function encodeResponse(answer: PivotAnswer, context: AnswerContext): JsonObject {
  const usage = encodeUsage(answer.usage);
  const message = encodeMessage(answer, context);
  const completion = {
    id: answer.id ?? `chatcmpl-${context.requestId}`,
    object: "chat.completion",
    created: answer.created ?? context.now,
    model: answer.model ?? context.model,
    choices: [{ index: 0, message, logprobs: null, finish_reason: finishWord(answer.finish), ...nativeFinish(answer.finish) }],
    ...(usage === null ? {} : { usage }),
  } satisfies ChatCompletion;
  return completion;
}

function encodeMessage({ blocks, finish }: PivotAnswer, context: AnswerContext): ChatCompletionMessage & JsonObject {
  const { text, annotations } = joinText(blocks);
  const refusal = blocks.flatMap((block) => (block.kind === "refusal" ? [block.text] : [])).join("") || (finish.reason === "refusal" ? finish.detail : null);
  const calls = blocks.flatMap((block) => (block.kind === "tool_call" ? [encodeCall(block, context)] : []));
  const thoughts = blocks.flatMap((block) => (block.kind === "reasoning" && block.text !== "" ? [block.text] : [])).join("\n\n");
  const details = encodeReasoningDetails(blocks);
  return {
    role: "assistant",
    content: text === "" && (calls.length > 0 || refusal !== null) ? null : text,
    refusal,
    ...(annotations.length === 0 ? {} : { annotations: [...annotations] }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
    ...(thoughts === "" ? {} : { reasoning_content: thoughts }),
    ...(details.length === 0 ? {} : { reasoning_details: details }),
  };
}

/** Positions of citations are counted in the whole text. */
function joinText(blocks: readonly Block[]): { readonly text: string; readonly annotations: readonly ChatCompletionMessage.Annotation[] } {
  let text = "";
  const annotations: ChatCompletionMessage.Annotation[] = [];
  for (const block of blocks) {
    if (block.kind !== "text") continue;
    for (const citation of block.citations) {
      const annotation = encodeCitation(citation, text.length, block.text.length);
      if (annotation !== null) annotations.push(annotation);
    }
    text += block.text;
  }
  return { text, annotations };
}

/** Null: it names no page, and OpenAI knows no other sort. */
export function encodeCitation(citation: Citation, offset: number, length: number): ChatCompletionMessage.Annotation | null {
  if (citation.url === null) return null;
  return {
    type: "url_citation",
    url_citation: {
      url: citation.url,
      title: citation.title ?? "",
      start_index: offset + (citation.start ?? 0),
      end_index: offset + (citation.end ?? length),
    },
  };
}

function encodeCall(block: Extract<Block, { kind: "tool_call" }>, { toolNames }: AnswerContext): ChatCompletionMessageFunctionToolCall & JsonObject {
  return {
    id: block.id,
    type: "function",
    // An empty text is no JSON, and clients parse it.
    function: { name: toolNames.get(block.name) ?? block.name, arguments: block.arguments === "" ? "{}" : block.arguments },
    ...signatureExtra(block.signature),
  };
}

/** Where Google's compatible server has it, so that clients that know that server send it back. */
export function signatureExtra(signature: string | null): JsonObject {
  return signature === null ? {} : { extra_content: { google: { thought_signature: signature } } };
}
