import { FinishReason } from "@google/genai";
import { describe, expect, test } from "vitest";
import { decodeFinish as geminiFinish } from "../../../src/providers/gemini/finish-reason.ts";
import { answered, chunk, completion, content, context, converse, data, frames, message, messageEvents, named, streamed } from "./codecs.ts";

/** What an answer says: why it ended, what it cost, whose it is. */

const call = { type: "tool_use", id: "t", name: "f", input: {} };

describe("#16 why an answer ended", () => {
  test.each([
    ["end_turn", "stop"],
    ["max_tokens", "length"],
    ["stop_sequence", "stop"],
    ["tool_use", "tool_calls"],
    ["pause_turn", "stop"],
    ["refusal", "content_filter"],
    ["model_context_window_exceeded", "length"],
  ])("#16 Anthropic's %s is OpenAI's %s, whole and streamed", (stop, word) => {
    const blocks = stop === "tool_use" ? [call] : [{ type: "text", text: "Hi" }];
    expect(answered("anthropic", "openai-chat", message(blocks, stop)).choices[0].finish_reason).toBe(word);
    const { events } = streamed(
      "anthropic",
      "openai-chat",
      messageEvents(
        blocks.map((start) => ({ start })),
        stop,
      ),
    );
    expect(events.flatMap((event) => event.choices[0]?.finish_reason ?? [])).toEqual([word]);
  });

  test("#16 pause_turn and a full window have no equal at OpenAI: the provider's word stands beside", () => {
    for (const stop of ["pause_turn", "model_context_window_exceeded"]) {
      expect(answered("anthropic", "openai-chat", message([{ type: "text", text: "Hi" }], stop)).choices[0].native_finish_reason).toBe(stop);
    }
    expect(answered("anthropic", "openai-chat", message([{ type: "text", text: "Hi" }])).choices[0]).not.toHaveProperty("native_finish_reason");
  });

  test.each([
    ["end_turn", "end_turn", "stop"],
    ["tool_use", "tool_use", "tool_calls"],
    ["max_tokens", "max_tokens", "length"],
    ["stop_sequence", "stop_sequence", "stop"],
    ["guardrail_intervened", "refusal", "content_filter"],
    ["content_filtered", "refusal", "content_filter"],
    ["malformed_tool_use", "end_turn", "stop"],
    ["malformed_model_output", "end_turn", "stop"],
    ["model_context_window_exceeded", "model_context_window_exceeded", "length"],
  ])("#16 Converse's %s is Anthropic's %s and OpenAI's %s", (stop, anthropic, chat) => {
    expect(answered("bedrock", "anthropic", converse([{ text: "Hi" }], stop)).stop_reason).toBe(anthropic);
    expect(answered("bedrock", "openai-chat", converse([{ text: "Hi" }], stop)).choices[0].finish_reason).toBe(chat);
  });

  test("#16 every reason of Google's SDK is known, and only STOP is a clean stop", () => {
    const clean = Object.values(FinishReason).filter((word) => geminiFinish(word, null, false).reason === "stop");
    expect([...clean].sort()).toEqual(["CONTINUATION", "FINISH_REASON_UNSPECIFIED", "STOP"]);
  });

  test("#16 Gemini says STOP also where it called: tool_calls when a call was in any chunk, also before the last", () => {
    const chunks = [content([{ functionCall: { name: "f", args: {} } }]), content([{ text: "Wait." }]), content([], "STOP")];
    for (const [caller, word] of [
      ["openai-chat", "tool_calls"],
      ["anthropic", "tool_use"],
    ] as const) {
      const { text } = streamed("gemini", caller, chunks.map(data));
      expect(text).toContain(`"${caller === "anthropic" ? "stop_reason" : "finish_reason"}":"${word}"`);
    }
    expect(answered("gemini", "openai-chat", content([{ functionCall: { name: "f" } }, { text: "Wait." }], "STOP")).choices[0].finish_reason).toBe(
      "tool_calls",
    );
    expect(answered("gemini", "openai-chat", content([{ functionCall: { name: "f" } }], "MAX_TOKENS")).choices[0].finish_reason).toBe("length");
  });

  test("#16 the Responses API has a status and a reason", () => {
    expect(answered("anthropic", "openai-responses", message([{ type: "text", text: "Hi" }], "max_tokens"))).toMatchObject({
      status: "incomplete",
      incomplete_details: { reason: "max_output_tokens" },
    });
    const { events } = streamed("anthropic", "openai-responses", messageEvents([{ start: { type: "text", text: "Hi" } }], "max_tokens"));
    expect(events.at(-1)).toMatchObject({ type: "response.incomplete", response: { incomplete_details: { reason: "max_output_tokens" } } });
  });
});

describe("#17 refusals", () => {
  test("#17 OpenAI's refusal is a text and a stop_reason of refusal to Anthropic's callers, whole and streamed", () => {
    const whole = answered("openai-chat", "anthropic", completion({ refusal: "I cannot." }));
    expect(whole).toMatchObject({ stop_reason: "refusal", content: [{ type: "text", text: "I cannot." }] });
    const { events } = streamed("openai-chat", "anthropic", [chunk({ refusal: "I " }), chunk({ refusal: "cannot." }), chunk({}, "stop"), "data: [DONE]\n\n"]);
    expect(events.flatMap((event) => event.delta?.text ?? []).join("")).toBe("I cannot.");
    expect(events.flatMap((event) => event.delta?.stop_reason ?? [])).toEqual(["refusal"]);
  });

  test("#17 Anthropic's refusal without any content keeps its explanation", () => {
    const stop_details = { type: "refusal", category: "bio", explanation: "Not this." };
    const whole = answered("anthropic", "openai-chat", message([], "refusal", { stop_details })).choices[0];
    expect(whole).toMatchObject({ finish_reason: "content_filter", message: { content: null, refusal: "Not this." } });
    const { events } = streamed("anthropic", "openai-chat", messageEvents([], "refusal", { stop_details }));
    expect(events.flatMap((event) => event.choices[0]?.delta.refusal ?? [])).toEqual(["Not this."]);
    expect(answered("anthropic", "openai-responses", message([], "refusal", { stop_details })).output[0].content).toEqual([
      { type: "refusal", refusal: "Not this." },
    ]);
  });

  test("#17 Gemini blocks a prompt with no candidates at all: a refusal, not an unreadable answer", () => {
    const blocked = { responseId: "r", modelVersion: "m", promptFeedback: { blockReason: "PROHIBITED_CONTENT" }, usageMetadata: { promptTokenCount: 4 } };
    const whole = answered("gemini", "openai-chat", blocked).choices[0];
    expect(whole.finish_reason).toBe("content_filter");
    expect(whole.message.refusal).toContain("PROHIBITED_CONTENT");
    const { complete, events } = streamed("gemini", "anthropic", data(blocked));
    expect(complete).toBe(true);
    expect(events.flatMap((event) => event.delta?.stop_reason ?? [])).toEqual(["refusal"]);
  });
});

describe("#18 usage: cached input is inside OpenAI's count and outside Anthropic's", () => {
  const usage = { input_tokens: 9, cache_read_input_tokens: 4, cache_creation_input_tokens: 2, output_tokens: 5 };

  test("#18 Anthropic's parts are summed for OpenAI's callers", () => {
    expect(answered("anthropic", "openai-chat", message([], "end_turn", { usage })).usage).toEqual({
      prompt_tokens: 15,
      completion_tokens: 5,
      total_tokens: 20,
      prompt_tokens_details: { cached_tokens: 4, cache_write_tokens: 2 },
    });
  });

  test("#18 OpenAI's and Gemini's sum is taken apart for Anthropic's callers", () => {
    const openai = completion({ content: "Hi" }, "stop", {
      usage: { prompt_tokens: 15, completion_tokens: 5, total_tokens: 20, prompt_tokens_details: { cached_tokens: 4 } },
    });
    expect(answered("openai-chat", "anthropic", openai).usage).toMatchObject({ input_tokens: 11, cache_read_input_tokens: 4, output_tokens: 5 });
    const gemini = content([{ text: "Hi" }], "STOP", { usageMetadata: { promptTokenCount: 15, cachedContentTokenCount: 4, candidatesTokenCount: 5 } });
    expect(answered("gemini", "anthropic", gemini).usage).toMatchObject({ input_tokens: 11, cache_read_input_tokens: 4, output_tokens: 5 });
  });

  test("#18 Converse counts as Anthropic does", () => {
    const answer = {
      ...converse([{ text: "Hi" }]),
      usage: { inputTokens: 9, outputTokens: 5, totalTokens: 20, cacheReadInputTokens: 4, cacheWriteInputTokens: 2 },
    };
    expect(answered("bedrock", "openai-chat", answer).usage.prompt_tokens).toBe(15);
    expect(answered("bedrock", "anthropic", answer).usage).toMatchObject({ input_tokens: 9, cache_read_input_tokens: 4, cache_creation_input_tokens: 2 });
  });
});

test("#19 usage: Gemini counts thoughts and what its tools read beside, the others inside", () => {
  const usageMetadata = { promptTokenCount: 10, toolUsePromptTokenCount: 3, candidatesTokenCount: 5, thoughtsTokenCount: 7, totalTokenCount: 25 };
  expect(answered("gemini", "openai-chat", content([{ text: "Hi" }], "STOP", { usageMetadata })).usage).toMatchObject({
    prompt_tokens: 13,
    completion_tokens: 12,
    total_tokens: 25,
    completion_tokens_details: { reasoning_tokens: 7 },
  });
  const onlyThoughts = { promptTokenCount: 10, thoughtsTokenCount: 7 };
  expect(answered("gemini", "anthropic", content([], "MAX_TOKENS", { usageMetadata: onlyThoughts })).usage.output_tokens).toBe(7);
  const anthropic = { input_tokens: 1, output_tokens: 12, output_tokens_details: { thinking_tokens: 7 } };
  expect(answered("anthropic", "openai-chat", message([], "end_turn", { usage: anthropic })).usage).toMatchObject({
    completion_tokens: 12,
    completion_tokens_details: { reasoning_tokens: 7 },
  });
});

describe("#20 usage in streams", () => {
  const asks = context("openai-chat", { stream: true, stream_options: { include_usage: true } });
  const usages = (events: readonly { usage?: object | null }[]) => events.flatMap((event) => event.usage ?? []);

  test("#20 Anthropic's counts are totals so far: set, never added, and told once, last, with no choice", () => {
    const stream = [
      named("message_start", {
        message: {
          id: "m",
          type: "message",
          role: "assistant",
          model: "s",
          content: [],
          usage: { input_tokens: 9, cache_read_input_tokens: 4, output_tokens: 1 },
        },
      }),
      named("message_delta", { delta: {}, usage: { output_tokens: 3 } }),
      named("message_delta", { delta: { stop_reason: "end_turn" }, usage: { output_tokens: 8 } }),
      named("message_stop"),
    ];
    const { events, text } = streamed("anthropic", "openai-chat", stream, asks);
    expect(usages(events)).toEqual([{ prompt_tokens: 13, completion_tokens: 8, total_tokens: 21, prompt_tokens_details: { cached_tokens: 4 } }]);
    expect(events.at(-1).choices).toEqual([]);
    expect(text).toMatch(/data: \[DONE\]\n\n$/);
  });

  test("#20 Gemini tells the total with every chunk: the last one counts, once", () => {
    const stream = [1, 2, 3].map((count) =>
      data(content([{ text: "x" }], count === 3 ? "STOP" : null, { usageMetadata: { promptTokenCount: 5, candidatesTokenCount: count } })),
    );
    expect(usages(streamed("gemini", "openai-chat", stream, asks).events)).toEqual([{ prompt_tokens: 5, completion_tokens: 3, total_tokens: 8 }]);
  });

  test("#20 Converse tells it after the stop, and it is still told", () => {
    const stream = frames(
      ["messageStart", { role: "assistant" }],
      ["contentBlockDelta", { contentBlockIndex: 0, delta: { text: "x" } }],
      ["contentBlockStop", { contentBlockIndex: 0 }],
      ["messageStop", { stopReason: "end_turn" }],
      ["metadata", { usage: { inputTokens: 5, outputTokens: 3, totalTokens: 8 } }],
    );
    expect(usages(streamed("bedrock", "openai-chat", stream, asks).events)).toEqual([{ prompt_tokens: 5, completion_tokens: 3, total_tokens: 8 }]);
    expect(streamed("bedrock", "anthropic", stream).events.find((event) => event.type === "message_delta").usage).toMatchObject({
      input_tokens: 5,
      output_tokens: 3,
    });
  });

  test("#20 callers of OpenAI who did not ask for it are not told", () => {
    const stream = messageEvents([{ start: { type: "text", text: "x" } }]);
    expect(usages(streamed("anthropic", "openai-chat", stream).events)).toEqual([]);
  });
});

test("#21 usage that nobody told is left out, never zero", () => {
  const { usage: _, ...silent } = converse([{ text: "Hi" }]) as Record<string, unknown>;
  expect(answered("bedrock", "openai-chat", silent)).not.toHaveProperty("usage");
  expect(answered("openai-chat", "openai-responses", completion({ content: "Hi" }))).not.toHaveProperty("usage");
  const asks = context("openai-chat", { stream_options: { include_usage: true } });
  const { text } = streamed("gemini", "openai-chat", data(content([{ text: "x" }], "STOP")), asks);
  expect(text).not.toContain('"usage"');
});

describe("#33 citations", () => {
  const cited = (url: string) => ({ type: "web_search_result_location", url, title: "T", cited_text: "q", encrypted_index: "e" });

  test("#33 Anthropic's many text blocks are one text at OpenAI, whose positions are counted in the whole", () => {
    const blocks = [
      { type: "text", text: "So " },
      { type: "text", text: "it rains", citations: [cited("https://a.example")] },
      { type: "text", text: "." },
    ];
    const { message: said } = answered("anthropic", "openai-chat", message(blocks)).choices[0];
    expect(said.content).toBe("So it rains.");
    expect(said.annotations).toEqual([{ type: "url_citation", url_citation: { url: "https://a.example", title: "T", start_index: 3, end_index: 11 } }]);
  });

  test("#33 in streams too", () => {
    const stream = messageEvents([
      {
        start: { type: "text", text: "" },
        deltas: [
          { type: "text_delta", text: "Rain" },
          { type: "citations_delta", citation: cited("https://a.example") },
        ],
      },
    ]);
    const { events } = streamed("anthropic", "openai-chat", stream);
    expect(events.flatMap((event) => event.choices[0]?.delta.annotations ?? [])).toMatchObject([
      { url_citation: { url: "https://a.example", start_index: 0, end_index: 4 } },
    ]);
  });

  test("#33 OpenAI's, Gemini's and Converse's pages are Anthropic's citations", () => {
    const annotations = [{ type: "url_citation", url_citation: { url: "https://a.example", title: "T", start_index: 0, end_index: 2 } }];
    const grounding = {
      groundingChunks: [{ web: { uri: "https://a.example", title: "T" } }],
      groundingSupports: [{ segment: { text: "Hi" }, groundingChunkIndices: [0] }],
    };
    const gemini = {
      responseId: "r",
      modelVersion: "m",
      candidates: [{ content: { parts: [{ text: "Hi" }] }, finishReason: "STOP", groundingMetadata: grounding }],
    };
    const bedrock = converse([
      { citationsContent: { content: [{ text: "Hi" }], citations: [{ title: "T", location: { web: { url: "https://a.example" } } }] } },
    ]);
    for (const [upstream, answer] of [
      ["openai-chat", completion({ content: "Hi", annotations })],
      ["gemini", gemini],
      ["bedrock", bedrock],
    ] as const) {
      expect(answered(upstream, "anthropic", answer).content[0], upstream).toMatchObject({ text: "Hi", citations: [{ url: "https://a.example", title: "T" }] });
    }
  });

  test("#33 what names no page has no place at OpenAI, and the text stays", () => {
    const place = { type: "char_location", cited_text: "q", document_index: 0, document_title: "D", start_char_index: 0, end_char_index: 1 };
    expect(answered("anthropic", "openai-chat", message([{ type: "text", text: "Hi", citations: [place] }])).choices[0].message).toMatchObject({
      content: "Hi",
    });
  });
});

test("#42 the upstream's id and the model that served are kept; where it gives none the call's own are told", () => {
  expect(answered("anthropic", "openai-chat", message([]))).toMatchObject({ id: "msg_1", model: "served", created: 1_800_000_000 });
  expect(answered("openai-chat", "anthropic", completion({ content: "Hi" }))).toMatchObject({ id: "c1", model: "served" });
  const own = answered("bedrock", "openai-chat", converse([{ text: "Hi" }]));
  expect(own).toMatchObject({ id: "chatcmpl-4fd0a9a0-1111-4222-8333-444455556666", model: "asked-upstream" });
  const { events } = streamed("gemini", "openai-chat", data(content([{ text: "x" }], "STOP")));
  expect(new Set(events.map((event) => `${event.id} ${event.model}`))).toEqual(new Set(["r1 served"]));
});
