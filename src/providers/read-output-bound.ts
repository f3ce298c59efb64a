import { asObject, parseJson } from "../lib/json-value.ts";
import { toTextStrictly } from "../lib/utf8.ts";
import { asCount, largest } from "./read-body-facts.ts";

/** How much a call of an API that names its model in the path asks for: Bedrock's Converse and InvokeModel, Gemini, Vertex AI. */
export interface OutputBound {
  readonly maxOutputTokens: number | null;
  readonly choices: number;
}

/** Reads the body whole: only for calls that a limit of tokens or cost is for. What cannot be read bounds nothing. */
export function readOutputBound(bytes: Uint8Array): OutputBound {
  const body = asObject(parseJson(toTextStrictly(bytes) ?? "")) ?? {};
  const gemini = asObject(body["generationConfig"] ?? body["generation_config"]) ?? {};
  const converse = asObject(body["inferenceConfig"]) ?? {};
  const titan = asObject(body["textGenerationConfig"]) ?? {};
  return {
    maxOutputTokens: largest(
      [
        gemini["maxOutputTokens"],
        gemini["max_output_tokens"],
        converse["maxTokens"],
        converse["max_new_tokens"],
        titan["maxTokenCount"],
        body["max_tokens"],
        body["max_tokens_to_sample"],
        body["max_gen_len"],
        body["maxTokens"],
      ].map(asCount),
    ),
    choices: asCount(gemini["candidateCount"] ?? gemini["candidate_count"]) ?? 1,
  };
}
