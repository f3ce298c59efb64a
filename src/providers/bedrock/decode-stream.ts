import { createEventStreamReader, type EventStreamMessage } from "../../lib/aws-event-stream.ts";
import { asObject, asString, type JsonObject, parseJson } from "../../lib/json-value.ts";
import { toText } from "../../lib/utf8.ts";
import type { OpenedBlock, PivotEvent } from "../pivot/answer.ts";
import type { StreamDecoder } from "../pivot/codec.ts";
import { brokenStream, CUT_SHORT, UNREADABLE } from "../pivot/sse-decoder.ts";
import { decodeErrorWords } from "./decode-error.ts";
import { decodeCitation } from "./decode-response.ts";
import { decodeFinish } from "./finish-reason.ts";
import { readUsage } from "./read-usage.ts";

const BROKEN_FRAME: PivotEvent = { kind: "error", error: brokenStream("The destination's stream is damaged: a frame does not match its checksum.") };

/** A stream of ConverseStream: binary frames, each with its checksum. */
export function decodeStream(): StreamDecoder {
  const frames = createEventStreamReader();
  const reader = new ConverseReader();
  let over = false;

  return {
    push(bytes) {
      if (over) return [];
      const events: PivotEvent[] = [];
      let messages: readonly EventStreamMessage[];
      try {
        messages = frames.push(bytes);
      } catch {
        over = true;
        return [BROKEN_FRAME];
      }
      for (const message of messages) {
        for (const event of reader.read(message)) {
          events.push(event);
          over = event.kind === "error" || event.kind === "end";
          if (over) return events;
        }
      }
      return events;
    },
    end() {
      if (over) return [];
      over = true;
      return frames.unfinished ? [CUT_SHORT] : reader.finish();
    },
  };
}

/** Texts have no start here, and usage comes after the end: blocks are opened where they first speak. */
class ConverseReader {
  #started = false;
  #finished = false;
  readonly #open = new Map<number, { readonly index: number; readonly kind: OpenedBlock["kind"] }>();
  #next = 0;

  read(message: EventStreamMessage): readonly PivotEvent[] {
    const { headers } = message;
    const type = headers.get(":message-type");
    // An `error` has no body: it is the service's own failure, told in headers.
    if (type === "error") return [{ kind: "error", error: decodeErrorWords(null, headers.get(":error-code") ?? "", headers.get(":error-message") ?? "") }];
    const body = asObject(parseJson(toText(message.body)));
    if (type === "exception") {
      const words = asString(body?.["message"]) ?? asString(body?.["Message"]) ?? "";
      return [{ kind: "error", error: decodeErrorWords(null, headers.get(":exception-type") ?? "", words) }];
    }
    if (type !== "event" || body === null) return [UNREADABLE];
    switch (headers.get(":event-type")) {
      case "messageStart":
        return this.#start();
      case "contentBlockStart":
        return [...this.#start(), ...this.#begin(indexOf(body), asObject(body["start"]) ?? {})];
      case "contentBlockDelta":
        return [...this.#start(), ...this.#delta(indexOf(body), asObject(body["delta"]) ?? {})];
      case "contentBlockStop":
        return this.#stop(indexOf(body));
      case "messageStop":
        this.#finished = true;
        return [{ kind: "finish", finish: decodeFinish(asString(body["stopReason"])) }];
      case "metadata": {
        const usage = readUsage(body);
        const told: readonly PivotEvent[] = usage === null ? [] : [{ kind: "usage", usage }];
        return this.#finished ? [...told, { kind: "end" }] : told;
      }
      default:
        // The API may add kinds of events.
        return [];
    }
  }

  finish(): readonly PivotEvent[] {
    return this.#finished ? [{ kind: "end" }] : [CUT_SHORT];
  }

  #start(): readonly PivotEvent[] {
    if (this.#started) return [];
    this.#started = true;
    return [{ kind: "start", id: null, model: null, created: null, usage: null }];
  }

  #begin(theirs: number, start: JsonObject): readonly PivotEvent[] {
    const toolUse = asObject(start["toolUse"]);
    if (toolUse === null || toolUse["type"] === "server_tool_use") return [this.#enter(theirs, { kind: "server_tool", value: start })];
    return [
      this.#enter(theirs, {
        kind: "tool_call",
        id: asString(toolUse["toolUseId"]) ?? "",
        name: asString(toolUse["name"]) ?? "",
        signature: null,
      }),
    ];
  }

  #delta(theirs: number, delta: JsonObject): readonly PivotEvent[] {
    const text = asString(delta["text"]);
    if (text !== null) return this.#say(theirs, { kind: "text" }, (index) => ({ kind: "text", index, text }));
    const input = asString(asObject(delta["toolUse"])?.["input"]);
    if (input !== null) {
      const open = this.#open.get(theirs);
      return open?.kind === "tool_call" ? [{ kind: "arguments", index: open.index, text: input }] : [];
    }
    const citation = asObject(delta["citation"]);
    if (citation !== null) return this.#say(theirs, { kind: "text" }, (index) => ({ kind: "citation", index, citation: decodeCitation(citation) }));
    const reasoning = asObject(delta["reasoningContent"]);
    return reasoning === null ? [] : this.#reason(theirs, reasoning);
  }

  #reason(theirs: number, reasoning: JsonObject): readonly PivotEvent[] {
    const redacted = asString(reasoning["redactedContent"]);
    if (redacted !== null) {
      // Each piece stands for itself: base64 cannot be joined.
      if (this.#open.has(theirs)) return [...this.#stop(theirs), this.#enter(theirs, { kind: "redacted_reasoning", data: redacted, origin: "bedrock" })];
      return [this.#enter(theirs, { kind: "redacted_reasoning", data: redacted, origin: "bedrock" })];
    }
    const opened: OpenedBlock = { kind: "reasoning", id: null, summary: false, origin: "bedrock" };
    const text = asString(reasoning["text"]);
    if (text !== null) return this.#say(theirs, opened, (index) => ({ kind: "text", index, text }));
    const signature = asString(reasoning["signature"]);
    return signature === null ? [] : this.#say(theirs, opened, (index) => ({ kind: "signature", index, signature }));
  }

  #say(theirs: number, opened: OpenedBlock, make: (index: number) => PivotEvent): readonly PivotEvent[] {
    const open = this.#open.get(theirs);
    if (open !== undefined) return [make(open.index)];
    const first = this.#enter(theirs, opened);
    return [first, make(first.index)];
  }

  #enter(theirs: number, block: OpenedBlock): Extract<PivotEvent, { kind: "open" }> {
    const index = this.#next;
    this.#next += 1;
    this.#open.set(theirs, { index, kind: block.kind });
    return { kind: "open", index, block };
  }

  #stop(theirs: number): readonly PivotEvent[] {
    const open = this.#open.get(theirs);
    if (open === undefined) return [];
    this.#open.delete(theirs);
    return [{ kind: "close", index: open.index }];
  }
}

function indexOf(body: JsonObject): number {
  return typeof body["contentBlockIndex"] === "number" ? body["contentBlockIndex"] : -1;
}
