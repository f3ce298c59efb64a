import { describe, expect, test } from "vitest";
import {
  answered,
  arrives,
  chunk,
  completion,
  content,
  context,
  data,
  encoded,
  frames,
  losses,
  message,
  messageEvents,
  refusedField,
  streamed,
  WEATHER,
} from "./codecs.ts";

/** Tools: what may be called, how calls and results are named, ordered and carried. */

const tools = [WEATHER.chat];
const called = (id: string, name = "weather", text = '{"city":"Bonn"}') => ({ id, type: "function", function: { name, arguments: text } });
const history = (first: string, second: string) => [
  { role: "user", content: "Hi" },
  { role: "assistant", content: null, tool_calls: [called(first), called(second, "time", "{}")] },
  { role: "tool", tool_call_id: second, content: "noon" },
  { role: "tool", tool_call_id: first, content: "rain" },
];
const timeTool = { type: "function", function: { name: "time", parameters: { type: "object", properties: {} } } };

describe("#1 tool_choice: each API has words of its own", () => {
  test.each([
    ["none", { type: "none" }, { mode: "NONE" }],
    ["auto", { type: "auto" }, { mode: "AUTO" }],
    ["required", { type: "any" }, { mode: "ANY" }],
    [
      { type: "function", function: { name: "weather" } },
      { type: "tool", name: "weather" },
      { mode: "ANY", allowedFunctionNames: ["weather"] },
    ],
  ])("#1 %o in Anthropic's and Gemini's words", (tool_choice, anthropic, gemini) => {
    expect(arrives("openai-chat", "anthropic", { tools, tool_choice }).tool_choice).toEqual(anthropic);
    expect(arrives("openai-chat", "gemini", { tools, tool_choice }).toolConfig.functionCallingConfig).toEqual(gemini);
  });

  test.each([
    ["auto", { auto: {} }],
    ["required", { any: {} }],
    [{ type: "function", function: { name: "weather" } }, { tool: { name: "weather" } }],
  ])("#1 %o in Converse's words", (tool_choice, toolChoice) => {
    expect(arrives("openai-chat", "bedrock", { tools, tool_choice }).toolConfig.toolChoice).toEqual(toolChoice);
  });

  test("#1 none has no word in Converse: the tools are left out, so that none can be called", () => {
    expect(arrives("openai-chat", "bedrock", { tools, tool_choice: "none" })).not.toHaveProperty("toolConfig");
    expect(losses("openai-chat", "bedrock", { tools, tool_choice: "none" })).toEqual([]);
  });

  test("#1 Converse demands a list of tools where the history has calls: a placeholder when the caller gives none, the loss told when it gives some", () => {
    const messages = history("a", "b");
    expect(arrives("openai-chat", "bedrock", { messages }).toolConfig.tools).toHaveLength(1);
    expect(losses("openai-chat", "bedrock", { messages, tools, tool_choice: "none" })).toEqual(["tool_choice"]);
  });

  test("#1 allowed_tools: Gemini has names for it, the others see only those tools", () => {
    const tool_choice = { type: "allowed_tools", allowed_tools: { mode: "required", tools: [{ type: "function", function: { name: "weather" } }] } };
    const asked = { tools: [WEATHER.chat, timeTool], tool_choice };
    expect(arrives("openai-chat", "gemini", asked).toolConfig.functionCallingConfig).toEqual({ mode: "ANY", allowedFunctionNames: ["weather"] });
    const anthropic = arrives("openai-chat", "anthropic", asked);
    expect(anthropic.tools.map((tool: { name: string }) => tool.name)).toEqual(["weather"]);
    expect(anthropic.tool_choice).toEqual({ type: "any" });
    expect(arrives("openai-chat", "bedrock", asked).toolConfig).toMatchObject({ tools: [{ toolSpec: { name: "weather" } }], toolChoice: { any: {} } });
  });

  test("#1 Anthropic's choice in OpenAI's words", () => {
    const asked = { tools: [WEATHER.anthropic] };
    expect(arrives("anthropic", "openai-chat", { ...asked, tool_choice: { type: "any" } }).tool_choice).toBe("required");
    expect(arrives("anthropic", "openai-chat", { ...asked, tool_choice: { type: "tool", name: "weather" } }).tool_choice).toEqual({
      type: "function",
      function: { name: "weather" },
    });
  });
});

describe("#2 parallel_tool_calls: false", () => {
  test("#2 stands inside Anthropic's tool_choice, which becomes auto for it where there is none", () => {
    const asked = { tools, parallel_tool_calls: false };
    expect(arrives("openai-chat", "anthropic", asked).tool_choice).toEqual({ type: "auto", disable_parallel_tool_use: true });
    expect(arrives("openai-chat", "anthropic", { ...asked, tool_choice: "required" }).tool_choice).toEqual({ type: "any", disable_parallel_tool_use: true });
    expect(arrives("anthropic", "openai-chat", { tools: [WEATHER.anthropic], tool_choice: { type: "auto", disable_parallel_tool_use: true } })).toMatchObject({
      parallel_tool_calls: false,
      tool_choice: "auto",
    });
  });

  test("#2 Gemini and Converse have no field: the loss is told", () => {
    for (const upstream of ["gemini", "bedrock"] as const) {
      expect(losses("openai-chat", upstream, { tools, parallel_tool_calls: false })).toEqual(["parallel_tool_calls"]);
    }
  });
});

test("#3 a forced tool and extended thinking exclude each other at Claude: the tool wins and the loss of the thought is told", () => {
  for (const upstream of ["anthropic", "bedrock"] as const) {
    for (const tool_choice of ["required", { type: "function", function: { name: "weather" } }]) {
      const asked = { tools, tool_choice, reasoning_effort: "high" };
      const made = arrives("openai-chat", upstream, asked);
      expect(made.thinking ?? made.additionalModelRequestFields?.thinking).toBeUndefined();
      expect(losses("openai-chat", upstream, asked)).toEqual(["reasoning_effort"]);
    }
  }
});

describe("#7 results of parallel calls", () => {
  test("#7 N tool messages are one message of tool_result blocks at Anthropic, and one list of toolResult at Converse", () => {
    const messages = history("a", "b");
    const anthropic = arrives("openai-chat", "anthropic", { messages, tools }).messages.at(-1);
    expect(anthropic).toMatchObject({
      role: "user",
      content: [
        { type: "tool_result", tool_use_id: "b" },
        { type: "tool_result", tool_use_id: "a" },
      ],
    });
    const bedrock = arrives("openai-chat", "bedrock", { messages, tools }).messages.at(-1);
    expect(bedrock.content.map((block: { toolResult: { toolUseId: string } }) => block.toolResult.toolUseId)).toEqual(["b", "a"]);
  });

  test("#7 Gemini's functionResponse parts stand alone in their entry and in the order of the calls, whatever order the caller sent", () => {
    const messages = [...history("a", "b"), { role: "user", content: "And now?" }];
    const { contents } = arrives("openai-chat", "gemini", { messages, tools });
    expect(contents.map((one: { role: string }) => one.role)).toEqual(["user", "model", "user", "user"]);
    expect(contents[2].parts.map((part: { functionResponse: { name: string } }) => part.functionResponse.name)).toEqual(["weather", "time"]);
    expect(contents[3].parts).toEqual([{ text: "And now?" }]);
  });

  test("#7 Anthropic's one message of results is N tool messages at OpenAI, and what the user says follows them", () => {
    const messages = [
      { role: "user", content: "Hi" },
      {
        role: "assistant",
        content: [
          { type: "tool_use", id: "a", name: "weather", input: {} },
          { type: "tool_use", id: "b", name: "time", input: {} },
        ],
      },
      {
        role: "user",
        content: [
          { type: "text", text: "Here." },
          { type: "tool_result", tool_use_id: "b", content: "noon" },
          { type: "tool_result", tool_use_id: "a", content: "rain" },
        ],
      },
    ];
    expect(arrives("anthropic", "openai-chat", { messages }).messages.slice(2)).toEqual([
      { role: "tool", tool_call_id: "b", content: "noon" },
      { role: "tool", tool_call_id: "a", content: "rain" },
      { role: "user", content: "Here." },
    ]);
  });
});

describe("#8 results of tools with images and documents", () => {
  const image = { type: "image", source: { type: "base64", media_type: "image/png", data: "aGk=" } };
  const messages = [
    { role: "user", content: "Hi" },
    { role: "assistant", content: [{ type: "tool_use", id: "a", name: "shot", input: {} }] },
    { role: "user", content: [{ type: "tool_result", tool_use_id: "a", content: [{ type: "text", text: "see" }, image] }] },
  ];

  test("#8 Converse carries the blocks", () => {
    expect(arrives("anthropic", "bedrock", { messages }).messages.at(-1).content[0].toolResult.content).toEqual([
      { text: "see" },
      { image: { format: "png", source: { bytes: "aGk=" } } },
    ]);
  });

  test("#8 OpenAI's tool messages are text only: the image follows as the user's", () => {
    expect(arrives("anthropic", "openai-chat", { messages }).messages.slice(-2)).toEqual([
      { role: "tool", tool_call_id: "a", content: "see" },
      { role: "user", content: [{ type: "image_url", image_url: { url: "data:image/png;base64,aGk=" } }] },
    ]);
  });

  test("#8 Gemini's responses are objects: the image follows in an entry of its own", () => {
    const { contents } = arrives("anthropic", "gemini", { messages });
    expect(contents.at(-2).parts).toHaveLength(1);
    expect(contents.at(-1)).toEqual({ role: "user", parts: [{ inlineData: { mimeType: "image/png", data: "aGk=" } }] });
  });

  test("#8 parts of OpenAI's tool message are blocks at Anthropic", () => {
    const chat = [
      ...history("a", "b").slice(0, 3),
      {
        role: "tool",
        tool_call_id: "a",
        content: [
          { type: "text", text: "one" },
          { type: "text", text: "two" },
        ],
      },
    ];
    expect(arrives("openai-chat", "anthropic", { messages: chat }).messages.at(-1).content[1].content).toEqual([
      { type: "text", text: "one" },
      { type: "text", text: "two" },
    ]);
  });
});

describe("#9 whether a tool failed", () => {
  const failed = (is_error: boolean | undefined) => [
    { role: "user", content: "Hi" },
    { role: "assistant", content: [{ type: "tool_use", id: "a", name: "shot", input: {} }] },
    { role: "user", content: [{ type: "tool_result", tool_use_id: "a", content: "no film", ...(is_error === undefined ? {} : { is_error }) }] },
  ];

  test("#9 is_error is status error at Converse, error at Gemini, and words at OpenAI", () => {
    expect(arrives("anthropic", "bedrock", { messages: failed(true) }).messages.at(-1).content[0].toolResult.status).toBe("error");
    expect(arrives("anthropic", "gemini", { messages: failed(true) }).contents.at(-1).parts[0].functionResponse.response).toEqual({ error: "no film" });
    expect(arrives("anthropic", "openai-chat", { messages: failed(true) }).messages.at(-1).content).toBe("Error: no film");
  });

  test("#9 success is never invented: OpenAI says nothing of it, and so does what arrives", () => {
    expect(arrives("openai-chat", "anthropic", { messages: history("a", "b") }).messages.at(-1).content[0]).not.toHaveProperty("is_error");
    expect(arrives("openai-chat", "bedrock", { messages: history("a", "b"), tools }).messages.at(-1).content[0].toolResult).not.toHaveProperty("status");
    expect(arrives("anthropic", "bedrock", { messages: failed(undefined) }).messages.at(-1).content[0].toolResult).not.toHaveProperty("status");
  });
});

describe("#10 arguments of calls", () => {
  const saying = (text: string) => [
    { role: "user", content: "Hi" },
    { role: "assistant", content: null, tool_calls: [called("a", "weather", text)] },
    { role: "tool", tool_call_id: "a", content: "x" },
  ];

  test.each([
    ["", {}],
    ["  ", {}],
    ["{", { arguments: "{" }],
    ["[1]", { arguments: "[1]" }],
    ["null", { arguments: "null" }],
    ['"x"', { arguments: '"x"' }],
    ['{"a":1}', { a: 1 }],
  ])("#10 OpenAI's text %j is an object everywhere else", (text, object) => {
    const messages = saying(text);
    expect(arrives("openai-chat", "anthropic", { messages }).messages[1].content[0].input).toEqual(object);
    expect(arrives("openai-chat", "bedrock", { messages, tools }).messages[1].content[0].toolUse.input).toEqual(object);
    expect(arrives("openai-chat", "gemini", { messages }).contents[1].parts[0].functionCall.args).toEqual(object);
  });

  test("#10 a call without any argument is {} to OpenAI's callers, whole and streamed, and never an empty text", () => {
    const block = { type: "tool_use", id: "t", name: "time", input: {} };
    expect(answered("anthropic", "openai-chat", message([block], "tool_use")).choices[0].message.tool_calls[0].function.arguments).toBe("{}");
    for (const caller of ["openai-chat", "openai-responses"] as const) {
      const { events } = streamed("anthropic", caller, messageEvents([{ start: block }], "tool_use"));
      const told = events.flatMap((event) =>
        caller === "openai-chat"
          ? (event.choices[0]?.delta.tool_calls ?? []).map((call: { function: { arguments: string } }) => call.function.arguments)
          : event.type === "response.function_call_arguments.done"
            ? [event.arguments]
            : [],
      );
      expect(told.join("")).toBe("{}");
    }
    expect(answered("gemini", "openai-chat", content([{ functionCall: { name: "time" } }], "STOP")).choices[0].message.tool_calls[0].function.arguments).toBe(
      "{}",
    );
  });
});

describe("#11 ids of calls", () => {
  test("#11 Gemini often gives none: they are made up, differ within an answer and between answers, and are the same whole and streamed", () => {
    const calls = [{ functionCall: { name: "time", args: {} } }, { functionCall: { name: "time", args: {} } }];
    const ids = (id: string): readonly string[] =>
      answered("gemini", "openai-chat", content(calls, "STOP"), { ...context("openai-chat"), requestId: id }).choices[0].message.tool_calls.map(
        (call: { id: string }) => call.id,
      );
    const first = ids("aaaaaaaa-0000-4000-8000-000000000001");
    expect(new Set([...first, ...ids("bbbbbbbb-0000-4000-8000-000000000002")]).size).toBe(4);
    const { events } = streamed("gemini", "openai-chat", data(content(calls, "STOP")), {
      ...context("openai-chat"),
      requestId: "aaaaaaaa-0000-4000-8000-000000000001",
    });
    expect(events.flatMap((event) => event.choices[0]?.delta.tool_calls ?? []).flatMap((call: { id?: string }) => call.id ?? [])).toEqual(first);
  });

  test("#11 servers that leave ids out of a chat completion get new ones in every answer too", () => {
    const call = { type: "function", function: { name: "time", arguments: "{}" } };
    const id = (requestId: string): string =>
      answered("openai-chat", "anthropic", completion({ tool_calls: [call] }, "tool_calls"), { ...context("anthropic"), requestId }).content[0].id;
    expect(id("aaaaaaaa-0000-4000-8000-000000000001")).not.toBe(id("bbbbbbbb-0000-4000-8000-000000000002"));
    const starts = (requestId: string) =>
      streamed("openai-chat", "anthropic", chunk({ tool_calls: [{ index: 0, ...call }] }) + chunk({}, "tool_calls"), {
        ...context("anthropic"),
        requestId,
      }).events.find((event) => event.type === "content_block_start").content_block.id;
    expect(starts("aaaaaaaa-0000-4000-8000-000000000001")).not.toBe(starts("bbbbbbbb-0000-4000-8000-000000000002"));
  });

  test("#11 Vertex refuses ids of calls, the Gemini API takes them", () => {
    const messages = history("a", "b");
    const vertex = arrives("openai-chat", "gemini", { messages, tools }, { host: "vertex" }).contents;
    expect(JSON.stringify(vertex)).not.toContain('"id"');
    const native = arrives("openai-chat", "gemini", { messages, tools }).contents;
    expect(native[1].parts[0].functionCall.id).toBe("a");
    expect(native[2].parts[0].functionResponse.id).toBe("a");
  });

  test("#11 ids that an API does not take are changed, for a call and its result alike, and stay apart", () => {
    const long = "x".repeat(64);
    const messages = history(`${long}.1`, `${long}/2`);
    for (const upstream of ["anthropic", "bedrock"] as const) {
      const { messages: sent } = arrives("openai-chat", upstream, { messages, tools });
      const made = JSON.stringify(sent[1])
        .match(/"(?:toolUseId|id)":"([^"]*)"/g)
        ?.map((one) => one.split(":")[1]);
      const answeredTo = JSON.stringify(sent[2])
        .match(/"(?:toolUseId|tool_use_id)":"([^"]*)"/g)
        ?.map((one) => one.split(":")[1]);
      expect(new Set(made).size, upstream).toBe(2);
      expect([...(answeredTo ?? [])].reverse()).toEqual(made);
      for (const id of made ?? []) expect(id).toMatch(upstream === "bedrock" ? /^"[a-zA-Z0-9_-]{1,64}"$/ : /^"[a-zA-Z0-9_-]+"$/);
    }
  });
});

describe("#28 schemas and names of tools", () => {
  const deep = {
    type: "object",
    properties: {
      who: { $ref: "#/$defs/person" },
      kind: { const: "a" },
      both: { allOf: [{ type: "object", properties: { x: { type: "string" } }, required: ["x"] }, { properties: { y: { type: "number" } } }] },
      maybe: { type: ["string", "null"] },
    },
    additionalProperties: false,
    $defs: { person: { type: "object", properties: { name: { type: "string" } }, required: ["name"] } },
  };

  test("#28 Gemini reads a part of JSON Schema only: references are written out, const is enum, allOf is joined", () => {
    const tool = { type: "function", function: { name: "f", parameters: deep } };
    const declaration = arrives("openai-chat", "gemini", { tools: [tool] }).tools[0].functionDeclarations[0];
    const text = JSON.stringify(declaration);
    for (const word of ["$ref", "$defs", "allOf", "const", '"additionalProperties":false']) expect(text).not.toContain(word);
    expect(declaration.parametersJsonSchema.properties).toMatchObject({
      who: { type: "object", properties: { name: { type: "string" } }, required: ["name"] },
      kind: { enum: ["a"] },
      both: { properties: { x: { type: "string" }, y: { type: "number" } }, required: ["x"] },
    });
  });

  test("#28 the others read it as it is", () => {
    const tool = { type: "function", function: { name: "f", parameters: deep } };
    expect(arrives("openai-chat", "anthropic", { tools: [tool] }).tools[0].input_schema).toEqual(deep);
    expect(arrives("openai-chat", "bedrock", { tools: [tool] }).toolConfig.tools[0].toolSpec.inputSchema.json).toEqual(deep);
  });

  test("#28 strict is OpenAI's and Anthropic's: told where it is lost", () => {
    const asked = { tools: [{ type: "function", function: { ...WEATHER.chat.function, strict: true } }] };
    expect(arrives("openai-chat", "anthropic", asked).tools[0].strict).toBe(true);
    expect(losses("openai-chat", "gemini", asked)).toEqual(["tools.function.strict"]);
  });

  test.each([
    ["bedrock", "mcp.server/read file", 64],
    ["bedrock", "x".repeat(100), 64],
    ["anthropic", "mcp.server/read file", 128],
    ["gemini", "0 read", 64],
    ["openai-chat", "x".repeat(100), 64],
  ] as const)("#28 %s takes no name like %j: it is changed, also in the history and the choice, and changed back in the answer", (upstream, name, longest) => {
    const caller = upstream === "openai-chat" ? "anthropic" : "openai-chat";
    const asked =
      caller === "anthropic"
        ? {
            tools: [{ ...WEATHER.anthropic, name }],
            tool_choice: { type: "tool", name },
            messages: [
              { role: "user", content: "Hi" },
              { role: "assistant", content: [{ type: "tool_use", id: "a", name, input: {} }] },
              { role: "user", content: [{ type: "tool_result", tool_use_id: "a", content: "x" }] },
            ],
          }
        : {
            tools: [{ type: "function", function: { ...WEATHER.chat.function, name } }],
            tool_choice: { type: "function", function: { name } },
            messages: [
              { role: "user", content: "Hi" },
              { role: "assistant", content: null, tool_calls: [called("a", name)] },
              { role: "tool", tool_call_id: "a", content: "x" },
            ],
          };
    const made = encoded(caller, upstream, asked);
    if (!made.ok) throw new Error(made.reason);
    const text = JSON.stringify(made.body);
    expect(text).not.toContain(JSON.stringify(name));
    const [[wire, original] = ["", ""]] = [...made.toolNames];
    expect(original).toBe(name);
    expect(wire).toMatch(upstream === "gemini" ? /^[a-zA-Z_][a-zA-Z0-9_.:-]*$/ : /^[a-zA-Z0-9_-]+$/);
    expect(wire.length).toBeLessThanOrEqual(longest);
    expect(text.split(JSON.stringify(wire)).length - 1).toBeGreaterThanOrEqual(3);
    const asks = context(caller, {}, made.toolNames);
    if (upstream === "bedrock") {
      const { text: out } = streamed(
        "bedrock",
        caller,
        frames(
          ["messageStart", { role: "assistant" }],
          ["contentBlockStart", { contentBlockIndex: 0, start: { toolUse: { toolUseId: "t", name: wire } } }],
          ["contentBlockStop", { contentBlockIndex: 0 }],
          ["messageStop", { stopReason: "tool_use" }],
        ),
        asks,
      );
      expect(out).toContain(JSON.stringify(name));
    }
    if (upstream === "openai-chat") {
      expect(answered("openai-chat", "anthropic", completion({ tool_calls: [called("t", wire)] }, "tool_calls"), asks).content[0].name).toBe(name);
    }
  });

  test("#28 two names that fall together are told apart", () => {
    const tool = (name: string) => ({ type: "function", function: { name } });
    const made = arrives("openai-chat", "bedrock", { tools: [tool("a.b"), tool("a/b"), tool("a_b")] });
    const names = made.toolConfig.tools.map((one: { toolSpec: { name: string } }) => one.toolSpec.name);
    expect(new Set(names).size).toBe(3);
    expect(names[2]).toBe("a_b");
  });
});

test("#34 tools that a provider runs are never made into calls of the caller's tools: refused in requests, left out of answers", () => {
  for (const upstream of ["openai-chat", "gemini", "bedrock"] as const) {
    expect(refusedField("anthropic", upstream, { tools: [{ type: "web_search_20250305", name: "web_search" }] })).toBe("tools");
    const messages = [
      { role: "user", content: "Hi" },
      {
        role: "assistant",
        content: [
          { type: "server_tool_use", id: "s", name: "web_search", input: {} },
          { type: "web_search_tool_result", tool_use_id: "s", content: [] },
        ],
      },
    ];
    expect(refusedField("anthropic", upstream, { messages })).toBe("messages.content");
  }
  const blocks = [
    { type: "server_tool_use", id: "s", name: "web_search", input: {} },
    { type: "web_search_tool_result", tool_use_id: "s", content: [] },
    { type: "mcp_tool_use", id: "m", name: "x", server_name: "y", input: {} },
    { type: "text", text: "Found." },
  ];
  const whole = answered("anthropic", "openai-chat", message(blocks));
  expect(whole.choices[0].message).not.toHaveProperty("tool_calls");
  expect(whole.choices[0]).toMatchObject({ message: { content: "Found." }, finish_reason: "stop" });
  const { text } = streamed("anthropic", "openai-chat", messageEvents(blocks.map((start) => ({ start }))));
  expect(text).not.toContain("tool_calls");
  const code = [{ executableCode: { code: "1", language: "PYTHON" } }, { codeExecutionResult: { outcome: "OUTCOME_OK", output: "1" } }, { text: "One." }];
  expect(answered("gemini", "anthropic", content(code, "STOP")).content).toEqual([{ type: "text", text: "One.", citations: null }]);
});

test("#38 Anthropic and Converse number all blocks, OpenAI numbers calls only", () => {
  const stream = messageEvents(
    [
      { start: { type: "thinking", thinking: "", signature: "" }, deltas: [{ type: "thinking_delta", thinking: "hm" }] },
      { start: { type: "text", text: "" }, deltas: [{ type: "text_delta", text: "Well" }] },
      { start: { type: "tool_use", id: "a", name: "weather", input: {} } },
      { start: { type: "tool_use", id: "b", name: "time", input: {} } },
    ],
    "tool_use",
  );
  const indexes = streamed("anthropic", "openai-chat", stream).events.flatMap((event) => event.choices[0]?.delta.tool_calls ?? []);
  expect(indexes.flatMap((call: { id?: string; index: number }) => (call.id === undefined ? [] : [[call.id, call.index]]))).toEqual([
    ["a", 0],
    ["b", 1],
  ]);
});

test("#38 Converse tells no start of a text: it is made for Anthropic's callers, with indexes that follow each other", () => {
  const stream = frames(
    ["messageStart", { role: "assistant" }],
    ["contentBlockDelta", { contentBlockIndex: 0, delta: { text: "Hi" } }],
    ["contentBlockStop", { contentBlockIndex: 0 }],
    ["contentBlockStart", { contentBlockIndex: 1, start: { toolUse: { toolUseId: "t", name: "time" } } }],
    ["contentBlockStop", { contentBlockIndex: 1 }],
    ["messageStop", { stopReason: "tool_use" }],
    ["metadata", { usage: { inputTokens: 1, outputTokens: 2, totalTokens: 3 } }],
  );
  const { events } = streamed("bedrock", "anthropic", stream);
  expect(events.map((event) => [event.type, event.index])).toEqual([
    ["message_start", undefined],
    ["content_block_start", 0],
    ["content_block_delta", 0],
    ["content_block_stop", 0],
    ["content_block_start", 1],
    ["content_block_stop", 1],
    ["message_delta", undefined],
    ["message_stop", undefined],
  ]);
});
