import type { ApiQuirks } from "../model/backend.ts";

/** A provider that speaks OpenAI's API: where it does so, and where it differs. Data: another provider is another entry. */
export interface ApiPreset {
  /** The public host; null: one's own. */
  readonly host: string | null;
  /** As `gen_ai.provider.name` has it; null: whose prices nobody lists, or many providers behind one name. */
  readonly provider: string | null;
  /** Null: it has something of the user's own in it, and is to be written in the policy. */
  readonly prefix: string | null;
  /** Differences from `COMPATIBLE`. */
  readonly quirks: Partial<ApiQuirks>;
}

/** OpenAI itself. */
export const OPENAI_QUIRKS: ApiQuirks = {
  maxTokens: "max_completion_tokens",
  streamUsage: true,
  thoughts: null,
  reasoningEffort: true,
  jsonSchema: true,
  responses: true,
};

/** What most servers that speak its API have: the older name of the bound, and no Responses API. */
export const COMPATIBLE: ApiQuirks = { ...OPENAI_QUIRKS, maxTokens: "max_tokens", reasoningEffort: false, responses: false };

/** As the providers document it; read 2026-11. A field that a provider does not know is most often an error there, so what is doubtful is off. */
export const API_PRESETS = {
  Mistral: { host: "api.mistral.ai", provider: "mistral_ai", prefix: "/v1", quirks: { streamUsage: false } },
  Groq: { host: "api.groq.com", provider: "groq", prefix: "/openai/v1", quirks: { reasoningEffort: true } },
  Together: { host: "api.together.ai", provider: "together_ai", prefix: "/v1", quirks: {} },
  DeepSeek: { host: "api.deepseek.com", provider: "deepseek", prefix: "/v1", quirks: { jsonSchema: false, thoughts: null } },
  xAI: { host: "api.x.ai", provider: "x_ai", prefix: "/v1", quirks: { maxTokens: "max_completion_tokens", reasoningEffort: true } },
  // `stream_options` is an error there.
  Cohere: { host: "api.cohere.ai", provider: "cohere", prefix: "/compatibility/v1", quirks: { streamUsage: false, reasoningEffort: true } },
  Perplexity: { host: "api.perplexity.ai", provider: "perplexity", prefix: "", quirks: { streamUsage: false } },
  OpenRouter: { host: "openrouter.ai", provider: "openrouter", prefix: "/api/v1", quirks: { thoughts: "reasoning_details", reasoningEffort: true } },
  Fireworks: { host: "api.fireworks.ai", provider: "fireworks_ai", prefix: "/inference/v1", quirks: { reasoningEffort: true } },
  Cerebras: { host: "api.cerebras.ai", provider: "cerebras", prefix: "/v1", quirks: { maxTokens: "max_completion_tokens", reasoningEffort: true } },
  NvidiaNIM: { host: "integrate.api.nvidia.com", provider: null, prefix: "/v1", quirks: { jsonSchema: false } },
  Ollama: { host: null, provider: null, prefix: "/v1", quirks: {} },
  vLLM: { host: null, provider: null, prefix: "/v1", quirks: { reasoningEffort: true } },
  LlamaCpp: { host: null, provider: null, prefix: "/v1", quirks: {} },
  LMStudio: { host: null, provider: null, prefix: "/v1", quirks: {} },
  HuggingFace: { host: "router.huggingface.co", provider: null, prefix: "/v1", quirks: {} },
  GitHubModels: { host: "models.github.ai", provider: null, prefix: "/inference", quirks: {} },
  WorkersAI: { host: "api.cloudflare.com", provider: "cloudflare", prefix: null, quirks: { streamUsage: false, jsonSchema: false } },
} as const satisfies Readonly<Record<string, ApiPreset>>;

export type ApiPresetName = keyof typeof API_PRESETS;

// `as`: the keys of a const object are its own.
export const API_PRESET_NAMES = Object.keys(API_PRESETS) as [ApiPresetName, ...ApiPresetName[]];

/** How the server of a preset differs from OpenAI; null: it is OpenAI. */
export function quirksOf(preset: ApiPresetName | null): ApiQuirks {
  return preset === null ? OPENAI_QUIRKS : { ...COMPATIBLE, ...API_PRESETS[preset].quirks };
}
