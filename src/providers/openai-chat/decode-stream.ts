import { asArray, asObject, asString, type JsonObject, parseJson } from "../../lib/json-value.ts";
import { readUsage } from "../openai/read-usage.ts";
import type { Finish, PivotEvent } from "../pivot/answer.ts";
import type { WireApi } from "../pivot/block.ts";
import type { StreamDecoder } from "../pivot/codec.ts";
import { CUT_SHORT, createSseDecoder, type EventReader, UNREADABLE } from "../pivot/sse-decoder.ts";
import { decodeErrorObject } from "./decode-error.ts";
import { citationsOf, reasoningOf, signatureOf } from "./decode-response.ts";
import { decodeFinish } from "./finish-reason.ts";

/** A stream of chat completion chunks. */
export function decodeStream(): StreamDecoder {
  return createSseDecoder(new ChunkReader());
}

/** A message is one flat object here, told in pieces: blocks are opened where a member shows for the first time, and closed at the end. */
class ChunkReader implements EventReader {
  #started = false;
  #next = 0;
  /** Index of the open block that is not a tool call. */
  #open: { readonly kind: "text" | "refusal" | "reasoning"; readonly index: number } | null = null;
  /** The chunk's index of a call -> ours. */
  readonly #calls = new Map<number, number>();
  #refused = false;
  #finish: Finish | null = null;

  read(_name: string | null, data: string): readonly PivotEvent[] {
    if (data.trim() === "[DONE]") return this.#finish === null ? [CUT_SHORT] : [{ kind: "end" }];
    const chunk = asObject(parseJson(data));
    if (chunk === null) return [UNREADABLE];
    const error = asObject(chunk["error"]);
    if (error !== null || typeof chunk["error"] === "string") return [{ kind: "error", error: decodeErrorObject(200, error ?? { message: chunk["error"] }) }];
    const events: PivotEvent[] = [];
    if (!this.#started) {
      this.#started = true;
      const created = chunk["created"];
      events.push({
        kind: "start",
        id: asString(chunk["id"]),
        model: asString(chunk["model"]),
        created: typeof created === "number" ? created : null,
        usage: null,
      });
    }
    // Other choices are never asked for in translation.
    const choice = asArray(chunk["choices"])
      .map(asObject)
      .find((one) => one !== null && (one["index"] ?? 0) === 0);
    if (choice !== undefined && choice !== null) this.#readChoice(choice, events);
    const usage = readUsage(chunk["usage"], chunk["service_tier"]);
    if (usage !== null) events.push({ kind: "usage", usage });
    return events;
  }

  finish(): readonly PivotEvent[] {
    // Some servers leave `[DONE]` out; the finish reason says as much.
    return this.#finish === null ? [CUT_SHORT] : [{ kind: "end" }];
  }

  #readChoice(choice: JsonObject, events: PivotEvent[]): void {
    const delta = asObject(choice["delta"]);
    if (delta !== null && this.#finish === null) this.#readDelta(delta, events);
    const reason = asString(choice["finish_reason"]);
    if (reason === null || this.#finish !== null) return;
    this.#close(events);
    for (const index of this.#calls.values()) events.push({ kind: "close", index });
    this.#finish = decodeFinish(reason, this.#refused);
    events.push({ kind: "finish", finish: this.#finish });
  }

  #readDelta(delta: JsonObject, events: PivotEvent[]): void {
    for (const block of reasoningOf(delta)) {
      if (block.kind === "reasoning") {
        const index = this.#enter("reasoning", events, block.origin);
        if (block.text !== "") events.push({ kind: "text", index, text: block.text });
        if (block.signature !== null) events.push({ kind: "signature", index, signature: block.signature });
      } else if (block.kind === "redacted_reasoning") {
        this.#close(events);
        events.push(
          { kind: "open", index: this.#next, block: { kind: "redacted_reasoning", data: block.data, origin: block.origin } },
          { kind: "close", index: this.#next },
        );
        this.#next += 1;
      }
    }
    const text = asString(delta["content"]);
    if (text !== null && text !== "") events.push({ kind: "text", index: this.#enter("text", events), text });
    for (const citation of citationsOf(delta)) events.push({ kind: "citation", index: this.#enter("text", events), citation });
    const refusal = asString(delta["refusal"]);
    if (refusal !== null && refusal !== "") {
      this.#refused = true;
      events.push({ kind: "text", index: this.#enter("refusal", events), text: refusal });
    }
    for (const [position, one] of asArray(delta["tool_calls"]).entries()) {
      const call = asObject(one);
      if (call !== null) this.#readCall(call, position, events);
    }
    const legacy = asObject(delta["function_call"]);
    if (legacy !== null) this.#readCall({ index: 0, function: legacy }, 0, events);
  }

  #readCall(call: JsonObject, position: number, events: PivotEvent[]): void {
    const number = typeof call["index"] === "number" ? call["index"] : position;
    const called = asObject(call["function"]);
    let index = this.#calls.get(number);
    if (index === undefined) {
      this.#close(events);
      index = this.#next;
      this.#next += 1;
      this.#calls.set(number, index);
      const id = asString(call["id"]) ?? "";
      events.push({ kind: "open", index, block: { kind: "tool_call", id, name: asString(called?.["name"]) ?? "", signature: signatureOf(call) } });
    }
    const text = asString(called?.["arguments"]);
    if (text !== null && text !== "") events.push({ kind: "arguments", index, text });
  }

  /** The open block of that kind, or a new one. */
  #enter(kind: "text" | "refusal" | "reasoning", events: PivotEvent[], origin: WireApi | null = null): number {
    if (this.#open?.kind === kind) return this.#open.index;
    this.#close(events);
    const index = this.#next;
    this.#next += 1;
    this.#open = { kind, index };
    events.push({ kind: "open", index, block: kind === "reasoning" ? { kind, id: null, summary: false, origin } : { kind } });
    return index;
  }

  #close(events: PivotEvent[]): void {
    if (this.#open === null) return;
    events.push({ kind: "close", index: this.#open.index });
    this.#open = null;
  }
}
