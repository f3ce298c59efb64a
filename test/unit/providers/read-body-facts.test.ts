import { describe, expect, it } from "vitest";
import { toBytes } from "../../../src/lib/utf8.ts";
import { Refusal } from "../../../src/model/errors.ts";
import { operationOf } from "../../../src/providers/operation-of.ts";
import { readBodyFacts } from "../../../src/providers/read-body-facts.ts";

const chat = operationOf("POST", "/v1/chat/completions");
const other = operationOf("POST", "/upload");
const refusalOf = (body: string | Uint8Array): Refusal | null => {
  try {
    readBodyFacts(typeof body === "string" ? toBytes(body) : body, chat);
    return null;
  } catch (error) {
    return error instanceof Refusal ? error : null;
  }
};

describe("readBodyFacts", () => {
  it.each([
    ['{"model":"gpt","messages":[]}', { model: "gpt", stream: false, asksForUsage: false }],
    ['{"stream":true,"model":"gpt"}', { model: "gpt", stream: true, asksForUsage: false }],
    ['{"stream":false,"model":"gpt"}', { model: "gpt", stream: false, asksForUsage: false }],
    ['{"stream":"true","model":"gpt"}', { model: "gpt", stream: false, asksForUsage: false }],
    ['{"stream":true,"stream_options":{"include_usage":true}}', { model: null, stream: true, asksForUsage: true }],
    ['{"stream":true,"stream_options":{"include_usage":false}}', { model: null, stream: true, asksForUsage: false }],
    ['{"model":null}', { model: null, stream: false, asksForUsage: false }],
    ['{"model":"\\u0067pt"}', { model: "gpt", stream: false, asksForUsage: false }],
    ['{"mod\\u0065l":"gpt","stream":true}', { model: "gpt", stream: true, asksForUsage: false }],
  ])("reads %s", (body, expected) => {
    expect(readBodyFacts(toBytes(body), chat)).toMatchObject(expected);
  });

  it.each([
    "",
    "hello",
    "[]",
    '{"model":"a","model":"b"}',
    '{"model":1}',
    '{"model":["a"]}',
    '{"model":"a\\u0000b"}',
    '{"model":"a\\nb"}',
    `{"model":"${"a".repeat(2049)}"}`,
    '{"model":"a"',
  ])("refuses %j", (body) => {
    expect(refusalOf(body)?.code).toBe("request_malformed");
  });

  it("refuses bytes that are not UTF-8 where a key would depend on how they are read", () => {
    expect(refusalOf(Uint8Array.of(...toBytes('{"mo'), 0xff, ...toBytes('del":"a"}')))?.code).toBe("request_malformed");
    expect(refusalOf(Uint8Array.of(...toBytes('{"model":"a'), 0xff, ...toBytes('"}')))?.code).toBe("request_malformed");
  });

  it("says which key stands there twice", () => {
    expect(refusalOf('{"model":"a","model":"b"}')?.detail).toContain('"model"');
  });

  it("names no model for the body of an unknown API, whatever it is", () => {
    for (const body of ["a=b", "", '{"model":7}', "\u0000"]) expect(readBodyFacts(toBytes(body), other).model).toBeNull();
    expect(readBodyFacts(toBytes('{"model":"m"}'), other).model).toBe("m");
    expect(() => readBodyFacts(toBytes('{"model":"m","model":"n"}'), other)).toThrow(Refusal);
  });
});
