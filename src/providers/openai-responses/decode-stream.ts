import { asObject, asString, type JsonObject, parseJson } from "../../lib/json-value.ts";
import { readUsage } from "../openai/read-usage.ts";
import { decodeErrorObject } from "../openai-chat/decode-error.ts";
import type { OpenedBlock, PivotEvent } from "../pivot/answer.ts";
import type { StreamDecoder } from "../pivot/codec.ts";
import { CUT_SHORT, createSseDecoder, type EventReader, UNREADABLE } from "../pivot/sse-decoder.ts";
import { decodeAnnotation, decodeFinish } from "./decode-response.ts";

/** A stream of the Responses API. */
export function decodeStream(): StreamDecoder {
  return createSseDecoder(new ResponseReader());
}

/** Texts are known by item and part, calls and thoughts by item. */
class ResponseReader implements EventReader {
  readonly #open = new Map<string, { readonly index: number; readonly kind: OpenedBlock["kind"] }>();
  #started = false;
  #next = 0;
  #called = false;
  #refused = false;

  read(name: string | null, data: string): readonly PivotEvent[] {
    const event = asObject(parseJson(data));
    if (event === null) return data.trim() === "[DONE]" ? [] : [UNREADABLE];
    const type = asString(event["type"]) ?? name ?? "";
    const response = asObject(event["response"]) ?? {};
    switch (type) {
      case "response.created":
        return this.#start(response);
      case "response.output_item.added":
        return this.#beginItem(itemKey(event), asObject(event["item"]) ?? {});
      case "response.output_item.done":
        return this.#endItem(itemKey(event), asObject(event["item"]) ?? {});
      case "response.content_part.added":
        return this.#beginPart(partKey(event), asObject(event["part"]) ?? {});
      case "response.content_part.done":
        return this.#close(partKey(event));
      case "response.output_text.delta":
        return this.#text(partKey(event), event, { kind: "text" });
      case "response.refusal.delta":
        this.#refused = true;
        return this.#text(partKey(event), event, { kind: "refusal" });
      case "response.reasoning_summary_part.added":
        // Parts of a summary are paragraphs.
        return event["summary_index"] === 0 ? [] : this.#piece(itemKey(event), "\n\n");
      case "response.reasoning_summary_text.delta":
      case "response.reasoning_text.delta":
        return this.#piece(itemKey(event), asString(event["delta"]) ?? "");
      case "response.function_call_arguments.delta":
        return this.#arguments(itemKey(event), asString(event["delta"]) ?? "");
      case "response.output_text.annotation.added":
        return this.#annotation(partKey(event), asObject(event["annotation"]));
      case "response.completed":
      case "response.incomplete":
        return this.#end(response);
      case "response.failed":
      case "response.cancelled":
        return [{ kind: "error", error: decodeErrorObject(200, asObject(response["error"]) ?? {}) }];
      case "error":
        return [{ kind: "error", error: decodeErrorObject(200, asObject(event["error"]) ?? event) }];
      default:
        // Tools that the provider runs tell of themselves in events of their own, and the API may add more.
        return [];
    }
  }

  finish(): readonly PivotEvent[] {
    return [CUT_SHORT];
  }

  #start(response: JsonObject): readonly PivotEvent[] {
    if (this.#started) return [];
    this.#started = true;
    const created = response["created_at"];
    return [
      {
        kind: "start",
        id: asString(response["id"]),
        model: asString(response["model"]),
        created: typeof created === "number" ? created : null,
        usage: null,
      },
    ];
  }

  #beginItem(key: string, item: JsonObject): readonly PivotEvent[] {
    switch (item["type"]) {
      case "message":
        return [];
      case "function_call":
        this.#called = true;
        return [this.#enter(key, { kind: "tool_call", id: asString(item["call_id"]) ?? "", name: asString(item["name"]) ?? "", signature: null })];
      case "reasoning":
        return [this.#enter(key, { kind: "reasoning", id: asString(item["id"]), summary: true, origin: "openai-responses" })];
      default:
        return [this.#enter(key, { kind: "server_tool", value: item })];
    }
  }

  #endItem(key: string, item: JsonObject): readonly PivotEvent[] {
    const open = this.#open.get(key);
    const sealed = asString(item["encrypted_content"]);
    const signed: readonly PivotEvent[] = open?.kind === "reasoning" && sealed !== null ? [{ kind: "signature", index: open.index, signature: sealed }] : [];
    return [...signed, ...this.#close(key)];
  }

  #beginPart(key: string, part: JsonObject): readonly PivotEvent[] {
    if (part["type"] === "refusal") return [this.#enter(key, { kind: "refusal" })];
    return part["type"] === "output_text" ? [this.#enter(key, { kind: "text" })] : [];
  }

  #text(key: string, event: JsonObject, opened: OpenedBlock): readonly PivotEvent[] {
    const text = asString(event["delta"]) ?? "";
    const open = this.#open.get(key);
    if (open !== undefined) return [{ kind: "text", index: open.index, text }];
    const first = this.#enter(key, opened);
    return [first, { kind: "text", index: first.index, text }];
  }

  #piece(key: string, text: string): readonly PivotEvent[] {
    const open = this.#open.get(key);
    return open?.kind === "reasoning" && text !== "" ? [{ kind: "text", index: open.index, text }] : [];
  }

  #arguments(key: string, text: string): readonly PivotEvent[] {
    const open = this.#open.get(key);
    return open?.kind === "tool_call" ? [{ kind: "arguments", index: open.index, text }] : [];
  }

  #annotation(key: string, annotation: JsonObject | null): readonly PivotEvent[] {
    const open = this.#open.get(key);
    return open === undefined || annotation === null ? [] : [{ kind: "citation", index: open.index, citation: decodeAnnotation(annotation) }];
  }

  #end(response: JsonObject): readonly PivotEvent[] {
    const usage = readUsage(response["usage"], response["service_tier"]);
    const left = [...this.#open.keys()].flatMap((key) => this.#close(key));
    return [
      ...left,
      ...(usage === null ? [] : [{ kind: "usage", usage } as const]),
      { kind: "finish", finish: decodeFinish(response, { called: this.#called, refused: this.#refused }) },
      { kind: "end" },
    ];
  }

  #enter(key: string, block: OpenedBlock): Extract<PivotEvent, { kind: "open" }> {
    const index = this.#next;
    this.#next += 1;
    this.#open.set(key, { index, kind: block.kind });
    return { kind: "open", index, block };
  }

  #close(key: string): readonly PivotEvent[] {
    const open = this.#open.get(key);
    if (open === undefined) return [];
    this.#open.delete(key);
    return [{ kind: "close", index: open.index }];
  }
}

function itemKey(event: JsonObject): string {
  return `${String(event["output_index"])}`;
}

function partKey(event: JsonObject): string {
  return `${String(event["output_index"])}/${String(event["content_index"])}`;
}
