import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { UPSTREAMS, type Upstream } from "../../fakes/wire-answers.ts";
import { ACCEPTED } from "./accepted-bodies.ts";
import { arrives, type Caller, encoded, MODELS, refusedField } from "./codecs.ts";

/** Whatever a caller's conversation is like, what arrives is accepted: it has the form of the provider's published types and keeps the rules of its history (#5, #6, #7, #10, #11, #28, #30, #31). */

const anyText = fc.oneof(fc.string({ unit: "grapheme", maxLength: 12 }), fc.constantFrom("", " ", "\n", "Hi"));
const PICTURE = "data:image/png;base64,aGk=";
const toolName = fc.oneof(fc.string({ minLength: 1, maxLength: 80 }), fc.stringMatching(/^[a-z][a-z0-9_]{0,10}$/));
const args = fc.oneof(
  fc.constantFrom("", "{", "[]", "null", "3"),
  fc.dictionary(fc.string({ maxLength: 5 }), fc.jsonValue({ maxDepth: 1 }), { maxKeys: 3 }).map((value) => JSON.stringify(value)),
);

interface Call {
  readonly name: number;
  readonly id: string;
  readonly text: string;
  readonly result: string;
  readonly failed: boolean;
}
type Segment =
  | { readonly role: "user"; readonly texts: readonly string[]; readonly picture: boolean; readonly document: string | null }
  | { readonly role: "system"; readonly text: string }
  | { readonly role: "assistant"; readonly text: string; readonly calls: readonly Call[]; readonly reversed: boolean };

const call: fc.Arbitrary<Call> = fc.record({
  name: fc.nat(2),
  id: fc.oneof(fc.string({ minLength: 1, maxLength: 90 }), fc.stringMatching(/^call_[a-z0-9]{4,8}$/), fc.constant("x".repeat(70))),
  text: args,
  result: anyText,
  failed: fc.boolean(),
});
const segment: fc.Arbitrary<Segment> = fc.oneof(
  fc.record({ role: fc.constant("user" as const), texts: fc.array(anyText, { maxLength: 3 }), picture: fc.boolean(), document: fc.option(anyText) }),
  fc.record({ role: fc.constant("system" as const), text: anyText }),
  fc.record({ role: fc.constant("assistant" as const), text: anyText, calls: fc.array(call, { maxLength: 3 }), reversed: fc.boolean() }),
);
const conversation = fc
  .record({
    segments: fc.array(segment, { minLength: 1, maxLength: 7 }),
    names: fc.uniqueArray(toolName, { minLength: 3, maxLength: 3 }),
    ask: fc.constantFrom("And?", "Go on."),
    choice: fc.constantFrom(null, "none", "auto", "required", "first"),
    effort: fc.constantFrom(null, "low", "high"),
    temperature: fc.option(fc.constantFrom(0, 0.5, 1, 2)),
    stop: fc.array(fc.constantFrom("END", " ", "", "a", "b", "c", "d"), { maxLength: 6 }),
    bound: fc.option(fc.constantFrom(1, 1_500, 8_000)),
    newest: fc.boolean(),
  })
  .map((made) => ({
    ...made,
    // Ids are the caller's own and differ; what they look like is anything.
    segments: made.segments
      .filter(
        (one, at, all) =>
          one.role !== "user" || one.document === null || all.slice(0, at).filter((other) => other.role === "user" && other.document !== null).length < 5,
      )
      .map((one, at) => (one.role === "assistant" ? { ...one, calls: one.calls.map((each, place) => ({ ...each, id: `${each.id}.${at}${place}` })) } : one)),
  }));
type Conversation = typeof conversation extends fc.Arbitrary<infer T> ? T : never;

function chatBody({ segments, names, ask, choice, effort, temperature, stop, bound }: Conversation): object {
  const name = (index: number): string => names[index] ?? "";
  const messages = segments.flatMap((one): readonly object[] => {
    if (one.role === "system") return [{ role: "system", content: one.text }];
    if (one.role === "user") {
      const parts = [
        ...one.texts.map((text) => ({ type: "text", text })),
        ...(one.picture ? [{ type: "image_url", image_url: { url: PICTURE } }] : []),
        ...(one.document === null ? [] : [{ type: "file", file: { filename: one.document, file_data: "data:application/pdf;base64,aGk=" } }]),
      ];
      return [{ role: "user", content: parts }];
    }
    const calls = one.calls.map((each) => ({ id: each.id, type: "function", function: { name: name(each.name), arguments: each.text } }));
    const results = one.calls.map((each) => ({ role: "tool", tool_call_id: each.id, content: each.result }));
    return [{ role: "assistant", content: one.text, ...(calls.length === 0 ? {} : { tool_calls: calls }) }, ...(one.reversed ? results.toReversed() : results)];
  });
  return {
    messages: [...messages, { role: "user", content: ask }],
    tools: names.map((each) => ({
      type: "function",
      function: { name: each, description: each.trim(), parameters: { type: "object", properties: { a: { type: ["string", "null"] } } } },
    })),
    ...(choice === null ? {} : { tool_choice: choice === "first" ? { type: "function", function: { name: name(0) } } : choice }),
    ...(effort === null ? {} : { reasoning_effort: effort }),
    ...(temperature === null ? {} : { temperature }),
    ...(stop.length === 0 ? {} : { stop }),
    ...(bound === null ? {} : { max_tokens: bound }),
  };
}

function messagesBody({ segments, names, ask, choice, temperature, stop }: Conversation): object {
  const name = (index: number): string => names[index] ?? "";
  const messages = segments.flatMap((one): readonly object[] => {
    if (one.role === "system") return [{ role: "system", content: one.text }];
    if (one.role === "user") {
      const blocks = [
        ...one.texts.map((text) => ({ type: "text", text })),
        ...(one.picture ? [{ type: "image", source: { type: "base64", media_type: "image/png", data: "aGk=" } }] : []),
        ...(one.document === null ? [] : [{ type: "document", title: one.document, source: { type: "base64", media_type: "application/pdf", data: "aGk=" } }]),
      ];
      return [{ role: "user", content: blocks }];
    }
    const calls = one.calls.map((each) => ({ type: "tool_use", id: each.id, name: name(each.name), input: { a: each.text } }));
    const results = one.calls.map((each) => ({ type: "tool_result", tool_use_id: each.id, content: each.result, is_error: each.failed }));
    return [
      { role: "assistant", content: [{ type: "text", text: one.text }, ...calls] },
      ...(results.length === 0 ? [] : [{ role: "user", content: one.reversed ? results.toReversed() : results }]),
    ];
  });
  return {
    messages: [...messages, { role: "user", content: ask }],
    tools: names.map((each) => ({ name: each, description: each.trim(), input_schema: { type: "object", properties: { a: { type: "string" } } } })),
    ...(choice === null ? {} : { tool_choice: choice === "first" ? { type: "tool", name: name(0) } : { type: choice === "required" ? "any" : choice } }),
    ...(temperature === null || temperature > 1 ? {} : { temperature }),
    ...(stop.length === 0 ? {} : { stop_sequences: stop }),
  };
}

const OLDER: Readonly<Record<Upstream, string>> = {
  "openai-chat": "gpt-4.1",
  "openai-responses": "gpt-4.1",
  anthropic: "claude-sonnet-4-5",
  bedrock: "anthropic.claude-sonnet-4-5-20250929-v1:0",
  gemini: "gemini-2.5-flash",
};
const PAIRS = UPSTREAMS.flatMap((upstream) =>
  (["openai-chat", "anthropic"] as const).flatMap((caller): readonly (readonly [Caller, Upstream])[] => (caller === upstream ? [] : [[caller, upstream]])),
);

describe.each(PAIRS)("#5 #6 #7 #10 #11 #28 #30 #31 %s at %s", (caller, upstream) => {
  test("what arrives has the form of the provider's types and keeps its rules", () => {
    fc.assert(
      fc.property(conversation, (any) => {
        // The Responses API has no stop sequences: they are refused there.
        const made = upstream === "openai-responses" ? { ...any, stop: [] } : any;
        const asked = caller === "anthropic" ? messagesBody(made) : chatBody(made);
        const target = { model: made.newest ? MODELS[upstream] : OLDER[upstream] };
        // Nothing in these is beyond any of them.
        expect(refusedField(caller, upstream, asked, target)).toBeNull();
        const body: unknown = arrives(caller, upstream, asked, target);
        expect(ACCEPTED[upstream](body)).toEqual([]);
        // The same request is written the same way each time: histories keep their names.
        expect(encoded(caller, upstream, asked, target)).toEqual(encoded(caller, upstream, asked, target));
      }),
      { numRuns: 150 },
    );
  });
});

test.each(UPSTREAMS)("what %s would refuse is told", (upstream) => {
  const asked = upstream === "openai-chat" ? messagesBody : chatBody;
  const [sample] = fc.sample(conversation, { numRuns: 1, seed: 7 });
  if (sample === undefined) throw new Error("there is no sample");
  const caller = upstream === "openai-chat" ? "anthropic" : "openai-chat";
  const body = arrives(caller, upstream, { ...asked({ ...sample, segments: [], stop: [] }), max_tokens: 9_000 });
  expect(ACCEPTED[upstream](body)).toEqual([]);
  expect(ACCEPTED[upstream]({ ...body, unknown: 1 })).not.toEqual([]);
  const turns = upstream === "gemini" ? "contents" : upstream === "openai-responses" ? "input" : "messages";
  expect(ACCEPTED[upstream]({ ...body, [turns]: [] })).not.toEqual([]);
  const orphan = {
    "openai-chat": { role: "tool", tool_call_id: "a", content: "x" },
    "openai-responses": { type: "function_call", call_id: "a", name: "f", arguments: "{}" },
    anthropic: { role: "assistant", content: [{ type: "tool_use", id: "a", name: "f", input: {} }] },
    bedrock: { role: "assistant", content: [{ toolUse: { toolUseId: "a", name: "f", input: {} } }] },
    gemini: { role: "model", parts: [{ functionCall: { id: "a", name: "f", args: {} } }] },
  }[upstream];
  expect(ACCEPTED[upstream]({ ...body, [turns]: [...body[turns], orphan] })).not.toEqual([]);
});
