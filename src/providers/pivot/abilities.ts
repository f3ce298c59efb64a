import type { Block, WireApi } from "./block.ts";
import type { PivotRequest } from "./request.ts";

/**
 * What an API makes of a member of the pivot. `carried`: the same thing by another name. `mapped`: the nearest thing, which means the same.
 * `hint`: left out, and nothing but speed or price may differ. `loss`: left out, and the caller is told. `refused`: it would change the meaning of the answer.
 */
export type Ability = "carried" | "mapped" | "hint" | "loss" | "refused";

interface MemberRule {
  /** What the caller's API calls it, for errors and `x-egress-translation-loss`. An API that cannot say it is left out. */
  readonly names: Partial<Readonly<Record<WireApi, string>>>;
  /** For people. */
  readonly title: string;
  readonly isIn: (request: PivotRequest) => boolean;
}

/** Every member of a request that some API cannot say. */
const MEMBERS = {
  temperature: {
    title: "temperature",
    names: names("temperature", "temperature", "temperature", "generationConfig.temperature", "inferenceConfig.temperature"),
    isIn: ({ sampling }) => sampling.temperature !== null,
  },
  topP: {
    title: "nucleus sampling",
    names: names("top_p", "top_p", "top_p", "generationConfig.topP", "inferenceConfig.topP"),
    isIn: ({ sampling }) => sampling.topP !== null,
  },
  topK: {
    title: "top-k sampling",
    names: { "openai-chat": "top_k", anthropic: "top_k", gemini: "generationConfig.topK", bedrock: "additionalModelRequestFields.top_k" },
    isIn: ({ sampling }) => sampling.topK !== null,
  },
  seed: { title: "seed", names: { "openai-chat": "seed", gemini: "generationConfig.seed" }, isIn: ({ sampling }) => sampling.seed !== null },
  frequencyPenalty: {
    title: "frequency penalty",
    names: { "openai-chat": "frequency_penalty", gemini: "generationConfig.frequencyPenalty" },
    isIn: ({ sampling }) => (sampling.frequencyPenalty ?? 0) !== 0,
  },
  presencePenalty: {
    title: "presence penalty",
    names: { "openai-chat": "presence_penalty", gemini: "generationConfig.presencePenalty" },
    isIn: ({ sampling }) => (sampling.presencePenalty ?? 0) !== 0,
  },
  choices: {
    title: "more than one answer",
    names: { "openai-chat": "n", gemini: "generationConfig.candidateCount" },
    isIn: ({ sampling }) => (sampling.choices ?? 1) !== 1,
  },
  logprobs: {
    title: "log probabilities",
    names: { "openai-chat": "logprobs", "openai-responses": "top_logprobs", gemini: "generationConfig.responseLogprobs" },
    isIn: ({ sampling }) => sampling.logprobs === true || (sampling.topLogprobs ?? 0) > 0,
  },
  logitBias: {
    title: "bias of tokens",
    names: { "openai-chat": "logit_bias" },
    isIn: ({ sampling }) => sampling.logitBias !== null && Object.keys(sampling.logitBias).length > 0,
  },
  stop: {
    title: "stop sequences",
    names: names("stop", null, "stop_sequences", "generationConfig.stopSequences", "inferenceConfig.stopSequences"),
    isIn: ({ stop }) => stop.length > 0,
  },
  user: {
    title: "pseudonym of the end user",
    names: names("user", "user", "metadata.user_id", null, null),
    isIn: ({ user }) => user !== null,
  },
  parallelToolCalls: {
    title: "one tool call at a time",
    names: names("parallel_tool_calls", "parallel_tool_calls", "tool_choice.disable_parallel_tool_use", null, null),
    isIn: ({ parallelToolCalls, tools }) => parallelToolCalls === false && tools.length > 0,
  },
  toolChoiceNone: {
    title: "no tool may be called",
    names: names("tool_choice", "tool_choice", "tool_choice", "toolConfig.functionCallingConfig.mode", null),
    isIn: ({ toolChoice, tools }) => toolChoice?.kind === "none" && tools.length > 0,
  },
  toolChoiceRequired: {
    title: "some tool must be called",
    names: names("tool_choice", "tool_choice", "tool_choice", "toolConfig.functionCallingConfig.mode", "toolConfig.toolChoice"),
    isIn: ({ toolChoice }) => toolChoice?.kind === "required" || toolChoice?.kind === "tool",
  },
  toolChoiceAllowed: {
    title: "only some tools may be called",
    names: names("tool_choice", "tool_choice", null, "toolConfig.functionCallingConfig.allowedFunctionNames", null),
    isIn: ({ toolChoice }) => toolChoice?.kind === "allowed",
  },
  strictTools: {
    title: "arguments held to the schema",
    names: names("tools.function.strict", "tools.strict", "tools.strict", null, null),
    isIn: ({ tools }) => tools.some((tool) => tool.kind === "function" && tool.strict === true),
  },
  serverTools: {
    title: "tools that the provider runs",
    names: names("tools", "tools", "tools", "tools", "toolConfig.tools"),
    isIn: ({ tools }) => tools.some((tool) => tool.kind === "server"),
  },
  json: {
    title: "an answer in JSON",
    names: names("response_format", "text.format", null, "generationConfig.responseMimeType", null),
    isIn: ({ format }) => format?.kind === "json",
  },
  jsonSchema: {
    title: "an answer held to a schema",
    names: names("response_format", "text.format", "output_config.format", "generationConfig.responseJsonSchema", "outputConfig.textFormat"),
    isIn: ({ format }) => format?.kind === "json_schema",
  },
  reasoning: {
    title: "how much to think",
    names: names("reasoning_effort", "reasoning", "thinking", "generationConfig.thinkingConfig", "additionalModelRequestFields.thinking"),
    isIn: ({ reasoning }) => reasoning !== null,
  },
  laterSystem: {
    title: "instructions in the middle",
    names: names("messages", "input", "messages", null, null),
    isIn: ({ turns }) => turns.some((turn) => turn.role === "system"),
  },
  participantNames: {
    title: "names of participants",
    names: { "openai-chat": "messages.name" },
    isIn: ({ turns }) => turns.some((turn) => turn.name !== null),
  },
  imageData: {
    title: "images in the request",
    names: mediaNames(),
    isIn: (request) => has(request, (block) => block.kind === "image" && block.source.type === "base64"),
  },
  imageUrl: {
    title: "images by address",
    names: mediaNames(),
    isIn: (request) => has(request, (block) => block.kind === "image" && block.source.type === "url"),
  },
  imageDetail: {
    title: "resolution of images",
    names: names("messages.content.image_url.detail", "input.content.detail", null, "generationConfig.mediaResolution", null),
    isIn: (request) => has(request, (block) => block.kind === "image" && block.detail !== null && block.detail !== "auto"),
  },
  fileData: {
    title: "documents in the request",
    names: mediaNames(),
    isIn: (request) => has(request, (block) => block.kind === "file" && block.source.type === "base64"),
  },
  fileUrl: {
    title: "documents by address",
    names: mediaNames(),
    isIn: (request) => has(request, (block) => block.kind === "file" && block.source.type === "url"),
  },
  fileText: {
    title: "documents of plain text",
    names: mediaNames(),
    isIn: (request) => has(request, (block) => block.kind === "file" && block.source.type === "text"),
  },
  uploads: {
    title: "files that another provider holds",
    names: mediaNames(),
    isIn: (request) => has(request, (block) => (block.kind === "image" || block.kind === "file") && block.source.type === "id"),
  },
  audio: { title: "sound", names: mediaNames(), isIn: (request) => has(request, (block) => block.kind === "audio") },
  documentCitations: {
    title: "citations of documents",
    names: { anthropic: "messages.content.citations", bedrock: "messages.content.document.citations" },
    isIn: (request) => has(request, (block) => block.kind === "file" && block.cites),
  },
  mediaInResults: {
    title: "images and documents in results of tools",
    names: names(
      "messages.content",
      "input.output",
      "messages.content.content",
      "contents.parts.functionResponse.parts",
      "messages.content.toolResult.content",
    ),
    isIn: (request) => has(request, (block) => block.kind === "tool_result" && block.content.some((one) => one.kind !== "text")),
  },
  failedResults: {
    title: "results of tools that failed",
    names: names(null, "input.status", "messages.content.is_error", "contents.parts.functionResponse.response.error", "messages.content.toolResult.status"),
    isIn: (request) => has(request, (block) => block.kind === "tool_result" && block.isError === true),
  },
  serverToolBlocks: {
    title: "calls of tools that another provider ran",
    names: names("messages.tool_calls", "input", "messages.content", "contents.parts", "messages.content"),
    isIn: (request) => has(request, (block) => block.kind === "server_tool"),
  },
  cacheMarks: {
    title: "marks of what to cache",
    names: names("messages.content.prompt_cache_breakpoint", "input.content.prompt_cache_breakpoint", "cache_control", "cachedContent", "cachePoint"),
    isIn: (request) =>
      request.system.some((block) => block.cache !== null) ||
      request.tools.some((tool) => tool.kind === "function" && tool.cache !== null) ||
      has(request, (block) => "cache" in block && block.cache !== null),
  },
} as const satisfies Readonly<Record<string, MemberRule>>;

export type Member = keyof typeof MEMBERS;

/** What one API can say: every member is answered for. */
export type Abilities = Readonly<Record<Member, Ability>>;

/** Top-level names of the caller's own body that the pivot does not know. What is not listed is a `loss`. */
export type ExtrasRule = (name: string, value: unknown) => Ability;

export type Assessed = { readonly ok: true; readonly losses: readonly string[] } | { readonly ok: false; readonly field: string; readonly reason: string };

/** What of this request the API cannot say. The first member that must not be left out decides. */
export function assess(request: PivotRequest, abilities: Abilities, extras: ExtrasRule): Assessed {
  const losses: string[] = [];
  for (const member of MEMBER_NAMES) {
    const ability = abilities[member];
    if (ability === "carried" || ability === "mapped" || ability === "hint") continue;
    const rule: MemberRule = MEMBERS[member];
    if (!rule.isIn(request)) continue;
    const field = rule.names[request.from] ?? member;
    if (ability === "refused") return { ok: false, field, reason: `it cannot say "${rule.title}"` };
    losses.push(field);
  }
  for (const [name, value] of Object.entries(request.extras)) {
    const ability = extras(name, value);
    if (ability === "refused") return { ok: false, field: name, reason: "it has nothing of the kind, and the answer would mean something else" };
    if (ability === "loss") losses.push(name);
  }
  return { ok: true, losses: [...new Set(losses)] };
}

// `as`: the keys of a const object are its own.
export const MEMBER_NAMES = Object.keys(MEMBERS) as readonly Member[];

/** For the documentation. */
export function memberTitle(member: Member): string {
  return MEMBERS[member].title;
}

/** What an API calls it; null: it cannot say it. */
export function memberName(member: Member, api: WireApi): string | null {
  const rule: MemberRule = MEMBERS[member];
  return rule.names[api] ?? null;
}

function has(request: PivotRequest, test: (block: Block) => boolean): boolean {
  return request.turns.some((turn) => turn.blocks.some(test));
}

function names(
  chat: string | null,
  responses: string | null,
  anthropic: string | null,
  gemini: string | null,
  bedrock: string | null,
): Partial<Record<WireApi, string>> {
  const all = { "openai-chat": chat, "openai-responses": responses, anthropic, gemini, bedrock };
  return Object.fromEntries(Object.entries(all).flatMap(([api, name]) => (name === null ? [] : [[api, name]])));
}

function mediaNames(): Partial<Record<WireApi, string>> {
  return names("messages.content", "input.content", "messages.content", "contents.parts", "messages.content");
}
