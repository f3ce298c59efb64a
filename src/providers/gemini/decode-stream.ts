import { asArray, asObject, asString, type JsonObject, parseJson } from "../../lib/json-value.ts";
import type { Finish, OpenedBlock, PivotEvent } from "../pivot/answer.ts";
import type { Block } from "../pivot/block.ts";
import type { StreamDecoder } from "../pivot/codec.ts";
import { CUT_SHORT, createSseDecoder, type EventReader, UNREADABLE } from "../pivot/sse-decoder.ts";
import { decodeErrorObject } from "./decode-error.ts";
import { blockedPrompt, decodeFinish } from "./finish-reason.ts";
import { readCitations, readParts } from "./read-parts.ts";
import { readUsage } from "./read-usage.ts";

/** A stream of `streamGenerateContent?alt=sse`: each event is an answer with the next parts. It has no end marker: a reason to finish and the end of the framing are it. */
export function decodeStream(): StreamDecoder {
  return createSseDecoder(new ContentReader());
}

class ContentReader implements EventReader {
  #started = false;
  #open: { readonly kind: "text" | "reasoning"; readonly index: number } | null = null;
  #next = 0;
  #called = false;
  #finish: Finish | null = null;

  read(_name: string | null, data: string): readonly PivotEvent[] {
    if (data.trim() === "[DONE]") return [];
    const chunk = asObject(parseJson(data));
    if (chunk === null) return [UNREADABLE];
    const error = asObject(chunk["error"]);
    if (error !== null) return [{ kind: "error", error: decodeErrorObject(null, error) }];
    const events: PivotEvent[] = [];
    if (!this.#started) {
      this.#started = true;
      events.push({ kind: "start", id: asString(chunk["responseId"]), model: asString(chunk["modelVersion"]), created: null, usage: null });
    }
    const candidate = asObject(asArray(chunk["candidates"])[0]);
    if (candidate !== null) this.#readCandidate(candidate, events);
    this.#finish ??= blockedPrompt(chunk);
    const usage = readUsage(chunk["usageMetadata"]);
    if (usage !== null) events.push({ kind: "usage", usage });
    return events;
  }

  /** The reason is told late, since a call may still come after it. */
  finish(): readonly PivotEvent[] {
    if (this.#finish === null) return [CUT_SHORT];
    const events: PivotEvent[] = [];
    this.#close(events);
    const finish = this.#finish.reason === "stop" && this.#called ? { ...this.#finish, reason: "tool_calls" as const } : this.#finish;
    events.push({ kind: "finish", finish }, { kind: "end" });
    return events;
  }

  #readCandidate(candidate: JsonObject, events: PivotEvent[]): void {
    for (const block of readParts(candidate["content"])) this.#readBlock(block, events);
    for (const citation of readCitations(candidate)) {
      if (this.#open?.kind === "text") events.push({ kind: "citation", index: this.#open.index, citation });
    }
    const reason = asString(candidate["finishReason"]);
    if (reason !== null) this.#finish = decodeFinish(reason, asString(candidate["finishMessage"]), this.#called);
  }

  #readBlock(block: Block, events: PivotEvent[]): void {
    switch (block.kind) {
      case "text":
        this.#say(this.#enter({ kind: "text" }, events), block.text, events);
        return;
      case "reasoning": {
        const index = this.#enter({ kind: "reasoning", id: null, summary: block.summary, origin: "gemini" }, events);
        if (block.text !== "") events.push({ kind: "text", index, text: block.text });
        if (block.signature !== null) events.push({ kind: "signature", index, signature: block.signature });
        return;
      }
      case "tool_call": {
        this.#called = true;
        const index = this.#whole({ kind: "tool_call", id: block.id, name: block.name, signature: block.signature }, events);
        events.push({ kind: "arguments", index, text: block.arguments }, { kind: "close", index });
        return;
      }
      case "server_tool":
        events.push({ kind: "close", index: this.#whole({ kind: "server_tool", value: block.value }, events) });
        return;
      default:
    }
  }

  #say(index: number, text: string, events: PivotEvent[]): void {
    events.push({ kind: "text", index, text });
  }

  #enter(block: OpenedBlock & { readonly kind: "text" | "reasoning" }, events: PivotEvent[]): number {
    if (this.#open?.kind === block.kind) return this.#open.index;
    const index = this.#whole(block, events);
    this.#open = { kind: block.kind, index };
    return index;
  }

  #whole(block: OpenedBlock, events: PivotEvent[]): number {
    this.#close(events);
    const index = this.#next;
    this.#next += 1;
    events.push({ kind: "open", index, block });
    return index;
  }

  #close(events: PivotEvent[]): void {
    if (this.#open === null) return;
    events.push({ kind: "close", index: this.#open.index });
    this.#open = null;
  }
}
