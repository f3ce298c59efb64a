import { parseJson } from "../lib/json-value.ts";
import { joinBytes, toBytes, toText } from "../lib/utf8.ts";
import type { HeaderList } from "../model/http.ts";
import type { AnswerFacts } from "../model/operation.ts";
import type { PivotAnswer } from "./pivot/answer.ts";
import { withCallIds } from "./pivot/call-ids.ts";
import type { AnswerContext, CallerCodec, UpstreamCodec } from "./pivot/codec.ts";
import { brokenStream } from "./pivot/sse-decoder.ts";
import type { TranslatedAnswer } from "./translate-stream.ts";

/** An answer is held whole; one that is larger than this is none of a model's. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/** A whole answer as the caller's API writes it. What is no answer of the upstream's API is no answer at all: nothing leaves, and the call counts as broken. */
export function translateAnswer(from: UpstreamCodec, to: CallerCodec, context: AnswerContext): TranslatedAnswer {
  const held: Uint8Array[] = [];
  let size = 0;
  let facts: AnswerFacts | null = null;
  return {
    chunk(bytes) {
      size += bytes.byteLength;
      if (size <= MAX_ANSWER_BYTES) held.push(bytes);
      else held.length = 0;
      return null;
    },
    end() {
      const answer = size > MAX_ANSWER_BYTES ? null : from.decodeResponse(parseJson(toText(joinBytes(held))));
      if (answer === null) return { bytes: null, complete: false };
      facts = factsOf(answer);
      return { bytes: toBytes(JSON.stringify(to.encodeResponse(withCallIds(answer, context.requestId), context))), complete: true };
    },
    fail: () => null,
    facts: () => facts,
    spokenBytes: () => size,
  };
}

/** An error answer in the caller's words. `status` and `headers` are the caller's too. */
export function translateError(
  from: UpstreamCodec,
  to: CallerCodec,
  { status, headers, body, requestId }: { readonly status: number; readonly headers: HeaderList; readonly body: Uint8Array; readonly requestId: string },
): { readonly status: number; readonly headers: HeaderList; readonly body: Uint8Array } {
  const error = from.decodeError(status, headers, body);
  const encoded = to.encodeError(status >= 300 && status < 400 ? brokenStream("The destination answered with a redirect.") : error, requestId);
  return { ...encoded, body: toBytes(JSON.stringify(encoded.body)) };
}

function factsOf(answer: PivotAnswer): AnswerFacts {
  return { usage: answer.usage, responseModel: answer.model, responseId: answer.id, finishReasons: [answer.finish.raw ?? answer.finish.reason] };
}
