import { toText } from "../../lib/utf8.ts";
import type { AnswerFacts, Operation } from "../../model/operation.ts";
import { readConverse, readForeign, readGemini, readInvoked } from "./read-native.ts";

/** How answers of an API are read that passes untouched. */
export interface NativeAnswers {
  facts(opening: Uint8Array, closing: Uint8Array): AnswerFacts | null;
  spoken(closing: Uint8Array): number | null;
}

/** Bedrock's and Google's own APIs, told by the operation and the path; null: nothing of the answer tells what it used. */
export function watchNative({ name, dialect }: Operation, path: string): NativeAnswers | null {
  if (dialect !== null) return null;
  switch (name) {
    case "converse":
      return { facts: readConverse, spoken: spokenIn };
    case "invoke_model":
      // Streams of it are said in base64.
      return { facts: readInvoked, spoken: (closing) => spokenIn(closing) || null };
    case "generate_content":
    case "embeddings":
      // `rawPredict` carries other publishers' own APIs.
      return { facts: /[rR]awPredict$/.test(path) ? readForeign : readGemini, spoken: spokenIn };
    default:
      return null;
  }
}

/** Characters of the texts in JSON, wherever it is cut. */
function spokenIn(closing: Uint8Array): number {
  let length = 0;
  for (const [, text = ""] of toText(closing).matchAll(/"text"\s*:\s*"((?:[^"\\]|\\.)*)"/g)) length += text.length;
  return length;
}
