import { toBytes } from "../lib/utf8.ts";
import type { StreamCodec } from "../model/codec.ts";
import type { AnswerFacts } from "../model/operation.ts";
import type { PivotEvent } from "./pivot/answer.ts";
import { withCallId } from "./pivot/call-ids.ts";
import type { AnswerContext, CallerCodec, UpstreamCodec } from "./pivot/codec.ts";
import { brokenStream } from "./pivot/sse-decoder.ts";
import { laterFacts } from "./usage.ts";

/** An answer in another API's words, and what it told about itself. */
export interface TranslatedAnswer extends StreamCodec {
  facts(): AnswerFacts | null;
  /** Characters of what the model has said so far; null: nobody looked. */
  spokenBytes(): number | null;
}

const NOTHING: AnswerFacts = { usage: null, responseModel: null, responseId: null, finishReasons: [] };
const TOLD = new Uint8Array(0);

/** The upstream's stream as the caller's. An error or a stream that ends too soon is an error event of the caller's API, never a clean stop. */
export function translateStream(from: UpstreamCodec, to: CallerCodec, context: AnswerContext): TranslatedAnswer {
  const decoder = from.decodeStream();
  const encoder = to.encodeStream(context);
  let facts: AnswerFacts | null = null;
  let ended = false;
  let failed = false;
  let spoken = 0;

  const write = (events: readonly PivotEvent[]): Uint8Array | null => {
    let text = "";
    for (const event of events) {
      facts = foldFacts(facts, event);
      ended ||= event.kind === "end";
      if (event.kind === "text" || event.kind === "arguments") spoken += event.text.length;
      failed ||= event.kind === "error";
      text += encoder.event(withCallId(event, context.requestId)) ?? "";
    }
    return text === "" ? null : toBytes(text);
  };

  return {
    chunk: (bytes) => write(decoder.push(bytes)),
    end() {
      const events = ended || failed ? [] : decoder.end();
      // That the stream is cut short is said by whoever is told so.
      return { bytes: write(events.filter((event) => event.kind !== "error")), complete: ended };
    },
    fail(message) {
      if (ended || failed) return TOLD;
      return write([{ kind: "error", error: brokenStream(message) }]);
    },
    facts: () => facts,
    spokenBytes: () => spoken,
  };
}

/** Beyond this an opening that says nothing is taken for an answer: the caller waits no longer. */
const PATIENCE_BYTES = 64 * 1024;

/** Whether a stream opens with an error, in which case another candidate can still be tried. `more` until it says anything. */
export function judgeFirstTranslated(from: UpstreamCodec, bytes: Uint8Array): "good" | "error" | "more" {
  let events: readonly PivotEvent[];
  try {
    events = from.decodeStream().push(bytes);
  } catch {
    // JSON too deep to be written anew: no answer, and another candidate may have one.
    return "error";
  }
  const first = events.find((event) => event.kind !== "ping");
  if (first === undefined) return bytes.length >= PATIENCE_BYTES ? "good" : "more";
  return first.kind === "error" ? "error" : "good";
}

function foldFacts(known: AnswerFacts | null, event: PivotEvent): AnswerFacts | null {
  switch (event.kind) {
    case "start":
      return laterFacts(known, { ...NOTHING, usage: event.usage, responseModel: event.model, responseId: event.id });
    case "usage":
      return laterFacts(known, { ...NOTHING, usage: event.usage });
    case "finish":
      return laterFacts(known, { ...NOTHING, finishReasons: [event.finish.raw ?? event.finish.reason] });
    default:
      return known;
  }
}
