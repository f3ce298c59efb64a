import { createHash } from "node:crypto";
import { piecesOf, textOf } from "./answer-text.ts";
import type { ApiAnswer, ApiCall } from "./api-answer.ts";
import { json } from "./api-answer.ts";
import { asCount, asList, asObject } from "./json-fields.ts";

const DEFAULT_DIMENSIONS = 1536;

/** `POST /v1/embeddings`: a vector of length one made from the text's digest, as numbers or as base64 of little-endian floats. */
export function answerEmbeddings(call: ApiCall): ApiAnswer {
  const body = asObject(call.body);
  const inputs = asList(body["input"]);
  const dimensions = Math.min(asCount(body["dimensions"]) ?? DEFAULT_DIMENSIONS, 4096);
  const tokens = inputs.reduce<number>((sum, input) => sum + piecesOf(textOf(input)).length, 0);
  const data = inputs.map((input, index) => {
    const vector = vectorOf(textOf(input), dimensions);
    // The SDKs ask for base64 unless told otherwise, because it is a quarter of the bytes.
    const embedding = body["encoding_format"] === "base64" ? Buffer.from(vector.buffer).toString("base64") : Array.from(vector);
    return { object: "embedding", index, embedding };
  });
  return json(200, { object: "list", data, model: body["model"], usage: { prompt_tokens: tokens, total_tokens: tokens } });
}

function vectorOf(text: string, dimensions: number): Float32Array<ArrayBuffer> {
  const vector = new Float32Array(dimensions);
  let block = createHash("sha256").update(text).digest();
  for (let index = 0; index < dimensions; index += 1) {
    const at = (index % 16) * 2;
    if (at === 0 && index > 0) block = createHash("sha256").update(block).digest();
    vector[index] = block.readInt16LE(at) / 32_768;
  }
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
}
