import type { ResponseStreamEvent } from "openai/resources/responses/responses";
import type { JsonObject } from "../../lib/json-value.ts";
import type { Usage } from "../../model/operation.ts";
import type { Finish, OpenedBlock, PivotEvent } from "../pivot/answer.ts";
import type { AnswerContext, StreamEncoder } from "../pivot/codec.ts";
import { laterUsage } from "../usage.ts";
import { carriedRedaction, carriedSignature } from "./carried-thought.ts";
import { responseError } from "./encode-error.ts";
import { callItem, encodeCitation, itemId, messageItem, reasoningItem, responseObject } from "./response-object.ts";

/** A stream of the Responses API: every event is numbered, and each item is told whole once more when it is done. */
export function encodeStream(context: AnswerContext): StreamEncoder {
  return new ResponseWriter(context);
}

interface OpenItem {
  readonly block: OpenedBlock;
  readonly id: string;
  /** Position in `output`. */
  readonly position: number;
  text: string;
  signature: string | null;
  readonly annotations: JsonObject[];
  /** The summary part was begun. */
  begun: boolean;
}

class ResponseWriter implements StreamEncoder {
  readonly #context: AnswerContext;
  readonly #items = new Map<number, OpenItem>();
  readonly #output: JsonObject[] = [];
  #head: { readonly id: string; readonly model: string; readonly created: number };
  #position = 0;
  #sequence = 0;
  #usage: Usage | null = null;
  #finish: Finish | null = null;

  constructor(context: AnswerContext) {
    this.#context = context;
    this.#head = { id: `resp_${context.requestId}`, model: context.model, created: context.now };
  }

  event(event: PivotEvent): string | null {
    switch (event.kind) {
      case "start":
        this.#head = { id: event.id ?? this.#head.id, model: event.model ?? this.#head.model, created: event.created ?? this.#head.created };
        this.#usage = event.usage;
        return this.#write("response.created", { response: this.#response(null) }) + this.#write("response.in_progress", { response: this.#response(null) });
      case "open":
        return this.#open(event.index, event.block);
      case "text":
        return this.#text(event.index, event.text);
      case "arguments":
        return this.#arguments(event.index, event.text);
      case "signature": {
        const item = this.#items.get(event.index);
        if (item !== undefined) item.signature = event.signature;
        return null;
      }
      case "citation": {
        const item = this.#items.get(event.index);
        const [annotation] = item === undefined ? [] : encodeCitation(event.citation, item.text.length);
        if (item === undefined || annotation === undefined) return null;
        item.annotations.push(annotation);
        const place = { item_id: item.id, output_index: item.position, content_index: 0, annotation_index: item.annotations.length - 1 };
        return this.#write("response.output_text.annotation.added", { ...place, annotation });
      }
      case "close":
        return this.#close(event.index);
      case "usage":
        this.#usage = laterUsage(this.#usage, event.usage);
        return null;
      case "finish":
        this.#finish = event.finish;
        return event.finish.reason === "refusal" && event.finish.detail !== null ? this.#refusal(event.finish.detail) : null;
      case "ping":
        return null;
      case "error": {
        const { code, message } = responseError(event.error);
        const told = this.#write("error", { code, message, param: event.error.param });
        return told + this.#write("response.failed", { response: this.#response({ code, message }) });
      }
      case "end": {
        const response = this.#response(null);
        return this.#write(response["status"] === "incomplete" ? "response.incomplete" : "response.completed", { response });
      }
    }
  }

  #open(index: number, block: OpenedBlock): string | null {
    const prefix = block.kind === "tool_call" ? "fc" : block.kind === "text" || block.kind === "refusal" ? "msg" : "rs";
    if (block.kind === "server_tool") return null;
    const item: OpenItem = {
      block,
      id: itemId(prefix, this.#context, this.#position),
      position: this.#position,
      text: "",
      signature: null,
      annotations: [],
      begun: false,
    };
    this.#position += 1;
    this.#items.set(index, item);
    const added = this.#write("response.output_item.added", { output_index: item.position, item: this.#item(item, true) });
    if (block.kind !== "text" && block.kind !== "refusal") return added;
    return added + this.#write("response.content_part.added", { ...place(item), part: partOf(item, "") });
  }

  #text(index: number, text: string): string | null {
    const item = this.#items.get(index);
    if (item === undefined || text === "") return null;
    item.text += text;
    switch (item.block.kind) {
      case "text":
        return this.#write("response.output_text.delta", { ...place(item), delta: text, logprobs: [] });
      case "refusal":
        return this.#write("response.refusal.delta", { ...place(item), delta: text });
      case "reasoning": {
        const here = { item_id: item.id, output_index: item.position, summary_index: 0 };
        const begins = item.begun ? "" : this.#write("response.reasoning_summary_part.added", { ...here, part: { type: "summary_text", text: "" } });
        item.begun = true;
        return begins + this.#write("response.reasoning_summary_text.delta", { ...here, delta: text });
      }
      default:
        return null;
    }
  }

  #arguments(index: number, text: string): string | null {
    const item = this.#items.get(index);
    if (item === undefined) return null;
    item.text += text;
    return this.#write("response.function_call_arguments.delta", { item_id: item.id, output_index: item.position, delta: text });
  }

  #close(index: number): string | null {
    const item = this.#items.get(index);
    if (item === undefined) return null;
    this.#items.delete(index);
    const done = this.#item(item, false);
    this.#output[item.position] = done;
    return this.#closing(item) + this.#write("response.output_item.done", { output_index: item.position, item: done });
  }

  #closing(item: OpenItem): string {
    switch (item.block.kind) {
      case "text":
        return (
          this.#write("response.output_text.done", { ...place(item), text: item.text, logprobs: [] }) +
          this.#write("response.content_part.done", { ...place(item), part: partOf(item, item.text) })
        );
      case "refusal":
        return (
          this.#write("response.refusal.done", { ...place(item), refusal: item.text }) +
          this.#write("response.content_part.done", { ...place(item), part: partOf(item, item.text) })
        );
      case "tool_call":
        return this.#write("response.function_call_arguments.done", {
          item_id: item.id,
          output_index: item.position,
          name: this.#context.toolNames.get(item.block.name) ?? item.block.name,
          arguments: argumentsOf(item),
        });
      case "reasoning": {
        if (!item.begun) return "";
        const here = { item_id: item.id, output_index: item.position, summary_index: 0 };
        return (
          this.#write("response.reasoning_summary_text.done", { ...here, text: item.text }) +
          this.#write("response.reasoning_summary_part.done", { ...here, part: { type: "summary_text", text: item.text } })
        );
      }
      default:
        return "";
    }
  }

  /** A refusal that the provider told beside the answer. */
  #refusal(text: string): string {
    const key = -1;
    return `${this.#open(key, { kind: "refusal" })}${this.#text(key, text)}${this.#close(key)}`;
  }

  #item(item: OpenItem, begins: boolean): JsonObject {
    const { block, id } = item;
    switch (block.kind) {
      case "tool_call": {
        const name = this.#context.toolNames.get(block.name) ?? block.name;
        return begins ? callItem(id, block.id, name, "", "in_progress") : callItem(id, block.id, name, argumentsOf(item));
      }
      case "reasoning":
        return reasoningItem(id, begins ? "" : item.text, carriedSignature(item.signature, block.origin));
      case "redacted_reasoning":
        return reasoningItem(id, "", carriedRedaction(block.data, block.origin));
      default:
        return messageItem(id, partOf(item, item.text), begins ? "in_progress" : "completed");
    }
  }

  #response(error: JsonObject | null): JsonObject {
    return responseObject(this.#context, this.#head, {
      output: this.#output.filter((item) => item !== undefined),
      finish: this.#finish,
      usage: this.#usage,
      error,
    });
  }

  #write(type: ResponseStreamEvent["type"], rest: JsonObject): string {
    const event = { type, sequence_number: this.#sequence, ...rest };
    this.#sequence += 1;
    return `event: ${type}\ndata: ${JSON.stringify(event)}\n\n`;
  }
}

function place(item: OpenItem): { readonly item_id: string; readonly output_index: number; readonly content_index: number } {
  return { item_id: item.id, output_index: item.position, content_index: 0 };
}

function partOf(item: OpenItem, text: string): JsonObject {
  if (item.block.kind === "refusal") return { type: "refusal", refusal: text };
  return { type: "output_text", text, annotations: [...item.annotations], logprobs: [] };
}

/** An empty text is no JSON, and clients parse it. */
function argumentsOf(item: OpenItem): string {
  return item.text === "" ? "{}" : item.text;
}
