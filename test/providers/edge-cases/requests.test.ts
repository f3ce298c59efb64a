import { describe, expect, test } from "vitest";
import { arrives, losses, MODELS, refusedField, WEATHER } from "./codecs.ts";

/** Fields of a request: carried, mapped, told as a loss, or refused. */

const user = { role: "user", content: "Hi" };

describe("#4 instructions in the middle of a conversation", () => {
  const messages = [
    { role: "developer", content: "Be kind." },
    user,
    { role: "assistant", content: "Hello" },
    { role: "system", content: "Now be short." },
    user,
  ];

  test.each(["anthropic", "bedrock", "gemini"] as const)(
    "#4 %s: developer is system, and later instructions keep their place as marked text of the user's",
    (upstream) => {
      const made = arrives("openai-chat", upstream, { messages });
      const system = JSON.stringify(made.system ?? made.systemInstruction);
      expect(system).toContain("Be kind.");
      expect(system).not.toContain("Now be short.");
      const turns = JSON.stringify(made.messages ?? made.contents);
      expect(turns).toContain("<system>\\nNow be short.\\n</system>");
      expect(turns.indexOf("Hello")).toBeLessThan(turns.indexOf("Now be short."));
      expect(turns).not.toContain('"role":"system"');
    },
  );

  test("#4 Anthropic's system messages in the middle are OpenAI's", () => {
    const later = [user, { role: "assistant", content: "Hello" }, { role: "system", content: "Now be short." }, user];
    expect(arrives("anthropic", "openai-chat", { messages: later }).messages[2]).toEqual({ role: "system", content: "Now be short." });
  });
});

describe("#5 several system messages", () => {
  test("#5 stay blocks at Anthropic and Converse, with their marks of what to cache", () => {
    const marked = { type: "text", text: "Long.", prompt_cache_breakpoint: {} };
    const messages = [{ role: "system", content: [marked] }, { role: "system", content: "Short." }, user];
    expect(arrives("openai-chat", "anthropic", { messages }).system).toEqual([
      { type: "text", text: "Long.", cache_control: { type: "ephemeral" } },
      { type: "text", text: "Short." },
    ]);
    expect(arrives("openai-chat", "bedrock", { messages }).system).toEqual([{ text: "Long." }, { cachePoint: { type: "default" } }, { text: "Short." }]);
  });

  test("#5 are parts of one systemInstruction at Gemini, and one message at OpenAI", () => {
    const system = [
      { type: "text", text: "One.", cache_control: { type: "ephemeral" } },
      { type: "text", text: "Two." },
    ];
    expect(arrives("anthropic", "gemini", { system }).systemInstruction).toEqual({ parts: [{ text: "One." }, { text: "Two." }] });
    expect(arrives("anthropic", "openai-chat", { system }).messages[0]).toEqual({ role: "system", content: "One.\n\nTwo." });
  });
});

describe("#6 turns of one role after the other", () => {
  const messages = [
    { role: "assistant", content: "Welcome." },
    user,
    { role: "user", content: "And?" },
    { role: "assistant", content: "A" },
    { role: "assistant", content: "B" },
    user,
  ];

  test("#6 are joined for Gemini and Converse, whose roles take turns", () => {
    for (const upstream of ["gemini", "bedrock"] as const) {
      const made = arrives("openai-chat", upstream, { messages });
      const roles = (made.contents ?? made.messages).map((one: { role: string }) => one.role).slice(upstream === "gemini" ? 1 : 2);
      expect(roles).toEqual(upstream === "gemini" ? ["user", "model", "user"] : ["user", "assistant", "user"]);
    }
  });

  test("#6 a conversation that the assistant begins, and instructions alone, get a word of the user's first at Anthropic and Converse", () => {
    for (const upstream of ["anthropic", "bedrock"] as const) {
      expect(arrives("openai-chat", upstream, { messages }).messages[0].role).toBe("user");
      const alone = arrives("openai-chat", upstream, { messages: [{ role: "system", content: "Say hello." }] });
      expect(alone.messages).toHaveLength(1);
      expect(JSON.stringify(alone.system)).toContain("Say hello.");
    }
    expect(arrives("openai-chat", "gemini", { messages: [{ role: "system", content: "Say hello." }] }).contents).toHaveLength(1);
  });

  test("#6 Converse has results of tools and what the user says next in one message", () => {
    const tools = [
      user,
      { role: "assistant", content: null, tool_calls: [{ id: "a", type: "function", function: { name: "weather", arguments: "{}" } }] },
      { role: "tool", tool_call_id: "a", content: "rain" },
      { role: "user", content: "Thanks." },
    ];
    const last = arrives("openai-chat", "bedrock", { messages: tools, tools: [WEATHER.chat] }).messages.at(-1);
    expect(last.content).toEqual([{ toolResult: { toolUseId: "a", content: [{ text: "rain" }] } }, { text: "Thanks." }]);
  });
});

describe("#15 the bound of the output", () => {
  test("#15 Anthropic demands one: the backend's where the caller names none", () => {
    expect(arrives("openai-chat", "anthropic", {}).max_tokens).toBe(4_096);
    expect(arrives("openai-chat", "anthropic", {}, { defaultMaxOutputTokens: 77 }).max_tokens).toBe(77);
    for (const upstream of ["bedrock", "gemini"] as const) expect(JSON.stringify(arrives("openai-chat", upstream, {}))).not.toMatch(/max(Output)?Tokens/);
  });

  test.each(["max_tokens", "max_completion_tokens"])("#15 %s is each API's own word", (name) => {
    const asked = { [name]: 55 };
    expect(arrives("openai-chat", "anthropic", asked).max_tokens).toBe(55);
    expect(arrives("openai-chat", "bedrock", asked).inferenceConfig.maxTokens).toBe(55);
    expect(arrives("openai-chat", "gemini", asked).generationConfig.maxOutputTokens).toBe(55);
  });

  test("#15 max_completion_tokens counts where both are there", () => {
    expect(arrives("openai-chat", "anthropic", { max_tokens: 1, max_completion_tokens: 55 }).max_tokens).toBe(55);
  });
});

test("#22 more than one answer is refused by name, and one is one", () => {
  for (const upstream of ["anthropic", "bedrock", "gemini"] as const) {
    expect(refusedField("openai-chat", upstream, { n: 2 })).toBe("n");
    expect(refusedField("openai-chat", upstream, { n: 1 })).toBeNull();
    expect(JSON.stringify(arrives("openai-chat", upstream, { n: 1 }))).not.toMatch(/"n"|candidateCount/);
  }
});

test("#23 log probabilities are refused by name, a bias of tokens is told as lost, and their absence is nothing", () => {
  for (const upstream of ["anthropic", "bedrock", "gemini"] as const) {
    expect(refusedField("openai-chat", upstream, { logprobs: true })).toBe("logprobs");
    expect(refusedField("openai-chat", upstream, { top_logprobs: 3 })).toBe("logprobs");
    expect(refusedField("openai-responses", upstream, { include: ["message.output_text.logprobs"] })).toBe("top_logprobs");
    expect(losses("openai-chat", upstream, { logit_bias: { 50: 1 } })).toEqual(["logit_bias"]);
    expect(losses("openai-chat", upstream, { logprobs: false, logit_bias: {} })).toEqual([]);
  }
});

test("#24 seed and penalties: Gemini has them, the others tell the loss", () => {
  const asked = { seed: 7, frequency_penalty: 0.5, presence_penalty: -0.5 };
  expect(arrives("openai-chat", "gemini", asked).generationConfig).toEqual({ seed: 7, frequencyPenalty: 0.5, presencePenalty: -0.5 });
  expect(losses("openai-chat", "gemini", asked)).toEqual([]);
  for (const upstream of ["anthropic", "bedrock"] as const) expect([...losses("openai-chat", upstream, asked)].sort()).toEqual(Object.keys(asked).sort());
  expect(losses("openai-chat", "anthropic", { frequency_penalty: 0, presence_penalty: 0 })).toEqual([]);
});

describe("#25 temperature", () => {
  test("#25 ends at 1 for Claude wherever it is served: a higher one is 1 there, and told", () => {
    for (const upstream of ["anthropic", "bedrock"] as const) {
      const made = arrives("openai-chat", upstream, { temperature: 1.7 });
      expect(made.temperature ?? made.inferenceConfig.temperature).toBe(1);
      expect(losses("openai-chat", upstream, { temperature: 1.7 })).toEqual(["temperature"]);
      expect(losses("openai-chat", upstream, { temperature: 1 })).toEqual([]);
    }
    expect(arrives("openai-chat", "gemini", { temperature: 1.7 }).generationConfig.temperature).toBe(1.7);
  });

  test.each([MODELS.anthropic, "claude-sonnet-4-5"])("#25 %s takes no sampling beside thoughts, at either cloud", (model) => {
    const asked = { reasoning_effort: "high", temperature: 0.2, top_p: 0.5, top_k: 5, max_tokens: 20_000 };
    const anthropic = arrives("openai-chat", "anthropic", asked, { model });
    for (const name of ["temperature", "top_p", "top_k"]) expect(anthropic).not.toHaveProperty(name);
    expect([...losses("openai-chat", "anthropic", asked, { model })].sort()).toEqual(["temperature", "top_k", "top_p"]);
    const bedrock = arrives("openai-chat", "bedrock", asked, { model: `anthropic.${model}-v1:0` });
    expect(bedrock.inferenceConfig).toEqual({ maxTokens: 20_000 });
    expect(bedrock.additionalModelRequestFields).not.toHaveProperty("top_k");
    expect([...losses("openai-chat", "bedrock", asked, { model: `anthropic.${model}-v1:0` })].sort()).toEqual(["temperature", "top_k", "top_p"]);
  });

  test("#25 newer models of Claude take temperature or top_p, not both", () => {
    const asked = { temperature: 0.2, top_p: 0.5 };
    expect(arrives("openai-chat", "anthropic", asked)).not.toHaveProperty("top_p");
    expect(arrives("openai-chat", "bedrock", asked).inferenceConfig).toEqual({ temperature: 0.2 });
    for (const upstream of ["anthropic", "bedrock"] as const) expect(losses("openai-chat", upstream, asked)).toEqual(["top_p"]);
    expect(arrives("openai-chat", "anthropic", asked, { model: "claude-3-5-sonnet-20241022" })).toMatchObject(asked);
  });
});

describe("#26 stop sequences", () => {
  test("#26 a string is a list of one", () => {
    expect(arrives("openai-chat", "anthropic", { stop: "END" }).stop_sequences).toEqual(["END"]);
    expect(arrives("openai-chat", "bedrock", { stop: ["END"] }).inferenceConfig.stopSequences).toEqual(["END"]);
    expect(arrives("openai-chat", "gemini", { stop: ["END"] }).generationConfig.stopSequences).toEqual(["END"]);
    expect(arrives("anthropic", "openai-chat", { stop_sequences: ["END"] }).stop).toEqual(["END"]);
  });

  test("#26 nothing but white space is refused by Claude: left out and told", () => {
    for (const upstream of ["anthropic", "bedrock"] as const) {
      const made = arrives("openai-chat", upstream, { stop: ["\n", "END", ""] });
      expect(made.stop_sequences ?? made.inferenceConfig.stopSequences).toEqual(["END"]);
      expect(losses("openai-chat", upstream, { stop: ["\n", "END"] })).toEqual(["stop"]);
    }
  });

  test("#26 Gemini takes five and OpenAI four: more are left out and told by the caller's own name", () => {
    const six = ["1", "2", "3", "4", "5", "6"];
    expect(arrives("anthropic", "gemini", { stop_sequences: six }).generationConfig.stopSequences).toHaveLength(5);
    expect(arrives("anthropic", "openai-chat", { stop_sequences: six }).stop).toHaveLength(4);
    for (const upstream of ["gemini", "openai-chat"] as const) expect(losses("anthropic", upstream, { stop_sequences: six })).toEqual(["stop_sequences"]);
  });
});

describe("#27 answers held to a schema", () => {
  const schema = {
    type: "object",
    properties: {
      who: { $ref: "#/$defs/who" },
      note: { anyOf: [{ type: "string" }, { type: "null" }] },
      tags: { type: "object", additionalProperties: { type: "string" } },
      kind: { type: ["string", "null"], enum: ["a", null] },
    },
    required: ["who", "note"],
    additionalProperties: false,
    $defs: { who: { type: "object", properties: { name: { type: "string" }, next: { $ref: "#/$defs/who" } } } },
  };
  const response_format = { type: "json_schema", json_schema: { name: "answer", strict: true, schema } };

  test("#27 Anthropic has it in output_config.format, for models that take it; others refuse it by name", () => {
    expect(arrives("openai-chat", "anthropic", { response_format }).output_config.format).toEqual({ type: "json_schema", schema });
    expect(refusedField("openai-chat", "anthropic", { response_format }, { model: "claude-3-5-sonnet-20241022" })).toBe("response_format");
  });

  test("#27 Converse has it as a text", () => {
    const { structure, type } = arrives("openai-chat", "bedrock", { response_format }).outputConfig.textFormat;
    expect(type).toBe("json_schema");
    expect(JSON.parse(structure.jsonSchema.schema)).toEqual(schema);
  });

  test("#27 Gemini reads a part of it: null stays possible, maps stay maps, what refers to itself ends", () => {
    const { responseMimeType, responseJsonSchema: made } = arrives("openai-chat", "gemini", { response_format }).generationConfig;
    expect(responseMimeType).toBe("application/json");
    expect(made.properties.note).toEqual({ type: ["string", "null"] });
    expect(made.properties.tags).toEqual({ type: "object", additionalProperties: { type: "string" } });
    expect(made.properties.who).toMatchObject({ type: "object", properties: { name: { type: "string" } } });
    expect(JSON.stringify(made)).not.toMatch(/\$ref|\$defs|nullable|"additionalProperties":false/);
    expect(made.required).toEqual(["who", "note"]);
  });

  test("#27 json_object has no equal at Claude: the model is asked for it, and the loss is told", () => {
    const asked = { response_format: { type: "json_object" } };
    for (const upstream of ["anthropic", "bedrock"] as const) {
      expect(JSON.stringify(arrives("openai-chat", upstream, asked).system)).toMatch(/JSON/);
      expect(losses("openai-chat", upstream, asked)).toEqual(["response_format"]);
    }
    expect(arrives("openai-chat", "gemini", asked).generationConfig).toEqual({ responseMimeType: "application/json" });
  });

  test("#27 Anthropic's schema is OpenAI's, with the name that is demanded there", () => {
    expect(arrives("anthropic", "openai-chat", { output_config: { format: { type: "json_schema", schema } } }).response_format).toEqual({
      type: "json_schema",
      json_schema: { name: "answer", schema, strict: true },
    });
  });
});

describe("#29 images", () => {
  const image = (url: string, detail?: string) => ({
    messages: [{ role: "user", content: [{ type: "image_url", image_url: { url, ...(detail === undefined ? {} : { detail }) } }] }],
  });

  test("#29 data: addresses are bytes in each API's form", () => {
    const asked = image("data:image/png;base64,aGk=");
    expect(arrives("openai-chat", "anthropic", asked).messages[0].content[0].source).toEqual({ type: "base64", media_type: "image/png", data: "aGk=" });
    expect(arrives("openai-chat", "bedrock", asked).messages[0].content[0].image).toEqual({ format: "png", source: { bytes: "aGk=" } });
    expect(arrives("openai-chat", "gemini", asked).contents[0].parts[0]).toEqual({ inlineData: { mimeType: "image/png", data: "aGk=" } });
  });

  test("#29 the broker fetches nothing: addresses go to providers that fetch them, and Converse refuses them", () => {
    const asked = image("https://pictures.example/a.png");
    expect(arrives("openai-chat", "anthropic", asked).messages[0].content[0].source).toEqual({ type: "url", url: "https://pictures.example/a.png" });
    expect(arrives("openai-chat", "gemini", asked).contents[0].parts[0].fileData).toEqual({ mimeType: "image/png", fileUri: "https://pictures.example/a.png" });
    expect(refusedField("openai-chat", "bedrock", asked)).toBe("messages.content");
    expect(refusedField("openai-chat", "gemini", image("https://pictures.example/a"))).toBe("messages.content");
  });

  test("#29 detail is OpenAI's: told where it is lost, but for auto", () => {
    expect(losses("openai-chat", "anthropic", image("data:image/png;base64,aGk=", "high"))).toEqual(["messages.content.image_url.detail"]);
    expect(losses("openai-chat", "anthropic", image("data:image/png;base64,aGk=", "auto"))).toEqual([]);
  });

  test("#29 what another provider holds cannot be read: refused", () => {
    const uploaded = { messages: [{ role: "user", content: [{ type: "image", source: { type: "file", file_id: "file_1" } }] }] };
    for (const upstream of ["openai-chat", "bedrock", "gemini"] as const) expect(refusedField("anthropic", upstream, uploaded)).toBe("messages.content");
  });
});

describe("#30 documents and sound", () => {
  const file = (filename: string | undefined) => ({
    type: "file",
    file: { ...(filename === undefined ? {} : { filename }), file_data: "data:application/pdf;base64,aGk=" },
  });

  test("#30 Converse: names of its letters, each once, and a text beside the document", () => {
    const names = ["Größe_1.pdf", "a/../b.pdf", undefined, undefined, "x".repeat(300)];
    const { content } = arrives("openai-chat", "bedrock", { messages: [{ role: "user", content: names.map(file) }] }).messages[0];
    const made = content.flatMap((block: { document?: { name: string } }) => block.document?.name ?? []);
    expect(new Set(made).size).toBe(5);
    for (const name of made) {
      expect(name).toMatch(/^[A-Za-z0-9 ()[\]-]{1,200}$/);
      expect(name).not.toMatch(/\s\s/);
    }
    expect(content.some((block: object) => "text" in block)).toBe(true);
    expect(refusedField("openai-chat", "bedrock", { messages: [{ role: "user", content: [...names, "six.pdf"].map(file) }] })).toBe("messages.content");
  });

  test("#30 Anthropic has PDF and text, with its citations carried to Converse and told as lost elsewhere", () => {
    expect(arrives("openai-chat", "anthropic", { messages: [{ role: "user", content: [file("a.pdf")] }] }).messages[0].content[0]).toEqual({
      type: "document",
      source: { type: "base64", media_type: "application/pdf", data: "aGk=" },
      title: "a.pdf",
    });
    const cited = {
      messages: [
        { role: "user", content: [{ type: "document", source: { type: "text", media_type: "text/plain", data: "x" }, citations: { enabled: true } }] },
      ],
    };
    expect(arrives("anthropic", "bedrock", cited).messages[0].content[0].document).toMatchObject({
      format: "txt",
      source: { text: "x" },
      citations: { enabled: true },
    });
    expect(losses("anthropic", "openai-chat", cited)).toEqual(["messages.content.citations"]);
  });

  test("#30 sound: Gemini takes it, Claude does not", () => {
    const asked = { messages: [{ role: "user", content: [{ type: "input_audio", input_audio: { data: "aGk=", format: "wav" } }] }] };
    expect(arrives("openai-chat", "gemini", asked).contents[0].parts[0]).toEqual({ inlineData: { mimeType: "audio/wav", data: "aGk=" } });
    for (const upstream of ["anthropic", "bedrock"] as const) expect(refusedField("openai-chat", upstream, asked)).toBe("messages.content");
    expect(refusedField("openai-chat", "gemini", { modalities: ["text", "audio"], audio: { voice: "x", format: "wav" } })).toBe("modalities");
  });
});

describe("#31 empty and blank texts", () => {
  const messages = [
    { role: "system", content: " " },
    {
      role: "user",
      content: [
        { type: "text", text: "" },
        { type: "text", text: "Hi" },
        { type: "text", text: "\n" },
      ],
    },
    { role: "assistant", content: "", tool_calls: [{ id: "a", type: "function", function: { name: "weather", arguments: "{}" } }] },
    { role: "tool", tool_call_id: "a", content: "" },
    { role: "assistant", content: "" },
    { role: "user", content: "And?" },
  ];

  test("#31 Anthropic and Converse refuse them: left out, and a turn of nothing is no turn", () => {
    const anthropic = arrives("openai-chat", "anthropic", { messages });
    expect(anthropic).not.toHaveProperty("system");
    expect(anthropic.messages.map((one: { content: { type: string }[] }) => one.content.map((block) => block.type))).toEqual([
      ["text"],
      ["tool_use"],
      ["tool_result"],
      ["text"],
    ]);
    const bedrock = arrives("openai-chat", "bedrock", { messages, tools: [WEATHER.chat] });
    expect(JSON.stringify(bedrock)).not.toMatch(/"text":"\s*"/);
    expect(bedrock.messages.map((one: { role: string }) => one.role)).toEqual(["user", "assistant", "user"]);
    expect(bedrock.messages[2].content[0].toolResult.content).toHaveLength(1);
  });

  test("#31 Gemini needs a part in each entry", () => {
    for (const { parts } of arrives("openai-chat", "gemini", { messages }).contents) expect(parts.length).toBeGreaterThan(0);
  });

  test("#31 OpenAI has null beside calls", () => {
    const history = [
      user,
      { role: "assistant", content: [{ type: "tool_use", id: "a", name: "weather", input: {} }] },
      { role: "user", content: [{ type: "tool_result", tool_use_id: "a" }] },
    ];
    const made = arrives("anthropic", "openai-chat", { messages: history }).messages;
    expect(made[1].content).toBeNull();
    expect(made[2]).toEqual({ role: "tool", tool_call_id: "a", content: "" });
  });
});

test("#32 marks of what to cache are carried where there is a place, and never an error or a loss", () => {
  const cache_control = { type: "ephemeral", ttl: "1h" };
  const asked = {
    messages: [{ role: "user", content: [{ type: "text", text: "Hi", cache_control }] }],
    tools: [{ ...WEATHER.anthropic, cache_control }],
    cache_control: { type: "ephemeral" },
  };
  expect(arrives("anthropic", "bedrock", asked).messages[0].content).toEqual([{ text: "Hi" }, { cachePoint: { type: "default", ttl: "1h" } }]);
  expect(arrives("anthropic", "bedrock", asked).toolConfig.tools[1]).toEqual({ cachePoint: { type: "default", ttl: "1h" } });
  for (const upstream of ["openai-chat", "gemini", "bedrock"] as const) expect(losses("anthropic", upstream, asked)).toEqual([]);
  for (const upstream of ["anthropic", "gemini", "bedrock"] as const)
    expect(losses("openai-chat", upstream, { prompt_cache_key: "k", prompt_cache_retention: "24h" })).toEqual([]);
});

test("#45 the pseudonym of the user: Anthropic's metadata.user_id, and never Converse's requestMetadata", () => {
  expect(arrives("openai-chat", "anthropic", { user: "u1", safety_identifier: "s1" }).metadata).toEqual({ user_id: "s1" });
  expect(arrives("openai-chat", "anthropic", { user: "u1" }).metadata).toEqual({ user_id: "u1" });
  expect(arrives("anthropic", "openai-chat", { metadata: { user_id: "u1" } }).user).toBe("u1");
  const bedrock = arrives("openai-chat", "bedrock", { user: "u1", metadata: { a: "b" } });
  expect(JSON.stringify(bedrock)).not.toMatch(/requestMetadata|u1/);
  expect([...losses("openai-chat", "bedrock", { user: "u1", metadata: { a: "b" } })].sort()).toEqual(["metadata", "user"]);
});

describe("#46 the Responses API keeps state, which cannot cross providers", () => {
  test.each([
    ["previous_response_id", "resp_1"],
    ["store", true],
    ["conversation", "conv_1"],
    ["background", true],
    ["prompt", { id: "p" }],
  ])("#46 %s is refused by name", (name, value) => {
    for (const upstream of ["openai-chat", "anthropic", "gemini", "bedrock"] as const)
      expect(refusedField("openai-responses", upstream, { [name]: value })).toBe(name);
  });

  test("#46 what says that nothing is kept passes, and so does the wish for encrypted thoughts", () => {
    const asked = { store: false, background: false, previous_response_id: null, include: ["reasoning.encrypted_content"] };
    for (const upstream of ["openai-chat", "anthropic", "gemini", "bedrock"] as const) expect(losses("openai-responses", upstream, asked)).toEqual([]);
  });

  test("#46 an item that only OpenAI holds is the caller's mistake, told by its place", () => {
    expect(() => arrives("openai-responses", "anthropic", { input: [{ type: "item_reference", id: "msg_1" }] })).toThrow(/input\[0\]/);
  });
});
