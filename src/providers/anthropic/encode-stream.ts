import type { RawMessageStreamEvent } from "@anthropic-ai/sdk/resources/messages";
import type { JsonObject } from "../../lib/json-value.ts";
import type { Usage } from "../../model/operation.ts";
import type { Finish, OpenedBlock, PivotEvent } from "../pivot/answer.ts";
import type { AnswerContext, StreamEncoder } from "../pivot/codec.ts";
import { wrapSignature } from "../pivot/foreign-signature.ts";
import { laterUsage } from "../usage.ts";
import { errorObject } from "./encode-error.ts";
import { encodeCitation, signatureFor } from "./encode-response.ts";
import { encodeUsage } from "./encode-usage.ts";
import { stopDetails, stopReason } from "./finish-reason.ts";

/** A stream of message events, ended by `message_stop`. */
export function encodeStream(context: AnswerContext): StreamEncoder {
  return new MessageWriter(context);
}

interface OpenBlock {
  /** Position in this message; null: it is not shown here. */
  readonly index: number | null;
  readonly block: OpenedBlock;
  signature: string | null;
  /** Waits for blocks before it to close: here one is open at a time. */
  waiting: string[] | null;
  closed: boolean;
}

/**
 * Blocks stand one after the other here, while OpenAI's calls of tools may be told in turns: the first open block is written as it comes, and what
 * comes of others waits until it is closed.
 */
class MessageWriter implements StreamEncoder {
  readonly #context: AnswerContext;
  readonly #blocks = new Map<number, OpenBlock>();
  #next = 0;
  #usage: Usage | null = null;
  #finish: Finish | null = null;

  constructor(context: AnswerContext) {
    this.#context = context;
  }

  event(event: PivotEvent): string | null {
    switch (event.kind) {
      case "start":
        this.#usage = event.usage;
        return this.#start(event.id, event.model);
      case "open":
        return this.#open(event.index, event.block);
      case "text":
        return this.#delta(event.index, (block) =>
          block.kind === "reasoning" ? { type: "thinking_delta", thinking: event.text } : { type: "text_delta", text: event.text },
        );
      case "arguments":
        return this.#delta(event.index, () => ({ type: "input_json_delta", partial_json: event.text }));
      case "signature": {
        const open = this.#blocks.get(event.index);
        if (open !== undefined) open.signature = event.signature;
        return null;
      }
      case "citation": {
        const [citation] = encodeCitation(event.citation);
        return citation === undefined ? null : this.#delta(event.index, () => ({ type: "citations_delta", citation }));
      }
      case "close":
        return this.#close(event.index);
      case "usage":
        this.#usage = laterUsage(this.#usage, event.usage);
        return null;
      case "finish":
        this.#finish = event.finish;
        return null;
      case "ping":
        return write({ type: "ping" });
      case "error":
        return write({ type: "error", error: errorObject(event.error) });
      case "end":
        return this.#end();
    }
  }

  #start(id: string | null, model: string | null): string {
    const message = {
      id: id ?? `msg_${this.#context.requestId}`,
      type: "message",
      role: "assistant",
      model: model ?? this.#context.model,
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: encodeUsage(this.#usage),
    };
    return write({ type: "message_start", message });
  }

  #open(key: number, block: OpenedBlock): string | null {
    const first = this.#shownBlock(block);
    const open: OpenBlock = { index: first === null ? null : this.#next, block, signature: null, waiting: null, closed: false };
    const isBusy = [...this.#blocks.values()].some((other) => other.index !== null);
    this.#blocks.set(key, open);
    if (first === null || open.index === null) return null;
    this.#next += 1;
    const text = write({ type: "content_block_start", index: open.index, content_block: first });
    if (!isBusy) return text;
    open.waiting = [text];
    return null;
  }

  /** Null: there is nothing of the kind here. */
  #shownBlock(block: OpenedBlock): JsonObject | null {
    switch (block.kind) {
      case "text":
      case "refusal":
        return { type: "text", text: "" };
      case "reasoning":
        return { type: "thinking", thinking: "", signature: "" };
      case "redacted_reasoning":
        return { type: "redacted_thinking", data: wrapSignature("anthropic", block.data, block.origin) };
      case "tool_call":
        return { type: "tool_use", id: block.id, name: this.#context.toolNames.get(block.name) ?? block.name, input: {} };
      case "server_tool":
        return null;
    }
  }

  #delta(key: number, make: (block: OpenedBlock) => JsonObject): string | null {
    const open = this.#blocks.get(key);
    if (open === undefined || open.index === null) return null;
    return this.#say(open, write({ type: "content_block_delta", index: open.index, delta: make(open.block) }));
  }

  #say(open: OpenBlock, text: string): string | null {
    if (open.waiting === null) return text;
    open.waiting.push(text);
    return null;
  }

  #close(key: number): string | null {
    const open = this.#blocks.get(key);
    if (open === undefined) return null;
    if (open.index === null) {
      this.#blocks.delete(key);
      return null;
    }
    const { block, signature, index } = open;
    const kept = block.kind === "reasoning" ? signatureFor(signature, block.origin) : "";
    const signed = kept === "" ? "" : write({ type: "content_block_delta", index, delta: { type: "signature_delta", signature: kept } });
    const text = signed + write({ type: "content_block_stop", index });
    if (open.waiting !== null) {
      open.waiting.push(text);
      open.closed = true;
      return null;
    }
    this.#blocks.delete(key);
    return text + this.#letNextSpeak();
  }

  /** The next block that waited is written from now on as it comes; those that are closed already are written whole. */
  #letNextSpeak(): string {
    let said = "";
    for (const [key, open] of this.#blocks) {
      if (open.waiting === null) continue;
      said += open.waiting.join("");
      open.waiting = null;
      if (!open.closed) return said;
      this.#blocks.delete(key);
    }
    return said;
  }

  #end(): string {
    const finish: Finish = this.#finish ?? { reason: "stop", stopSequence: null, raw: null, detail: null };
    const delta = { stop_reason: stopReason(finish), stop_sequence: finish.stopSequence, stop_details: stopDetails(finish) };
    return write({ type: "message_delta", delta, usage: encodeUsage(this.#usage) }) + write({ type: "message_stop" });
  }
}

type EventType = RawMessageStreamEvent["type"] | "ping" | "error";

function write(event: { readonly type: EventType } & JsonObject): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}
