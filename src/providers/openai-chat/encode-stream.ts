import type { ChatCompletionChunk } from "openai/resources/chat/completions";
import type { JsonObject } from "../../lib/json-value.ts";
import type { Usage } from "../../model/operation.ts";
import type { OpenedBlock, PivotEvent } from "../pivot/answer.ts";
import type { AnswerContext, StreamEncoder } from "../pivot/codec.ts";
import { laterUsage } from "../usage.ts";
import { errorObject } from "./encode-error.ts";
import { encodeCitation, signatureExtra } from "./encode-response.ts";
import { finishWord, nativeFinish } from "./finish-reason.ts";
import { detailOf, redactedDetail } from "./reasoning-details.ts";
import { encodeUsage } from "./usage.ts";

type Delta = ChatCompletionChunk.Choice.Delta & JsonObject;

/** A stream of chat completion chunks, ended by `[DONE]`. */
export function encodeStream(context: AnswerContext): StreamEncoder {
  return new ChunkWriter(context);
}

interface OpenBlock {
  readonly block: OpenedBlock;
  /** Position among the calls of tools; -1: it is none. */
  readonly call: number;
  /** Position among the thoughts; -1: it is none. */
  readonly detail: number;
  text: string;
  signature: string | null;
}

class ChunkWriter implements StreamEncoder {
  readonly #context: AnswerContext;
  readonly #blocks = new Map<number, OpenBlock>();
  #id: string;
  #model: string;
  #created: number;
  #prefix: string | null = null;
  #started = false;
  #calls = 0;
  #details = 0;
  #textLength = 0;
  #usage: Usage | null = null;

  constructor(context: AnswerContext) {
    this.#context = context;
    this.#id = `chatcmpl-${context.requestId}`;
    this.#model = context.model;
    this.#created = context.now;
  }

  event(event: PivotEvent): string | null {
    switch (event.kind) {
      case "start":
        this.#id = event.id ?? this.#id;
        this.#model = event.model ?? this.#model;
        this.#created = event.created ?? this.#created;
        this.#usage = event.usage;
        this.#prefix = null;
        this.#started = true;
        return this.#chunk({ role: "assistant", content: "" });
      case "open":
        return this.#open(event.index, event.block);
      case "text":
        return this.#text(event.index, event.text);
      case "arguments": {
        const open = this.#blocks.get(event.index);
        if (open === undefined || open.call < 0) return null;
        open.text += event.text;
        return this.#chunk({ tool_calls: [{ index: open.call, function: { arguments: event.text } }] });
      }
      case "signature": {
        const open = this.#blocks.get(event.index);
        if (open !== undefined) open.signature = event.signature;
        return null;
      }
      case "citation": {
        const annotation = encodeCitation(event.citation, this.#textLength - (this.#blocks.get(event.index)?.text.length ?? 0), this.#textLength);
        return annotation === null ? null : this.#chunk({ annotations: [annotation] });
      }
      case "close":
        return this.#close(event.index);
      case "usage":
        this.#usage = laterUsage(this.#usage, event.usage);
        return null;
      case "finish": {
        const refusal = event.finish.reason === "refusal" && event.finish.detail !== null ? this.#chunk({ refusal: event.finish.detail }) : "";
        return refusal + this.#write([{ index: 0, delta: {}, logprobs: null, finish_reason: finishWord(event.finish), ...nativeFinish(event.finish) }]);
      }
      case "ping":
        // Clients that parse every line as JSON pass over comments.
        return this.#started ? ": ping\n\n" : null;
      case "error":
        return `event: error\ndata: ${JSON.stringify({ error: errorObject(event.error) })}\n\n`;
      case "end":
        return `${this.#usageChunk()}data: [DONE]\n\n`;
    }
  }

  #open(index: number, block: OpenedBlock): string | null {
    const isCall = block.kind === "tool_call";
    const isThought = block.kind === "reasoning" || block.kind === "redacted_reasoning";
    const open: OpenBlock = {
      block,
      call: isCall ? this.#calls++ : -1,
      detail: isThought ? this.#details++ : -1,
      text: "",
      signature: null,
    };
    this.#blocks.set(index, open);
    if (block.kind === "redacted_reasoning") return this.#chunk({ reasoning_details: [redactedDetail(block.data, block.origin, open.detail)] });
    if (!isCall) return null;
    const name = this.#context.toolNames.get(block.name) ?? block.name;
    return this.#chunk({
      tool_calls: [{ index: open.call, id: block.id, type: "function", function: { name, arguments: "" }, ...signatureExtra(block.signature) }],
    });
  }

  #text(index: number, text: string): string | null {
    const open = this.#blocks.get(index);
    if (open === undefined || text === "") return null;
    switch (open.block.kind) {
      case "text":
        open.text += text;
        this.#textLength += text.length;
        // Nearly all events are this one: what never changes is not written anew.
        return `${this.#opening()}[{"index":0,"delta":{"content":${JSON.stringify(text)}},"logprobs":null,"finish_reason":null}]}\n\n`;
      case "refusal":
        return this.#chunk({ refusal: text });
      case "reasoning":
        return this.#chunk({ reasoning_content: text, reasoning_details: [thoughtDetail(open, text, null)] });
      default:
        return null;
    }
  }

  #close(index: number): string | null {
    const open = this.#blocks.get(index);
    if (open === undefined) return null;
    this.#blocks.delete(index);
    // An empty text is no JSON, and clients parse it.
    if (open.call >= 0) return open.text === "" ? this.#chunk({ tool_calls: [{ index: open.call, function: { arguments: "{}" } }] }) : null;
    return open.signature === null || open.detail < 0 ? null : this.#chunk({ reasoning_details: [thoughtDetail(open, "", open.signature)] });
  }

  #usageChunk(): string {
    const usage = this.#context.request.wantsUsage ? encodeUsage(this.#usage) : null;
    return usage === null ? "" : this.#write([], { usage });
  }

  #chunk(delta: Delta): string {
    return this.#write([{ index: 0, delta, logprobs: null, finish_reason: null }]);
  }

  #write(choices: ChatCompletionChunk.Choice[], rest: Pick<ChatCompletionChunk, "usage"> = {}): string {
    const usage = rest.usage === undefined ? "" : `,"usage":${JSON.stringify(rest.usage)}`;
    return `${this.#opening()}${JSON.stringify(choices)}${usage}}\n\n`;
  }

  /** Everything before the choices. */
  #opening(): string {
    if (this.#prefix !== null) return this.#prefix;
    const head = { id: this.#id, object: "chat.completion.chunk", created: this.#created, model: this.#model } satisfies Partial<ChatCompletionChunk>;
    this.#prefix = `data: ${JSON.stringify(head).slice(0, -1)},"choices":`;
    return this.#prefix;
  }
}

/** A piece of a thought: clients join the pieces of one `index`. */
function thoughtDetail({ block, detail }: OpenBlock, text: string, signature: string | null): JsonObject {
  if (block.kind !== "reasoning") return {};
  return detailOf({ kind: "reasoning", id: block.id, text, summary: block.summary, signature, origin: block.origin }, detail);
}
