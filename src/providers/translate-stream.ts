import { toBytes } from "../lib/utf8.ts";
import type { StreamCodec } from "../model/codec.ts";
import type { AnswerFacts } from "../model/operation.ts";
import type { PivotEvent } from "./pivot/answer.ts";
import { withCallId } from "./pivot/call-ids.ts";
import type { AnswerContext, CallerCodec, UpstreamCodec } from "./pivot/codec.ts";
import { brokenStream } from "./pivot/sse-decoder.ts";
import { laterFacts } from "./usage.ts";

/** A stream in another API's words, and what it told about itself. */
export interface TranslatedAnswer extends StreamCodec {
  facts(): AnswerFacts | null;
}

const NOTHING: AnswerFacts = { usage: null, responseModel: null, responseId: null, finishReasons: [] };

/** The upstream's stream as the caller's. An error or a stream that ends too soon is an error event of the caller's API, never a clean stop. */
export function translateStream(from: UpstreamCodec, to: CallerCodec, context: AnswerContext): TranslatedAnswer {
  const decoder = from.decodeStream();
  const encoder = to.encodeStream(context);
  let facts: AnswerFacts | null = null;
  let ended = false;
  let failed = false;

  const write = (events: readonly PivotEvent[]): Uint8Array | null => {
    let text = "";
    for (const event of events) {
      facts = foldFacts(facts, event);
      ended ||= event.kind === "end";
      failed ||= event.kind === "error";
      text += encoder.event(withCallId(event, context.requestId)) ?? "";
    }
    return text === "" ? null : toBytes(text);
  };

  return {
    chunk: (bytes) => write(decoder.push(bytes)),
    end() {
      const bytes = write(decoder.end());
      // An error that was told is the end of a stream that says so itself.
      return { bytes, complete: ended || failed };
    },
    fail(message) {
      if (ended || failed) return new Uint8Array(0);
      return write([{ kind: "error", error: brokenStream(message) }]);
    },
    facts: () => facts,
  };
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
