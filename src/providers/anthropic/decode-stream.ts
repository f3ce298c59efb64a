import { asObject, asString, type JsonObject, parseJson } from "../../lib/json-value.ts";
import type { Usage } from "../../model/operation.ts";
import type { OpenedBlock, PivotEvent } from "../pivot/answer.ts";
import type { StreamDecoder } from "../pivot/codec.ts";
import { brokenStream, CUT_SHORT, createSseDecoder, type EventReader, UNREADABLE } from "../pivot/sse-decoder.ts";
import { laterUsage } from "../usage.ts";
import { decodeErrorObject } from "./decode-error.ts";
import { decodeCitation } from "./decode-messages.ts";
import { decodeAnswerBlock } from "./decode-response.ts";
import { decodeFinish } from "./finish-reason.ts";
import { readUsage } from "./read-usage.ts";

const SPLICED: PivotEvent = { kind: "error", error: brokenStream("The destination began a second message inside the first.") };

/** A stream of message events. */
export function decodeStream(): StreamDecoder {
  return createSseDecoder(new MessageReader());
}

class MessageReader implements EventReader {
  #id: string | null = null;
  #started = false;
  #finished = false;
  #usage: Usage | null = null;
  /** Their index -> what is open under it. */
  readonly #open = new Map<number, { readonly index: number; readonly kind: OpenedBlock["kind"] }>();
  #next = 0;

  read(name: string | null, data: string): readonly PivotEvent[] {
    const event = asObject(parseJson(data));
    if (event === null) return [UNREADABLE];
    switch (asString(event["type"]) ?? name) {
      case "message_start":
        return this.#start(asObject(event["message"]) ?? {});
      case "content_block_start":
        return this.#begin(indexOf(event), asObject(event["content_block"]) ?? {});
      case "content_block_delta":
        return this.#delta(indexOf(event), asObject(event["delta"]) ?? {});
      case "content_block_stop":
        return this.#stop(indexOf(event));
      case "message_delta":
        return this.#change(event);
      case "message_stop":
        return this.#finished ? [{ kind: "end" }] : [CUT_SHORT];
      case "ping":
        return [{ kind: "ping" }];
      case "error":
        return [{ kind: "error", error: decodeErrorObject(200, asObject(event["error"]) ?? {}) }];
      default:
        // The API may add kinds of events, and asks clients to pass over them.
        return [];
    }
  }

  finish(): readonly PivotEvent[] {
    return [CUT_SHORT];
  }

  #start(message: JsonObject): readonly PivotEvent[] {
    const id = asString(message["id"]);
    // Told twice is harmless; another message inside this one means that two streams were spliced.
    if (this.#started) return id === this.#id ? [] : [SPLICED];
    this.#started = true;
    this.#id = id;
    this.#usage = readUsage(message["usage"]);
    return [{ kind: "start", id, model: asString(message["model"]), created: null, usage: this.#usage }];
  }

  #begin(theirs: number, block: JsonObject): readonly PivotEvent[] {
    const read = decodeAnswerBlock(block);
    const opened = openedOf(read, block);
    const index = this.#next;
    this.#next += 1;
    this.#open.set(theirs, { index, kind: opened.kind });
    const events: PivotEvent[] = [{ kind: "open", index, block: opened }];
    // Most often empty, but the API may begin with something.
    if ((read.kind === "text" || read.kind === "reasoning") && read.text !== "") events.push({ kind: "text", index, text: read.text });
    if (read.kind === "tool_call" && hasMembers(block["input"])) events.push({ kind: "arguments", index, text: read.arguments });
    return events;
  }

  #delta(theirs: number, delta: JsonObject): readonly PivotEvent[] {
    const open = this.#open.get(theirs);
    if (open === undefined) return [UNREADABLE];
    const { index } = open;
    switch (delta["type"]) {
      case "text_delta":
        return [{ kind: "text", index, text: asString(delta["text"]) ?? "" }];
      case "thinking_delta":
        return [{ kind: "text", index, text: asString(delta["thinking"]) ?? "" }];
      case "signature_delta":
        return [{ kind: "signature", index, signature: asString(delta["signature"]) ?? "" }];
      case "input_json_delta":
        return open.kind === "tool_call" ? [{ kind: "arguments", index, text: asString(delta["partial_json"]) ?? "" }] : [];
      case "citations_delta": {
        const citation = asObject(delta["citation"]);
        return citation === null ? [] : [{ kind: "citation", index, citation: decodeCitation(citation) }];
      }
      default:
        return [];
    }
  }

  #stop(theirs: number): readonly PivotEvent[] {
    const open = this.#open.get(theirs);
    if (open === undefined) return [];
    this.#open.delete(theirs);
    return [{ kind: "close", index: open.index }];
  }

  /** Counts are totals so far: they replace, they do not add. */
  #change(event: JsonObject): readonly PivotEvent[] {
    const events: PivotEvent[] = [];
    const usage = readUsage(withStart(asObject(event["usage"]), this.#usage));
    if (usage !== null) {
      this.#usage = laterUsage(this.#usage, usage);
      if (this.#usage !== null) events.push({ kind: "usage", usage: this.#usage });
    }
    const delta = asObject(event["delta"]);
    if (delta !== null && typeof delta["stop_reason"] === "string" && !this.#finished) {
      this.#finished = true;
      events.push({ kind: "finish", finish: decodeFinish(delta) });
    }
    return events;
  }
}

/** A delta that names the input but not the cache would lose the cached part of the sum: it is taken from the start. */
function withStart(usage: JsonObject | null, start: Usage | null): JsonObject | null {
  if (usage === null) return null;
  return {
    ...usage,
    cache_read_input_tokens: usage["cache_read_input_tokens"] ?? start?.cacheReadTokens ?? null,
    cache_creation_input_tokens: usage["cache_creation_input_tokens"] ?? start?.cacheWriteTokens ?? null,
  };
}

function openedOf(read: ReturnType<typeof decodeAnswerBlock>, block: JsonObject): OpenedBlock {
  switch (read.kind) {
    case "text":
      return { kind: "text" };
    case "reasoning":
      return { kind: "reasoning", id: null, summary: false, origin: "anthropic" };
    case "redacted_reasoning":
      return { kind: "redacted_reasoning", data: read.data, origin: "anthropic" };
    case "tool_call":
      return { kind: "tool_call", id: read.id, name: read.name, signature: null };
    default:
      return { kind: "server_tool", value: block };
  }
}

function indexOf(event: JsonObject): number {
  return typeof event["index"] === "number" ? event["index"] : -1;
}

function hasMembers(value: unknown): boolean {
  const object = asObject(value);
  return object !== null && Object.keys(object).length > 0;
}
