import { describe, expect, it } from "vitest";
import { operationOf } from "../../../src/providers/operation-of.ts";
import { readBodyFacts } from "../../../src/providers/read-body-facts.ts";
import { readOutputBound } from "../../../src/providers/read-output-bound.ts";

const bytes = (value: unknown) => new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value));

describe("how much output a call of an API with its model in the path asks for", () => {
  it.each([
    [{ generationConfig: { maxOutputTokens: 7, candidateCount: 3 } }, 7, 3],
    [{ inferenceConfig: { maxTokens: 8 } }, 8, 1],
    [{ anthropic_version: "bedrock-2023-05-31", max_tokens: 9 }, 9, 1],
    [{ max_gen_len: 10 }, 10, 1],
    [{ textGenerationConfig: { maxTokenCount: 11 } }, 11, 1],
    [{ max_tokens: 5, inferenceConfig: { maxTokens: 6 } }, 6, 1],
    [{ contents: [] }, null, 1],
    [{ inferenceConfig: { maxTokens: -1 } }, null, 1],
    ["no JSON", null, 1],
  ])("%j", (body, maxOutputTokens, choices) => {
    expect(readOutputBound(bytes(body))).toEqual({ maxOutputTokens, choices });
  });
});

describe("how much output a chat asks for", () => {
  const facts = (body: unknown, path = "/v1/chat/completions") => readBodyFacts(bytes(body), operationOf("POST", path));

  it.each([
    [{ max_tokens: 12 }, 12, 1],
    [{ max_completion_tokens: 13, max_tokens: 5, n: 2 }, 13, 2],
    [{ max_output_tokens: 1_000_000_000 }, 1_000_000_000, 1],
    [{ max_tokens: null, n: null }, null, 1],
    [{ max_tokens: "12", n: 0 }, null, 1],
    ['{"max_tokens": 1e3}', 1_000, 1],
    ['{"max_tokens": 1.5}', null, 1],
    ['{"\\u006dax_tokens": 14}', 14, 1],
  ])("%j", (body, maxOutputTokens, choices) => {
    expect(facts(body)).toMatchObject({ maxOutputTokens, choices });
  });

  it("a bound that stands there twice is refused: the limit would go by one and the provider by the other", () => {
    expect(() => facts('{"max_tokens":1,"max_tokens":100000}')).toThrow(/max_tokens/);
    // Only where it is a bound: any other JSON may say what it likes.
    expect(facts('{"n":1,"n":2}', "/anything")).toMatchObject({ choices: 1 });
  });
});
