import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toBytes, toText } from "../../../src/lib/utf8.ts";
import type { ModelRule } from "../../../src/model/backend.ts";
import { Refusal } from "../../../src/model/errors.ts";
import { type EncodeInput, encodeRequest } from "../../../src/providers/encode-request.ts";
import { operationOf } from "../../../src/providers/operation-of.ts";
import { readBodyFacts } from "../../../src/providers/read-body-facts.ts";
import { makeApi } from "../plan/make-target.ts";

const openai = makeApi();
const rule = (name: string, upstream: string | null): ModelRule => ({ name, upstream, price: null });

function encode(path: string, body: string | null, options: Partial<EncodeInput> = {}) {
  const operation = operationOf("POST", path.split("?")[0] ?? "");
  const bytes = body === null ? null : toBytes(body);
  const facts = bytes === null || operation.dialect === null ? null : readBodyFacts(bytes, operation);
  const input = { api: openai, modelOverride: null, operation, path, body: bytes, facts, modelRule: null, locked: false, askForUsage: false, ...options };
  const encoded = encodeRequest(input);
  return { ...encoded, same: encoded.body === bytes, text: encoded.body === null ? null : toText(encoded.body) };
}

const CHAT = "/v1/chat/completions";

describe("encodeRequest", () => {
  it("hands the very same bytes on when nothing changes", () => {
    const body = ' {"seed": 12345678901234567890, "model" : "gpt", "x":1.0, "x":2 }';
    expect(encode(CHAT, body)).toMatchObject({ same: true, model: "gpt", hidesUsage: false, path: CHAT });
    expect(encode(CHAT, body, { modelRule: rule("gpt", "gpt") }).same).toBe(true);
  });

  it("exchanges the model and nothing else", () => {
    const body = ' {"seed": 12345678901234567890, "model" : "gpt",\n"x":1.0 }';
    expect(encode(CHAT, body, { modelRule: rule("gpt", "gpt-5-mini") })).toMatchObject({ text: body.replace('"gpt"', '"gpt-5-mini"'), model: "gpt-5-mini" });
    expect(encode(CHAT, body, { modelOverride: 'a"b' }).text).toBe(body.replace('"gpt"', '"a\\"b"'));
  });

  it("takes the rule's name only where the rule is about the model that is asked for", () => {
    const body = '{"model":"gpt"}';
    expect(encode(CHAT, body, { modelOverride: "fast", modelRule: rule("fast", "gpt-5-mini") }).model).toBe("gpt-5-mini");
    expect(encode(CHAT, body, { modelOverride: "fast", modelRule: rule("gpt", "gpt-5") }).model).toBe("fast");
    expect(encode(CHAT, body, { modelRule: rule("g*", "gpt-5") }).model).toBe("gpt-5");
    expect(encode(CHAT, body, { modelRule: rule("*t", "gpt-5") }).model).toBe("gpt-5");
  });

  it("adds a model where there is none", () => {
    expect(encode(CHAT, '{"messages":[]}', { modelOverride: "m" }).text).toBe('{"model":"m","messages":[]}');
    expect(encode(CHAT, " { } ", { modelOverride: "m" }).text).toBe(' {"model":"m" } ');
  });

  it("asks for usage where the caller did not, and says that it must be hidden", () => {
    const asks = { askForUsage: true };
    expect(encode(CHAT, '{"model":"m","stream":true}', asks)).toMatchObject({
      text: '{"stream_options":{"include_usage":true},"model":"m","stream":true}',
      hidesUsage: true,
    });
    expect(encode(CHAT, '{"model":"m","stream":true,"stream_options":{"x":1,"include_usage":false},"z":0}', asks)).toMatchObject({
      text: '{"model":"m","stream":true,"stream_options":{"x":1,"include_usage":true},"z":0}',
      hidesUsage: true,
    });
    expect(encode(CHAT, '{"stream":true,"stream_options":null}', asks).text).toBe('{"stream":true,"stream_options":{"include_usage":true}}');
    expect(encode("/v1/completions", '{"stream":true}', asks).hidesUsage).toBe(true);
    expect(encode(CHAT, '{"stream":true}', { ...asks, api: null }).hidesUsage).toBe(true);
  });

  it("does not ask where the caller did, where nothing streams, or where usage comes unasked", () => {
    const asks = { askForUsage: true };
    for (const body of ['{"stream":true,"stream_options":{"include_usage":true}}', '{"stream":false}', "{}"]) {
      expect(encode(CHAT, body, asks)).toMatchObject({ same: true, hidesUsage: false });
    }
    expect(encode("/v1/responses", '{"stream":true}', asks)).toMatchObject({ same: true, hidesUsage: false });
    expect(encode("/v1/messages", '{"stream":true}', { ...asks, api: makeApi({ schema: "Anthropic" }) })).toMatchObject({ same: true, hidesUsage: false });
    expect(encode(CHAT, '{"stream":true}').same).toBe(true);
  });

  it("serves the operation under the backend's prefix and keeps the query", () => {
    const api = { ...openai, prefix: "/openai/v1" };
    expect(encode(`/team${CHAT}?api-version=1`, "{}", { api }).path).toBe("/openai/v1/chat/completions?api-version=1");
    expect(encode("/v1/responses", "{}", { api: { ...openai, prefix: "/" } }).path).toBe("/responses");
    expect(encode("/v1/files?x=1", null, { api }).path).toBe("/v1/files?x=1");
  });

  it("under a lock writes the body anew, so that a key twice means one thing", () => {
    expect(encode("/v1/messages", '{"model":"m", "inference_geo":"us","inference_geo":"global","x":{"a":1,"a":2}}', { locked: true }).text).toBe(
      '{"model":"m","inference_geo":"global","x":{"a":2}}',
    );
    expect(encode(CHAT, '{"__proto__":{"a":1},"model":"m"}', { locked: true }).text).toBe('{"__proto__":{"a":1},"model":"m"}');
  });

  it("under a lock refuses what it cannot read, compressed bodies included", () => {
    const body = Uint8Array.of(0x1f, 0x8b, 8, 0);
    expect(() => encode(CHAT, null, { body, locked: true })).toThrow(Refusal);
    expect(() => encode(CHAT, null, { body, modelOverride: "m" })).toThrow(Refusal);
    expect(encode(CHAT, null, { body, askForUsage: true })).toMatchObject({ body, model: null, hidesUsage: false });
  });

  it("writes the body anew where keys are written with escapes", () => {
    expect(encode(CHAT, '{"mod\\u0065l":"a","x":1}').text).toBe('{"model":"a","x":1}');
    expect(encode(CHAT, '{"mod\\u0065l":"a","model":"b"}', { modelOverride: "c" }).text).toBe('{"model":"c"}');
  });

  it("leaves plain HTTP alone, under a lock too", () => {
    expect(encode("/upload", "a=b", { locked: true, api: null })).toMatchObject({ same: true, model: null });
  });

  it("law: what leaves means the same but for the model and the usage option", () => {
    const member = fc.tuple(
      fc.oneof(
        fc.string({ maxLength: 8 }).filter((key) => !["model", "stream", "stream_options"].includes(key)),
        fc.constantFrom("messages", "tools"),
      ),
      fc.jsonValue({ maxDepth: 3 }),
    );
    const known = fc.record(
      {
        model: fc.string({ maxLength: 8, unit: "grapheme-ascii" }),
        stream: fc.boolean(),
        stream_options: fc.constantFrom(null, {}, { include_usage: false, y: 1 }),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(
        fc.array(member, { maxLength: 5 }),
        known,
        fc.nat(6),
        fc.boolean(),
        fc.boolean(),
        fc.constantFrom(0, 2),
        (members, fields, at, locked, ask, indent) => {
          const entries: [string, unknown][] = [...members.slice(0, at), ...Object.entries(fields), ...members.slice(at)];
          const before: Record<string, unknown> = Object.fromEntries(entries);
          const out = encode(CHAT, JSON.stringify(before, null, indent), { modelOverride: "other", locked, askForUsage: ask });
          const options = ask && before["stream"] === true ? { stream_options: { ...(before["stream_options"] ?? {}), include_usage: true } } : {};
          // Texts are compared as objects are written, so that `__proto__` counts too.
          expect(JSON.parse(out.text ?? "")).toEqual(JSON.parse(JSON.stringify({ ...before, model: "other", ...options })));
          expect(out.hidesUsage).toBe(ask && before["stream"] === true);
        },
      ),
      { numRuns: 500 },
    );
  });
});
