import { describe, expect, test } from "vitest";
import { answered, arrives, completion, content, context, converse, data, frames, losses, message, messageEvents, streamed, WEATHER } from "./codecs.ts";

/** Thoughts: asked for, shown, and sent back to whom they belong. */

const user = { role: "user", content: "Hi" };
const result = { role: "tool", tool_call_id: "a", content: "rain" };
const tools = [WEATHER.chat];
const call = (rest: object = {}) => ({ id: "a", type: "function", function: { name: "weather", arguments: "{}" }, ...rest });

describe("#12 signatures of Gemini's thoughts", () => {
  test("#12 a call's signature goes to OpenAI's callers and comes back with the call", () => {
    const answer = content([{ functionCall: { name: "weather", args: {} }, thoughtSignature: "c2ln" }], "STOP");
    const { message: said } = answered("gemini", "openai-chat", answer).choices[0];
    const { contents } = arrives("openai-chat", "gemini", { messages: [user, said, { ...result, tool_call_id: said.tool_calls[0].id }], tools });
    expect(contents[1].parts[0].thoughtSignature).toBe("c2ln");
    const { events } = streamed("gemini", "openai-chat", data(answer));
    const told = events.flatMap((event) => event.choices[0]?.delta.tool_calls ?? []).find((one: { extra_content?: object }) => one.extra_content !== undefined);
    expect(told.extra_content).toEqual({ google: { thought_signature: "c2ln" } });
  });

  test("#12 Gemini 3 refuses a call without one: Google's own word for that stands in where the client lost it, on the first call alone", () => {
    const messages = [user, { role: "assistant", content: null, tool_calls: [call(), { ...call(), id: "b" }] }, result, { ...result, tool_call_id: "b" }];
    const { parts } = arrives("openai-chat", "gemini", { messages, tools }).contents[1];
    expect(parts.map((part: { thoughtSignature?: string }) => part.thoughtSignature)).toEqual(["skip_thought_signature_validator", undefined]);
    expect(JSON.stringify(arrives("openai-chat", "gemini", { messages, tools }, { model: "gemini-2.5-pro" }))).not.toContain(
      "skip_thought_signature_validator",
    );
  });

  test("#12 a signature on an empty text at the end is kept, makes no text, and comes back where it stood", () => {
    const parts = [{ text: "Hello" }, { text: "", thoughtSignature: "ZW5k" }];
    const { message: said } = answered("gemini", "openai-chat", content(parts, "STOP")).choices[0];
    expect(said.content).toBe("Hello");
    expect(said).not.toHaveProperty("reasoning_content");
    expect(JSON.stringify(arrives("openai-chat", "gemini", { messages: [user, said, user] }).contents[1])).toContain('"thoughtSignature":"ZW5k"');
    const { events } = streamed("gemini", "openai-chat", data(content([parts[0] ?? {}])) + data(content([parts[1] ?? {}], "STOP")));
    expect(events.map((event) => event.choices[0]?.delta.content ?? "").join("")).toBe("Hello");
    expect(JSON.stringify(events)).toContain("ZW5k");
  });
});

describe("#13 thoughts and their signatures", () => {
  const thought = { type: "thinking", thinking: "Let me see.", signature: "c2ln" };
  const hidden = { type: "redacted_thinking", data: "aGlkZGVu" };
  const answer = message([thought, hidden, { type: "text", text: "Rain." }, { type: "tool_use", id: "a", name: "weather", input: {} }], "tool_use");

  test("#13 Claude's thoughts go to OpenAI's callers in reasoning_details and come back first, word for word", () => {
    const { message: said } = answered("anthropic", "openai-chat", answer).choices[0];
    expect(said.reasoning_content).toBe("Let me see.");
    expect(arrives("openai-chat", "anthropic", { messages: [user, said, result], tools }).messages[1].content.slice(0, 2)).toEqual([thought, hidden]);
  });

  test("#13 the same from a stream, whose pieces clients join by index", () => {
    const stream = messageEvents(
      [
        {
          start: { type: "thinking", thinking: "", signature: "" },
          deltas: [
            { type: "thinking_delta", thinking: "Let me " },
            { type: "thinking_delta", thinking: "see." },
            { type: "signature_delta", signature: "c2ln" },
          ],
        },
        { start: hidden },
        { start: { type: "text", text: "" }, deltas: [{ type: "text_delta", text: "Rain." }] },
      ],
      "end_turn",
    );
    const { events } = streamed("anthropic", "openai-chat", stream);
    const joined = new Map<number, Record<string, unknown>>();
    for (const detail of events.flatMap((event) => event.choices[0]?.delta.reasoning_details ?? [])) {
      const before = joined.get(detail.index);
      joined.set(detail.index, { ...before, ...detail, ...(typeof detail.text === "string" ? { text: `${before?.["text"] ?? ""}${detail.text}` } : {}) });
    }
    const said = { role: "assistant", content: "Rain.", reasoning_details: [...joined.values()] };
    expect(arrives("openai-chat", "anthropic", { messages: [user, said, user] }).messages[1].content.slice(0, 2)).toEqual([thought, hidden]);
  });

  test("#13 Responses' callers carry them in encrypted_content", () => {
    const { output } = answered("anthropic", "openai-responses", answer);
    const input = [{ role: "user", content: "Hi" }, ...output, { type: "function_call_output", call_id: "a", output: "rain" }];
    expect(arrives("openai-responses", "anthropic", { input, tools: [WEATHER.responses] }).messages[1].content.slice(0, 2)).toEqual([thought, hidden]);
  });

  test("#13 Converse's thoughts go to Anthropic's callers and come back in Converse's form", () => {
    const bedrock = converse([
      { reasoningContent: { reasoningText: { text: "Hm.", signature: "c2ln" } } },
      { reasoningContent: { redactedContent: "aGlkZGVu" } },
      { text: "Rain." },
    ]);
    const said = answered("bedrock", "anthropic", bedrock);
    expect(said.content[0]).toMatchObject({ type: "thinking", thinking: "Hm." });
    expect(arrives("anthropic", "bedrock", { messages: [user, { role: "assistant", content: said.content }, user] }).messages[1].content).toEqual([
      { reasoningContent: { reasoningText: { text: "Hm.", signature: "c2ln" } } },
      { reasoningContent: { redactedContent: "aGlkZGVu" } },
      { text: "Rain." },
    ]);
  });

  test("#13 what Claude signed at one cloud holds at the other; what nobody signed, or another API did, is sent to neither", () => {
    const { message: said } = answered("anthropic", "openai-chat", message([thought, { type: "text", text: "Rain." }])).choices[0];
    expect(arrives("openai-chat", "bedrock", { messages: [user, said, user] }).messages[1].content[0]).toEqual({
      reasoningContent: { reasoningText: { text: "Let me see.", signature: "c2ln" } },
    });
    expect(JSON.stringify(arrives("openai-chat", "bedrock", { messages: [user, said, user] }, { model: "amazon.nova-pro-v1:0" }))).not.toContain(
      "reasoningContent",
    );
    const unsigned = answered("openai-chat", "anthropic", completion({ content: "Rain.", reasoning_content: "Hm." })).content;
    const foreign = answered("gemini", "anthropic", content([{ text: "Hm.", thought: true, thoughtSignature: "Zw==" }, { text: "Rain." }], "STOP")).content;
    for (const blocks of [unsigned, foreign]) {
      const messages = [user, { role: "assistant", content: blocks }, user];
      expect(JSON.stringify(arrives("anthropic", "bedrock", { messages }).messages)).not.toContain("reasoningContent");
      expect(JSON.stringify(arrives("anthropic", "openai-chat", { messages }).messages)).not.toContain("Hm.");
    }
  });

  test("#13 a model that thinks by budget refuses to go on from a call without its thought: it goes on without thinking, and the loss is told", () => {
    const messages = [user, { role: "assistant", content: null, tool_calls: [call()] }, result];
    const asked = { messages, tools, reasoning_effort: "low", max_tokens: 9_000 };
    for (const [upstream, model] of [
      ["anthropic", "claude-sonnet-4-5"],
      ["bedrock", "anthropic.claude-sonnet-4-5-20250929-v1:0"],
    ] as const) {
      expect(JSON.stringify(arrives("openai-chat", upstream, asked, { model }))).not.toContain("thinking");
      expect(losses("openai-chat", upstream, asked, { model })).toEqual(["reasoning_effort"]);
    }
    expect(arrives("openai-chat", "anthropic", asked).thinking).toEqual({ type: "adaptive" });
  });

  test("#13 pieces of Converse's stream: text, then the signature, then what is hidden", () => {
    const stream = frames(
      ["messageStart", { role: "assistant" }],
      ["contentBlockDelta", { contentBlockIndex: 0, delta: { reasoningContent: { text: "Hm." } } }],
      ["contentBlockDelta", { contentBlockIndex: 0, delta: { reasoningContent: { signature: "c2ln" } } }],
      ["contentBlockStop", { contentBlockIndex: 0 }],
      ["contentBlockDelta", { contentBlockIndex: 1, delta: { reasoningContent: { redactedContent: "aGlkZGVu" } } }],
      ["contentBlockStop", { contentBlockIndex: 1 }],
      ["messageStop", { stopReason: "end_turn" }],
    );
    const { events } = streamed("bedrock", "anthropic", stream);
    expect(events.flatMap((event) => event.content_block ?? []).map((block: { type: string }) => block.type)).toEqual(["thinking", "redacted_thinking"]);
    expect(events.flatMap((event) => event.delta?.type ?? [])).toEqual(["thinking_delta", "signature_delta"]);
  });
});

describe("#14 how much to think", () => {
  test.each([
    ["minimal", "low"],
    ["low", "low"],
    ["medium", "medium"],
    ["high", "high"],
    ["xhigh", "xhigh"],
  ])("#14 %s is effort %s at models that adapt, at either cloud", (reasoning_effort, effort) => {
    expect(arrives("openai-chat", "anthropic", { reasoning_effort })).toMatchObject({ thinking: { type: "adaptive" }, output_config: { effort } });
    expect(arrives("openai-chat", "bedrock", { reasoning_effort }).additionalModelRequestFields).toEqual({
      thinking: { type: "adaptive" },
      output_config: { effort },
    });
  });

  test.each([undefined, 1_025, 2_000, 9_000, 64_000])(
    "#14 models before 4.6 get a budget of at least 1,024 that leaves room below a bound of %s",
    (max_tokens) => {
      for (const reasoning_effort of ["low", "medium", "high"]) {
        const made = arrives(
          "openai-chat",
          "anthropic",
          { reasoning_effort, ...(max_tokens === undefined ? {} : { max_tokens }) },
          { model: "claude-sonnet-4-5" },
        );
        expect(made.thinking.type).toBe("enabled");
        expect(made.thinking.budget_tokens).toBeGreaterThanOrEqual(1_024);
        expect(made.thinking.budget_tokens).toBeLessThan(made.max_tokens);
        if (max_tokens === undefined) expect(made.max_tokens - made.thinking.budget_tokens).toBeGreaterThanOrEqual(4_096);
        else expect(made.max_tokens).toBe(max_tokens);
        if (max_tokens !== undefined && max_tokens > 2_000) expect(made.max_tokens - made.thinking.budget_tokens).toBeGreaterThan(max_tokens / 6);
      }
    },
  );

  test("#14 a bound without room for a thought, and a model that cannot think: told as lost", () => {
    const asked = { reasoning_effort: "high", max_tokens: 500 };
    expect(arrives("openai-chat", "anthropic", asked, { model: "claude-sonnet-4-5" })).not.toHaveProperty("thinking");
    for (const model of ["claude-sonnet-4-5", "claude-3-5-haiku-20241022"])
      expect(losses("openai-chat", "anthropic", asked, { model })).toEqual(["reasoning_effort"]);
  });

  test("#14 Gemini 3 has levels, 2.5 a budget", () => {
    const config = (reasoning_effort: string, model: string) =>
      arrives("openai-chat", "gemini", { reasoning_effort }, { model }).generationConfig.thinkingConfig;
    expect(config("high", "gemini-3-pro").thinkingLevel).toBe("HIGH");
    expect(config("minimal", "gemini-3.5-flash").thinkingLevel).toBe("MINIMAL");
    expect(config("none", "gemini-3-pro").thinkingLevel).toBe("LOW");
    expect(config("medium", "gemini-2.5-flash").thinkingBudget).toBe(16_384);
    expect(config("none", "gemini-2.5-flash")).toEqual({ includeThoughts: false, thinkingBudget: 0 });
    expect(config("none", "gemini-2.5-pro").thinkingBudget).toBe(128);
  });

  test("#14 Anthropic's budget is an effort at OpenAI, and stays a budget at Converse", () => {
    const asked = { thinking: { type: "enabled", budget_tokens: 8_000 } };
    expect(arrives("anthropic", "openai-chat", asked).reasoning_effort).toBe("medium");
    const bedrock = arrives("anthropic", "bedrock", asked, { model: "anthropic.claude-sonnet-4-5-20250929-v1:0" });
    expect(bedrock.additionalModelRequestFields).toEqual({ thinking: { type: "enabled", budget_tokens: 8_000 } });
    expect(arrives("anthropic", "openai-chat", { thinking: { type: "disabled" } })).not.toHaveProperty("reasoning_effort");
  });

  test("#14 no wish, no word of it", () => {
    for (const upstream of ["anthropic", "bedrock", "gemini"] as const)
      expect(JSON.stringify(arrives("openai-chat", upstream, {}))).not.toMatch(/think|effort/i);
    expect(context("openai-chat").request.reasoning).toBeNull();
  });
});
