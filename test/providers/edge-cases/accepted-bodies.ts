import { z } from "zod";
import type { Upstream } from "../../fakes/wire-answers.ts";

/**
 * What each provider takes, as far as the tests write it: by hand after the types of the official SDKs and the providers' documentation, with the rules that
 * no type tells. Every object is strict: a member that is not listed is one that the provider would refuse.
 */

const nonBlank = z.string().refine((text) => text.trim() !== "", "is blank");
const schema = z.looseObject({ type: z.literal("object") });
const object = z.record(z.string(), z.unknown());
const base64 = z.base64();

/** Every fault in words; none: it is accepted. */
type Check = (body: unknown) => readonly string[];

function check<T>(form: z.ZodType<T>, rules: (body: T) => readonly string[]): Check {
  return (body) => {
    const read = form.safeParse(body);
    return read.success ? rules(read.data) : read.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message} ${JSON.stringify(issue)}`);
  };
}

const rule = (holds: boolean, fault: string): readonly string[] => (holds ? [] : [fault]);

// Anthropic Messages.
const anthropicId = z.string().regex(/^[a-zA-Z0-9_-]+$/);
const anthropicName = z.string().regex(/^[a-zA-Z0-9_-]{1,128}$/);
const anthropicText = z.strictObject({ type: z.literal("text"), text: nonBlank });
const anthropicImage = z.strictObject({
  type: z.literal("image"),
  source: z.strictObject({ type: z.literal("base64"), media_type: z.enum(["image/png", "image/jpeg", "image/gif", "image/webp"]), data: base64 }),
});
const anthropicDocument = z.strictObject({
  type: z.literal("document"),
  title: z.string().optional(),
  source: z.strictObject({ type: z.literal("base64"), media_type: z.literal("application/pdf"), data: base64 }),
});
const anthropicUse = z.strictObject({ type: z.literal("tool_use"), id: anthropicId, name: anthropicName, input: object });
const anthropicResult = z.strictObject({
  type: z.literal("tool_result"),
  tool_use_id: anthropicId,
  content: z
    .array(z.union([anthropicText, anthropicImage]))
    .min(1)
    .optional(),
  is_error: z.boolean().optional(),
});
const anthropicMessage = z.discriminatedUnion("role", [
  z.strictObject({ role: z.literal("user"), content: z.array(z.union([anthropicText, anthropicImage, anthropicDocument, anthropicResult])).min(1) }),
  z.strictObject({ role: z.literal("assistant"), content: z.array(z.union([anthropicText, anthropicUse])).min(1) }),
]);
const anthropic = z.strictObject({
  model: z.string(),
  max_tokens: z.int().min(1),
  messages: z.array(anthropicMessage).min(1),
  system: z.union([nonBlank, z.array(anthropicText).min(1)]).optional(),
  tools: z
    .array(z.strictObject({ name: anthropicName, description: z.string().optional(), input_schema: schema }))
    .min(1)
    .optional(),
  tool_choice: z
    .union([z.strictObject({ type: z.enum(["auto", "any", "none"]) }), z.strictObject({ type: z.literal("tool"), name: anthropicName })])
    .optional(),
  thinking: z
    .union([z.strictObject({ type: z.literal("adaptive") }), z.strictObject({ type: z.literal("enabled"), budget_tokens: z.int().min(1_024) })])
    .optional(),
  output_config: z.strictObject({ effort: z.enum(["low", "medium", "high", "xhigh", "max"]) }).optional(),
  temperature: z.number().min(0).max(1).optional(),
  stop_sequences: z.array(nonBlank).min(1).optional(),
});

function anthropicRules({ messages, tools = [], tool_choice, thinking, max_tokens, temperature }: z.infer<typeof anthropic>): readonly string[] {
  const faults: string[] = [...rule(messages[0]?.role === "user", "the user does not begin")];
  // Neighbours of one role are one message to the API.
  for (const [at, message] of messages.entries()) {
    const ids = message.content.flatMap((block) => (block.type === "tool_use" ? [block.id] : []));
    if (ids.length > 0) {
      const next = messages[at + 1];
      const answered = next?.role === "user" ? next.content.flatMap((block) => (block.type === "tool_result" ? [block.tool_use_id] : [])) : [];
      faults.push(
        ...rule(same(ids, answered), `calls ${ids.join()} have the results ${answered.join()}`),
        ...rule(new Set(ids).size === ids.length, "an id twice"),
      );
    }
    const kinds = message.content.map((block) => block.type === "tool_result");
    faults.push(...rule(kinds.lastIndexOf(true) < kinds.indexOf(false) || !kinds.includes(true) || !kinds.includes(false), "a result after something else"));
  }
  if (thinking?.type === "enabled") faults.push(...rule(thinking.budget_tokens < max_tokens, "no room beside the thought"));
  if (thinking !== undefined) {
    faults.push(
      ...rule(tool_choice?.type !== "any" && tool_choice?.type !== "tool", "thought beside a forced tool"),
      ...rule(temperature === undefined, "temperature beside thought"),
    );
  }
  const names = tools.map((tool) => tool.name);
  faults.push(...rule(new Set(names).size === names.length, "a name twice"));
  if (tool_choice?.type === "tool") faults.push(...rule(names.includes(tool_choice.name), "a tool is chosen that is not there"));
  return faults;
}

// Converse.
const bedrockId = z.string().regex(/^[a-zA-Z0-9_-]{1,64}$/);
const bedrockText = z.strictObject({ text: nonBlank });
const bedrockImage = z.strictObject({ image: z.strictObject({ format: z.enum(["png", "jpeg", "gif", "webp"]), source: z.strictObject({ bytes: base64 }) }) });
const bedrockDocument = z.strictObject({
  document: z.strictObject({
    format: z.literal("pdf"),
    name: z
      .string()
      .regex(/^[A-Za-z0-9 ()[\]-]{1,200}$/)
      .refine((name) => !/\s\s/.test(name)),
    source: z.strictObject({ bytes: base64 }),
  }),
});
const bedrockUse = z.strictObject({ toolUse: z.strictObject({ toolUseId: bedrockId, name: bedrockId, input: object }) });
const bedrockResult = z.strictObject({
  toolResult: z.strictObject({
    toolUseId: bedrockId,
    content: z.array(z.union([bedrockText, bedrockImage, z.strictObject({ json: object })])).min(1),
    status: z.enum(["success", "error"]).optional(),
  }),
});
const bedrockMessage = z.discriminatedUnion("role", [
  z.strictObject({ role: z.literal("user"), content: z.array(z.union([bedrockText, bedrockImage, bedrockDocument, bedrockResult])).min(1) }),
  z.strictObject({ role: z.literal("assistant"), content: z.array(z.union([bedrockText, bedrockUse])).min(1) }),
]);
const bedrock = z.strictObject({
  messages: z.array(bedrockMessage).min(1),
  system: z.array(bedrockText).min(1).optional(),
  inferenceConfig: z
    .strictObject({
      maxTokens: z.int().min(1).optional(),
      temperature: z.number().min(0).max(1).optional(),
      stopSequences: z.array(nonBlank).min(1).optional(),
    })
    .optional(),
  toolConfig: z
    .strictObject({
      tools: z
        .array(
          z.strictObject({
            toolSpec: z.strictObject({ name: bedrockId, description: z.string().min(1).optional(), inputSchema: z.strictObject({ json: schema }) }),
          }),
        )
        .min(1),
      toolChoice: z
        .union([
          z.strictObject({ auto: z.strictObject({}) }),
          z.strictObject({ any: z.strictObject({}) }),
          z.strictObject({ tool: z.strictObject({ name: bedrockId }) }),
        ])
        .optional(),
    })
    .optional(),
  additionalModelRequestFields: z
    .strictObject({
      thinking: z.union([z.strictObject({ type: z.literal("adaptive") }), z.strictObject({ type: z.literal("enabled"), budget_tokens: z.int().min(1_024) })]),
      output_config: z.strictObject({ effort: z.string() }).optional(),
    })
    .optional(),
});

function bedrockRules({ messages, toolConfig, additionalModelRequestFields, inferenceConfig }: z.infer<typeof bedrock>): readonly string[] {
  const faults: string[] = [];
  const documents: string[] = [];
  let calls = 0;
  for (const [at, message] of messages.entries()) {
    faults.push(...rule(message.role === (at % 2 === 0 ? "user" : "assistant"), "roles do not take turns"));
    const ids = message.content.flatMap((block) => ("toolUse" in block ? [block.toolUse.toolUseId] : []));
    calls += ids.length;
    const next = messages[at + 1];
    const answered = next?.role === "user" ? next.content.flatMap((block) => ("toolResult" in block ? [block.toolResult.toolUseId] : [])) : [];
    faults.push(...rule(same(ids, message.role === "assistant" ? answered : []), `calls ${ids.join()} have the results ${answered.join()}`));
    const held = message.content.flatMap((block) => ("document" in block ? [block.document.name] : []));
    documents.push(...held);
    if (held.length > 0)
      faults.push(
        ...rule(
          message.content.some((block) => "text" in block),
          "a document without a text",
        ),
      );
  }
  faults.push(...rule(new Set(documents).size === documents.length, "a document's name twice"), ...rule(documents.length <= 5, "too many documents"));
  if (calls > 0) faults.push(...rule(toolConfig !== undefined, "calls without a list of tools"));
  const names = toolConfig?.tools.map((tool) => tool.toolSpec.name) ?? [];
  faults.push(...rule(new Set(names).size === names.length, "a name twice"));
  const choice = toolConfig?.toolChoice;
  if (choice !== undefined && "tool" in choice) faults.push(...rule(names.includes(choice.tool.name), "a tool is chosen that is not there"));
  if (additionalModelRequestFields !== undefined) {
    faults.push(
      ...rule(choice === undefined || "auto" in choice, "thought beside a forced tool"),
      ...rule((inferenceConfig?.temperature ?? 1) === 1, "temperature beside thought"),
    );
  }
  return faults;
}

// Gemini.
const geminiName = z.string().regex(/^[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}$/);
const geminiText = z.strictObject({ text: z.string().min(1) });
const geminiCall = z.strictObject({
  functionCall: z.strictObject({ id: z.string().min(1), name: geminiName, args: object }),
  thoughtSignature: z.string().optional(),
});
const geminiResponse = z.strictObject({ functionResponse: z.strictObject({ id: z.string().min(1), name: geminiName, response: object }) });
const geminiData = z.strictObject({ inlineData: z.strictObject({ mimeType: z.string().regex(/^[a-z]+\/[a-z]+$/), data: base64 }) });
const gemini = z.strictObject({
  contents: z
    .array(
      z.discriminatedUnion("role", [
        z.strictObject({ role: z.literal("user"), parts: z.array(z.union([geminiText, geminiData, geminiResponse])).min(1) }),
        z.strictObject({ role: z.literal("model"), parts: z.array(z.union([geminiText, geminiCall])).min(1) }),
      ]),
    )
    .min(1),
  systemInstruction: z.strictObject({ parts: z.array(geminiText).min(1) }).optional(),
  generationConfig: z
    .strictObject({
      maxOutputTokens: z.int().min(1).optional(),
      temperature: z.number().min(0).max(2).optional(),
      stopSequences: z.array(z.string().min(1)).min(1).max(5).optional(),
      thinkingConfig: z
        .strictObject({
          includeThoughts: z.boolean(),
          thinkingLevel: z.enum(["MINIMAL", "LOW", "MEDIUM", "HIGH"]).optional(),
          thinkingBudget: z.int().min(0).max(24_576).optional(),
        })
        .optional(),
    })
    .optional(),
  tools: z
    .array(
      z.strictObject({
        functionDeclarations: z.array(z.strictObject({ name: geminiName, description: z.string().optional(), parametersJsonSchema: schema.optional() })).min(1),
      }),
    )
    .length(1)
    .optional(),
  toolConfig: z
    .strictObject({
      functionCallingConfig: z.strictObject({
        mode: z.enum(["NONE", "AUTO", "ANY", "VALIDATED"]),
        allowedFunctionNames: z.array(geminiName).min(1).optional(),
      }),
    })
    .optional(),
});

function geminiRules({ contents, tools, toolConfig }: z.infer<typeof gemini>): readonly string[] {
  const faults: string[] = [];
  for (const [at, { parts }] of contents.entries()) {
    const calls = parts.flatMap((part) => ("functionCall" in part ? [`${part.functionCall.name} ${part.functionCall.id}`] : []));
    const responses = (contents[at + 1]?.parts ?? []).flatMap((part) =>
      "functionResponse" in part ? [`${part.functionResponse.name} ${part.functionResponse.id}`] : [],
    );
    // By position: the order counts.
    faults.push(...rule(calls.join("\n") === responses.join("\n"), `calls ${calls.join()} have the responses ${responses.join()}`));
    const kinds = new Set(parts.map((part) => "functionResponse" in part));
    faults.push(...rule(kinds.size === 1, "a response beside something else"));
  }
  const names = tools?.[0]?.functionDeclarations.map((one) => one.name) ?? [];
  faults.push(...rule(new Set(names).size === names.length, "a name twice"));
  for (const name of toolConfig?.functionCallingConfig.allowedFunctionNames ?? [])
    faults.push(...rule(names.includes(name), "a tool is chosen that is not there"));
  return faults;
}

// Chat completions.
const chatName = z.string().regex(/^[a-zA-Z0-9_-]{1,64}$/);
const chatId = z.string().min(1).max(40);
const chatText = z.strictObject({ type: z.literal("text"), text: z.string().min(1) });
const chatImage = z.strictObject({ type: z.literal("image_url"), image_url: z.strictObject({ url: z.string().startsWith("data:image/png;base64,") }) });
const chatFile = z.strictObject({
  type: z.literal("file"),
  file: z.strictObject({ filename: z.string(), file_data: z.string().startsWith("data:application/pdf;base64,") }),
});
const chatCall = z.strictObject({ id: chatId, type: z.literal("function"), function: z.strictObject({ name: chatName, arguments: z.string().min(2) }) });
const chat = z.strictObject({
  model: z.string(),
  messages: z
    .array(
      z.discriminatedUnion("role", [
        z.strictObject({ role: z.literal("system"), content: z.string() }),
        z.strictObject({ role: z.literal("user"), content: z.union([z.string().min(1), z.array(z.union([chatText, chatImage, chatFile])).min(1)]) }),
        z.strictObject({ role: z.literal("assistant"), content: z.string().nullable(), tool_calls: z.array(chatCall).min(1).optional() }),
        z.strictObject({ role: z.literal("tool"), tool_call_id: chatId, content: z.string() }),
      ]),
    )
    .min(1),
  max_completion_tokens: z.int().min(1),
  tools: z
    .array(
      z.strictObject({ type: z.literal("function"), function: z.strictObject({ name: chatName, description: z.string().optional(), parameters: schema }) }),
    )
    .min(1),
  tool_choice: z
    .union([z.enum(["none", "auto", "required"]), z.strictObject({ type: z.literal("function"), function: z.strictObject({ name: chatName }) })])
    .optional(),
  temperature: z.number().min(0).max(2).optional(),
  stop: z.array(z.string().min(1)).min(1).max(4).optional(),
});

function chatRules({ messages, tools, tool_choice }: z.infer<typeof chat>): readonly string[] {
  const faults: string[] = [];
  let open = new Set<string>();
  for (const message of messages) {
    if (message.role === "tool") faults.push(...rule(open.delete(message.tool_call_id), `a result of no call ${message.tool_call_id}`));
    else {
      faults.push(...rule(open.size === 0, `calls without results ${[...open].join()}`));
      open = new Set(message.role === "assistant" ? message.tool_calls?.map((call) => call.id) : []);
      if (message.role === "assistant") faults.push(...rule(message.content !== null || open.size > 0, "an assistant that says nothing"));
    }
  }
  const names = tools.map((tool) => tool.function.name);
  faults.push(...rule(new Set(names).size === names.length, "a name twice"));
  if (typeof tool_choice === "object") faults.push(...rule(names.includes(tool_choice.function.name), "a tool is chosen that is not there"));
  return faults;
}

function same(one: readonly string[], other: readonly string[]): boolean {
  return [...one].sort().join("\n") === [...other].sort().join("\n");
}

// Responses.
const itemText = (type: "input_text" | "output_text") => z.strictObject({ type: z.literal(type), text: z.string().min(1) });
const itemCallId = z.string().min(1).max(64);
const responses = z.strictObject({
  model: z.string(),
  input: z.array(
    z.union([
      z.strictObject({
        type: z.literal("message"),
        role: z.enum(["user", "developer"]),
        content: z
          .array(
            z.union([
              itemText("input_text"),
              z.strictObject({ type: z.literal("input_image"), image_url: z.string().startsWith("data:"), detail: z.literal("auto") }),
              z.strictObject({ type: z.literal("input_file"), filename: z.string(), file_data: z.string().startsWith("data:") }),
            ]),
          )
          .min(1),
      }),
      z.strictObject({ type: z.literal("message"), role: z.literal("assistant"), content: z.array(itemText("output_text")).min(1) }),
      z.strictObject({ type: z.literal("function_call"), call_id: itemCallId, name: chatName, arguments: z.string().min(1) }),
      z.strictObject({ type: z.literal("function_call_output"), call_id: itemCallId, output: z.string() }),
    ]),
  ),
  instructions: z.string().optional(),
  store: z.literal(false),
  include: z.array(z.literal("reasoning.encrypted_content")),
  max_output_tokens: z.int().min(1).optional(),
  tools: z
    .array(z.strictObject({ type: z.literal("function"), name: chatName, description: z.string().optional(), parameters: schema, strict: z.literal(false) }))
    .min(1),
  tool_choice: z.union([z.enum(["none", "auto", "required"]), z.strictObject({ type: z.literal("function"), name: chatName })]).optional(),
  reasoning: z.strictObject({ effort: z.enum(["low", "high"]), summary: z.literal("auto") }).optional(),
  temperature: z.number().min(0).max(2).optional(),
});

function responsesRules({ input, tools, tool_choice }: z.infer<typeof responses>): readonly string[] {
  const called = input.flatMap((item) => (item.type === "function_call" ? [item.call_id] : []));
  const answered = input.flatMap((item) => (item.type === "function_call_output" ? [item.call_id] : []));
  const names = tools.map((tool) => tool.name);
  return [
    ...rule(input.length > 0, "nothing is said"),
    ...rule(same(called, answered), `calls ${called.join()} have the results ${answered.join()}`),
    ...rule(new Set(called).size === called.length, "an id twice"),
    ...rule(new Set(names).size === names.length, "a name twice"),
    ...rule(typeof tool_choice !== "object" || names.includes(tool_choice.name), "a tool is chosen that is not there"),
  ];
}

/** Faults of a body at each provider. */
export const ACCEPTED: Readonly<Record<Upstream, Check>> = {
  "openai-chat": check(chat, chatRules),
  "openai-responses": check(responses, responsesRules),
  anthropic: check(anthropic, anthropicRules),
  bedrock: check(bedrock, bedrockRules),
  gemini: check(gemini, geminiRules),
};
