import { EventStreamCodec } from "@smithy/eventstream-codec";

/** What a model says, in no API's own words: the tests write it in each provider's wire format by hand, and read it back by the caller's official SDK. */
export interface Told {
  readonly thought: { readonly text: string; readonly signature: string } | null;
  readonly text: string;
  readonly calls: readonly { readonly id: string; readonly name: string; readonly input: Readonly<Record<string, unknown>> }[];
  /** Input with what was cached, output with thoughts, as OpenAI counts. */
  readonly usage: { readonly input: number; readonly cached: number; readonly output: number };
  readonly ends: "stop" | "length" | "tool_calls";
}

export type Upstream = "openai-chat" | "openai-responses" | "anthropic" | "bedrock" | "gemini";
export const UPSTREAMS: readonly Upstream[] = ["openai-chat", "openai-responses", "anthropic", "bedrock", "gemini"];

const encoder = new TextEncoder();

/** Pieces of a text, cut at its characters. */
function pieces(text: string): readonly string[] {
  return text.match(/[\s\S]{1,5}/gu) ?? [];
}

export function wholeAnswer(upstream: Upstream, told: Told): unknown {
  const { thought, text, calls, usage } = told;
  switch (upstream) {
    case "openai-chat":
      return {
        id: "chatcmpl-1",
        object: "chat.completion",
        created: 1_700_000_000,
        model: "served",
        choices: [
          {
            index: 0,
            finish_reason: told.ends,
            message: {
              role: "assistant",
              content: text === "" ? null : text,
              refusal: null,
              ...(thought === null ? {} : { reasoning_content: thought.text }),
              ...(calls.length === 0
                ? {}
                : {
                    tool_calls: calls.map((call) => ({ id: call.id, type: "function", function: { name: call.name, arguments: JSON.stringify(call.input) } })),
                  }),
            },
          },
        ],
        usage: openaiUsage(usage),
      };
    case "openai-responses":
      return responseObject(told, "whole");
    case "anthropic":
      return {
        id: "msg_1",
        type: "message",
        role: "assistant",
        model: "served",
        content: [
          ...(thought === null ? [] : [{ type: "thinking", thinking: thought.text, signature: thought.signature }]),
          ...(text === "" ? [] : [{ type: "text", text }]),
          ...calls.map((call) => ({ type: "tool_use", ...call })),
        ],
        stop_reason: anthropicEnd(told.ends),
        stop_sequence: null,
        usage: anthropicUsage(usage),
      };
    case "bedrock":
      return {
        output: {
          message: {
            role: "assistant",
            content: [
              ...(thought === null ? [] : [{ reasoningContent: { reasoningText: thought } }]),
              ...(text === "" ? [] : [{ text }]),
              ...calls.map(({ id, name, input }) => ({ toolUse: { toolUseId: id, name, input } })),
            ],
          },
        },
        stopReason: anthropicEnd(told.ends),
        usage: bedrockUsage(usage),
        metrics: { latencyMs: 1 },
      };
    case "gemini":
      return {
        responseId: "resp-1",
        modelVersion: "served",
        candidates: [{ index: 0, finishReason: told.ends === "length" ? "MAX_TOKENS" : "STOP", content: { role: "model", parts: geminiParts(told) } }],
        usageMetadata: geminiUsage(usage),
      };
  }
}

export function streamedAnswer(upstream: Upstream, told: Told): Uint8Array {
  switch (upstream) {
    case "openai-chat":
      return encoder.encode(openaiStream(told));
    case "openai-responses":
      return encoder.encode(responsesStream(told));
    case "anthropic":
      return encoder.encode(anthropicStream(told));
    case "bedrock":
      return bedrockStream(told);
    case "gemini":
      return encoder.encode(geminiStream(told));
  }
}

function openaiStream({ thought, text, calls, usage, ends }: Told): string {
  const chunk = (choices: unknown, rest = {}): string =>
    `data: ${JSON.stringify({ id: "chatcmpl-1", object: "chat.completion.chunk", created: 1_700_000_000, model: "served", choices, ...rest })}\n\n`;
  const delta = (value: unknown): string => chunk([{ index: 0, delta: value, finish_reason: null }]);
  const opened = calls.map((call, index) => delta({ tool_calls: [{ index, id: call.id, type: "function", function: { name: call.name, arguments: "" } }] }));
  // Calls are told in turns, as the API may do.
  const parts = calls.map((call) => pieces(JSON.stringify(call.input)));
  const longest = Math.max(0, ...parts.map((one) => one.length));
  const woven = Array.from({ length: longest }, (_, at) =>
    parts.flatMap((one, index) => (one[at] === undefined ? [] : [delta({ tool_calls: [{ index, function: { arguments: one[at] } }] })])),
  ).flat();
  return [
    delta({ role: "assistant", content: "" }),
    ": a comment\n\n",
    ...(thought === null ? [] : pieces(thought.text).map((piece) => delta({ reasoning_content: piece }))),
    ...pieces(text).map((piece) => delta({ content: piece })),
    ...opened,
    ...woven,
    chunk([{ index: 0, delta: {}, finish_reason: ends }]),
    chunk([], { usage: openaiUsage(usage) }),
    "data: [DONE]\n\n",
  ].join("");
}

/** `begun`: as the first event of a stream has it. */
function responseObject(told: Told, state: "begun" | "whole"): object {
  const { usage, ends } = told;
  const whole = state === "whole";
  return {
    id: "resp_1",
    object: "response",
    created_at: 1_700_000_000,
    model: "served",
    status: whole ? (ends === "length" ? "incomplete" : "completed") : "in_progress",
    error: null,
    incomplete_details: whole && ends === "length" ? { reason: "max_output_tokens" } : null,
    output: whole ? responseItems(told).map(({ item }) => item) : [],
    ...(whole
      ? {
          usage: {
            input_tokens: usage.input,
            input_tokens_details: { cached_tokens: usage.cached },
            output_tokens: usage.output,
            output_tokens_details: { reasoning_tokens: 1 },
            total_tokens: usage.input + usage.output,
          },
        }
      : {}),
  };
}

interface ResponseItem {
  readonly item: object;
  readonly begun: object;
  /** Events between the item's beginning and its end, each with what it says beside its place. */
  readonly events: readonly (readonly [string, object])[];
}

function responseItems({ thought, text, calls }: Told): readonly ResponseItem[] {
  const items: ResponseItem[] = [];
  if (thought !== null) {
    const done = { id: "rs_1", type: "reasoning", summary: [{ type: "summary_text", text: thought.text }], encrypted_content: thought.signature };
    const at = { item_id: "rs_1", summary_index: 0 };
    items.push({
      item: done,
      begun: { ...done, summary: [], encrypted_content: null },
      events: [
        ["response.reasoning_summary_part.added", { ...at, part: { type: "summary_text", text: "" } }],
        ...pieces(thought.text).map((piece) => ["response.reasoning_summary_text.delta", { ...at, delta: piece }] as const),
        ["response.reasoning_summary_text.done", { ...at, text: thought.text }],
      ],
    });
  }
  if (text !== "") {
    const part = { type: "output_text", text, annotations: [], logprobs: [] };
    const done = { id: "msg_1", type: "message", role: "assistant", status: "completed", content: [part] };
    const at = { item_id: "msg_1", content_index: 0 };
    items.push({
      item: done,
      begun: { ...done, status: "in_progress", content: [] },
      events: [
        ["response.content_part.added", { ...at, part: { ...part, text: "" } }],
        ...pieces(text).map((piece) => ["response.output_text.delta", { ...at, delta: piece, logprobs: [] }] as const),
        ["response.output_text.done", { ...at, text, logprobs: [] }],
        ["response.content_part.done", { ...at, part }],
      ],
    });
  }
  for (const [index, call] of calls.entries()) {
    const json = JSON.stringify(call.input);
    const done = { id: `fc_${index}`, type: "function_call", call_id: call.id, name: call.name, arguments: json, status: "completed" };
    const at = { item_id: `fc_${index}` };
    items.push({
      item: done,
      begun: { ...done, arguments: "", status: "in_progress" },
      events: [
        ...pieces(json).map((piece) => ["response.function_call_arguments.delta", { ...at, delta: piece }] as const),
        ["response.function_call_arguments.done", { ...at, name: call.name, arguments: json }],
      ],
    });
  }
  return items;
}

function responsesStream(told: Told): string {
  let sequence = 0;
  const say = (type: string, rest: object): string => `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: sequence++, ...rest })}\n\n`;
  return [
    say("response.created", { response: responseObject(told, "begun") }),
    say("response.in_progress", { response: responseObject(told, "begun") }),
    ...responseItems(told).flatMap(({ item, begun, events }, index) => [
      say("response.output_item.added", { output_index: index, item: begun }),
      ...events.map(([type, rest]) => say(type, { output_index: index, ...rest })),
      say("response.output_item.done", { output_index: index, item }),
    ]),
    say(told.ends === "length" ? "response.incomplete" : "response.completed", { response: responseObject(told, "whole") }),
  ].join("");
}

function anthropicStream({ thought, text, calls, usage, ends }: Told): string {
  const say = (type: string, rest: object): string => `event: ${type}\r\ndata: ${JSON.stringify({ type, ...rest })}\r\n\r\n`;
  const blocks: { start: object; deltas: object[] }[] = [];
  if (thought !== null) {
    const deltas = pieces(thought.text).map((piece): object => ({ type: "thinking_delta", thinking: piece }));
    blocks.push({ start: { type: "thinking", thinking: "", signature: "" }, deltas: [...deltas, { type: "signature_delta", signature: thought.signature }] });
  }
  if (text !== "") blocks.push({ start: { type: "text", text: "" }, deltas: pieces(text).map((piece) => ({ type: "text_delta", text: piece })) });
  for (const { id, name, input } of calls) {
    // A call without arguments has no deltas at all.
    const json = Object.keys(input).length === 0 ? "" : JSON.stringify(input);
    blocks.push({ start: { type: "tool_use", id, name, input: {} }, deltas: pieces(json).map((piece) => ({ type: "input_json_delta", partial_json: piece })) });
  }
  const { output_tokens: _, ...input } = anthropicUsage(usage);
  return [
    say("message_start", {
      message: {
        id: "msg_1",
        type: "message",
        role: "assistant",
        model: "served",
        content: [],
        stop_reason: null,
        stop_sequence: null,
        usage: { ...input, output_tokens: 1 },
      },
    }),
    say("ping", {}),
    ...blocks.flatMap(({ start, deltas }, index) => [
      say("content_block_start", { index, content_block: start }),
      ...deltas.map((delta) => say("content_block_delta", { index, delta })),
      say("content_block_stop", { index }),
    ]),
    say("message_delta", { delta: { stop_reason: anthropicEnd(ends), stop_sequence: null }, usage: { output_tokens: usage.output } }),
    say("message_stop", {}),
  ].join("");
}

const frames = new EventStreamCodec(
  (bytes) => new TextDecoder().decode(bytes),
  (text) => encoder.encode(text),
);

/** One frame of an event stream, with its checksums. */
export function bedrockFrame(name: string, body: object, type: "event" | "exception" = "event"): Uint8Array {
  return frames.encode({
    headers: {
      ":message-type": { type: "string", value: type },
      [type === "event" ? ":event-type" : ":exception-type"]: { type: "string", value: name },
      ":content-type": { type: "string", value: "application/json" },
    },
    // Padding of a random length, so that nobody can tell the text by the size of the frame.
    body: encoder.encode(JSON.stringify({ ...body, p: "abcdefgh" })),
  });
}

function bedrockStream({ thought, text, calls, usage, ends }: Told): Uint8Array {
  const all: Uint8Array[] = [bedrockFrame("messageStart", { role: "assistant" })];
  let index = 0;
  const delta = (value: object): number => all.push(bedrockFrame("contentBlockDelta", { contentBlockIndex: index, delta: value }));
  const stop = (): void => {
    all.push(bedrockFrame("contentBlockStop", { contentBlockIndex: index }));
    index += 1;
  };
  if (thought !== null) {
    for (const piece of pieces(thought.text)) delta({ reasoningContent: { text: piece } });
    delta({ reasoningContent: { signature: thought.signature } });
    stop();
  }
  if (text !== "") {
    for (const piece of pieces(text)) delta({ text: piece });
    stop();
  }
  for (const { id, name, input } of calls) {
    all.push(bedrockFrame("contentBlockStart", { contentBlockIndex: index, start: { toolUse: { toolUseId: id, name } } }));
    for (const piece of pieces(JSON.stringify(input))) delta({ toolUse: { input: piece } });
    stop();
  }
  all.push(
    bedrockFrame("messageStop", { stopReason: anthropicEnd(ends) }),
    bedrockFrame("metadata", { usage: bedrockUsage(usage), metrics: { latencyMs: 1 } }),
  );
  return concat(all);
}

function geminiStream(told: Told): string {
  const { usage, ends } = told;
  const say = (parts: unknown, rest = {}): string =>
    `data: ${JSON.stringify({ responseId: "resp-1", modelVersion: "served", candidates: [{ index: 0, content: { role: "model", parts }, ...rest }], usageMetadata: geminiUsage(usage) })}\r\n\r\n`;
  const thoughts = told.thought === null ? [] : pieces(told.thought.text).map((text) => say([{ text, thought: true }]));
  const signature = told.thought === null ? [] : [say([{ text: "", thoughtSignature: told.thought.signature }])];
  const texts = pieces(told.text).map((text) => say([{ text }]));
  const calls = told.calls.map(({ id, name, input }) => say([{ functionCall: { id, name, args: input } }]));
  return [...thoughts, ...texts, ...calls, ...signature, say([], { finishReason: ends === "length" ? "MAX_TOKENS" : "STOP" })].join("");
}

function geminiParts({ thought, text, calls }: Told): readonly object[] {
  return [
    ...(thought === null ? [] : [{ text: thought.text, thought: true }]),
    ...(text === "" ? [] : [{ text }]),
    ...calls.map(({ id, name, input }) => ({ functionCall: { id, name, args: input } })),
    ...(thought === null ? [] : [{ text: "", thoughtSignature: thought.signature }]),
  ];
}

function openaiUsage({ input, cached, output }: Told["usage"]) {
  return { prompt_tokens: input, completion_tokens: output, total_tokens: input + output, prompt_tokens_details: { cached_tokens: cached } };
}

function anthropicUsage({ input, cached, output }: Told["usage"]) {
  return { input_tokens: input - cached, cache_read_input_tokens: cached, cache_creation_input_tokens: 0, output_tokens: output };
}

function bedrockUsage({ input, cached, output }: Told["usage"]) {
  return { inputTokens: input - cached, outputTokens: output, totalTokens: input + output, cacheReadInputTokens: cached, cacheWriteInputTokens: 0 };
}

/** Thoughts are counted beside the text. */
function geminiUsage({ input, cached, output }: Told["usage"]) {
  return { promptTokenCount: input, candidatesTokenCount: output - 1, thoughtsTokenCount: 1, cachedContentTokenCount: cached, totalTokenCount: input + output };
}

function anthropicEnd(ends: Told["ends"]): string {
  return ends === "stop" ? "end_turn" : ends === "length" ? "max_tokens" : "tool_use";
}

export function concat(all: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(all.reduce((sum, one) => sum + one.length, 0));
  let at = 0;
  for (const one of all) {
    whole.set(one, at);
    at += one.length;
  }
  return whole;
}
