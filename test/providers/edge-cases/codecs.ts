import type { JsonObject } from "../../../src/lib/json-value.ts";
import type { ApiQuirks } from "../../../src/model/backend.ts";
import { anthropicCodec } from "../../../src/providers/anthropic/codec.ts";
import { bedrockCodec } from "../../../src/providers/bedrock/codec.ts";
import { geminiCodec } from "../../../src/providers/gemini/codec.ts";
import { openaiChatCodec } from "../../../src/providers/openai-chat/codec.ts";
import { openaiResponsesCodec } from "../../../src/providers/openai-responses/codec.ts";
import type { PivotEvent } from "../../../src/providers/pivot/answer.ts";
import type { AnswerContext, CallerCodec, EncodedTo, EncodeTarget, UpstreamCodec } from "../../../src/providers/pivot/codec.ts";
import type { PivotError } from "../../../src/providers/pivot/error.ts";
import { translateAnswer } from "../../../src/providers/translate-answer.ts";
import { translateStream } from "../../../src/providers/translate-stream.ts";
import { bedrockFrame, concat, type Upstream } from "../../fakes/wire-answers.ts";

/** The codecs as the edge cases use them: a caller's body in, an upstream's body out, and an upstream's answer back in the caller's words. */

export type Caller = "openai-chat" | "openai-responses" | "anthropic";

export const UPSTREAM_CODECS: Readonly<Record<Upstream, UpstreamCodec>> = {
  "openai-chat": openaiChatCodec,
  "openai-responses": openaiResponsesCodec,
  anthropic: anthropicCodec,
  bedrock: bedrockCodec,
  gemini: geminiCodec,
};
export const CALLER_CODECS: Readonly<Record<Caller, CallerCodec>> = {
  "openai-chat": openaiChatCodec,
  "openai-responses": openaiResponsesCodec,
  anthropic: anthropicCodec,
};

/** A model of each upstream that can do everything. */
export const MODELS: Readonly<Record<Upstream, string>> = {
  "openai-chat": "gpt-6",
  "openai-responses": "gpt-6",
  anthropic: "claude-opus-4-6",
  bedrock: "anthropic.claude-opus-4-6-v1:0",
  gemini: "gemini-3-pro",
};

const QUIRKS: ApiQuirks = { maxTokens: "max_completion_tokens", streamUsage: true, reasoningEffort: true, jsonSchema: true, responses: true, thoughts: null };

export type Body = JsonObject;

/** A caller's body with one message, unless it has its own. */
export function body(caller: Caller, rest: object = {}): Body {
  if (caller === "openai-responses") return { model: "asked", input: "Hi", ...rest };
  const messages = { messages: [{ role: "user", content: "Hi" }] };
  return caller === "anthropic" ? { model: "asked", max_tokens: 9_000, ...messages, ...rest } : { model: "asked", ...messages, ...rest };
}

export function encoded(caller: Caller, upstream: Upstream, rest: object, target: Partial<EncodeTarget> = {}): EncodedTo {
  const host = upstream === "bedrock" ? "bedrock" : "native";
  return UPSTREAM_CODECS[upstream].encodeRequest(CALLER_CODECS[caller].decodeRequest(body(caller, rest)), {
    model: MODELS[upstream],
    host,
    defaultMaxOutputTokens: 4_096,
    quirks: QUIRKS,
    ...target,
  });
}

/** What arrives upstream. Throws when it is refused. */
// biome-ignore lint/suspicious/noExplicitAny: tests reach into bodies whose form they are there to check
export function arrives(caller: Caller, upstream: Upstream, rest: object, target: Partial<EncodeTarget> = {}): any {
  const made = encoded(caller, upstream, rest, target);
  if (!made.ok) throw new Error(`refused: ${made.field}: ${made.reason}`);
  // As it is sent: what is undefined is gone.
  return JSON.parse(JSON.stringify(made.body));
}

/** Fields that were left out and told. */
export function losses(caller: Caller, upstream: Upstream, rest: object, target: Partial<EncodeTarget> = {}): readonly string[] {
  const made = encoded(caller, upstream, rest, target);
  if (!made.ok) throw new Error(`refused: ${made.field}: ${made.reason}`);
  return made.losses;
}

/** The field that keeps a request from being said there; null: it can be. */
export function refusedField(caller: Caller, upstream: Upstream, rest: object, target: Partial<EncodeTarget> = {}): string | null {
  const made = encoded(caller, upstream, rest, target);
  return made.ok ? null : made.field;
}

export function context(caller: Caller, rest: object = {}, toolNames: ReadonlyMap<string, string> = new Map()): AnswerContext {
  return {
    request: CALLER_CODECS[caller].decodeRequest(body(caller, rest)),
    model: "asked-upstream",
    requestId: "4fd0a9a0-1111-4222-8333-444455556666",
    now: 1_800_000_000,
    toolNames,
  };
}

/** A whole answer of the upstream in the caller's words. */
// biome-ignore lint/suspicious/noExplicitAny: tests reach into answers whose form they are there to check
export function answered(upstream: Upstream, caller: Caller, answer: unknown, asked: AnswerContext = context(caller)): any {
  const codec = translateAnswer(UPSTREAM_CODECS[upstream], CALLER_CODECS[caller], asked);
  codec.chunk(new TextEncoder().encode(JSON.stringify(answer)));
  const { bytes, complete } = codec.end();
  if (!complete || bytes === null) throw new Error("it is no answer of this API");
  return JSON.parse(new TextDecoder().decode(bytes));
}

export interface Streamed {
  readonly text: string;
  readonly complete: boolean;
  /** The `data` of each event, parsed; `[DONE]` left out. */
  // biome-ignore lint/suspicious/noExplicitAny: as above
  readonly events: readonly any[];
}

/** A stream of the upstream in the caller's words, in one piece or in several. */
export function streamed(
  upstream: Upstream,
  caller: Caller,
  pieces: Uint8Array | string | readonly (Uint8Array | string)[],
  asked = context(caller),
): Streamed {
  const codec = translateStream(UPSTREAM_CODECS[upstream], CALLER_CODECS[caller], asked);
  const bytes = (piece: Uint8Array | string): Uint8Array => (typeof piece === "string" ? new TextEncoder().encode(piece) : piece);
  const all = typeof pieces === "string" || pieces instanceof Uint8Array ? [pieces] : pieces;
  const out = all.map((piece) => codec.chunk(bytes(piece))).filter((piece) => piece !== null);
  const { bytes: rest, complete } = codec.end();
  if (rest !== null) out.push(rest);
  // As every platform does with an answer that is not complete.
  const told = complete ? null : codec.fail("The destination ended its answer before it was complete.");
  if (told !== null) out.push(told);
  const text = new TextDecoder().decode(concat(out));
  const data = text.split("\n").flatMap((line) => (line.startsWith("data: ") ? [line.slice(6)] : []));
  return { text, complete, events: data.filter((one) => one !== "[DONE]").map((one) => JSON.parse(one) as unknown) };
}

/** What the upstream's stream means, in no API's words. */
export function meant(upstream: Upstream, pieces: Uint8Array | string | readonly (Uint8Array | string)[]): readonly PivotEvent[] {
  const decoder = UPSTREAM_CODECS[upstream].decodeStream();
  const bytes = (piece: Uint8Array | string): Uint8Array => (typeof piece === "string" ? new TextEncoder().encode(piece) : piece);
  const all = typeof pieces === "string" || pieces instanceof Uint8Array ? [pieces] : pieces;
  return [...all.flatMap((piece) => [...decoder.push(bytes(piece))]), ...decoder.end()];
}

export function errorOf(upstream: Upstream, status: number, said: unknown, headers: readonly string[] = []): PivotError {
  return UPSTREAM_CODECS[upstream].decodeError(status, headers, new TextEncoder().encode(typeof said === "string" ? said : JSON.stringify(said)));
}

/** The same in the caller's words. */
export function errorFor(caller: Caller, error: PivotError) {
  return CALLER_CODECS[caller].encodeError(error, "request-1");
}

/** An SSE event with a name, as Anthropic writes it. */
export function named(type: string, rest: object = {}): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...rest })}\n\n`;
}

/** An SSE event without a name, as OpenAI and Google write it. */
export function data(value: unknown): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}

/** A chunk of a chat completion with one choice. */
export function chunk(delta: object, finish: string | null = null, rest: object = {}): string {
  return data({ id: "c1", object: "chat.completion.chunk", created: 1, model: "served", choices: [{ index: 0, delta, finish_reason: finish }], ...rest });
}

/** A whole chat completion. */
export function completion(message: object, finish = "stop", rest: object = {}): object {
  return {
    id: "c1",
    object: "chat.completion",
    created: 1,
    model: "served",
    choices: [{ index: 0, finish_reason: finish, message: { role: "assistant", content: null, refusal: null, ...message } }],
    ...rest,
  };
}

/** A whole message of Anthropic. */
export function message(content: readonly object[], stop = "end_turn", rest: object = {}): object {
  return {
    id: "msg_1",
    type: "message",
    role: "assistant",
    model: "served",
    content,
    stop_reason: stop,
    stop_sequence: null,
    usage: { input_tokens: 1, output_tokens: 1 },
    ...rest,
  };
}

/** The events of Anthropic's stream around blocks, each with its start and its deltas. */
export function messageEvents(
  blocks: readonly { readonly start: object; readonly deltas?: readonly object[] }[],
  stop = "end_turn",
  rest: object = {},
): string {
  return [
    named("message_start", {
      message: { id: "msg_1", type: "message", role: "assistant", model: "served", content: [], usage: { input_tokens: 1, output_tokens: 1 } },
    }),
    ...blocks.flatMap(({ start, deltas = [] }, index) => [
      named("content_block_start", { index, content_block: start }),
      ...deltas.map((delta) => named("content_block_delta", { index, delta })),
      named("content_block_stop", { index }),
    ]),
    named("message_delta", { delta: { stop_reason: stop, stop_sequence: null, ...rest }, usage: { output_tokens: 5 } }),
    named("message_stop"),
  ].join("");
}

/** A whole answer of Converse. */
export function converse(content: readonly object[], stop = "end_turn"): object {
  return { output: { message: { role: "assistant", content } }, stopReason: stop, usage: { inputTokens: 1, outputTokens: 1, totalTokens: 2 } };
}

export function frames(...all: readonly (readonly [string, object])[]): Uint8Array {
  return concat(all.map(([type, value]) => bedrockFrame(type, value)));
}

/** An answer of Gemini, whole or one event of a stream. */
export function content(parts: readonly object[], finish: string | null = null, rest: object = {}): object {
  return {
    responseId: "r1",
    modelVersion: "served",
    candidates: [{ index: 0, content: { role: "model", parts }, ...(finish === null ? {} : { finishReason: finish }) }],
    ...rest,
  };
}

export const WEATHER = {
  chat: {
    type: "function",
    function: { name: "weather", description: "Says the weather.", parameters: { type: "object", properties: { city: { type: "string" } } } },
  },
  responses: {
    type: "function",
    name: "weather",
    description: "Says the weather.",
    parameters: { type: "object", properties: { city: { type: "string" } } },
    strict: null,
  },
  anthropic: { name: "weather", description: "Says the weather.", input_schema: { type: "object", properties: { city: { type: "string" } } } },
} as const;
