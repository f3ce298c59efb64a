import type { FactSource } from "./fact-table.ts";

/** A host whose name alone tells the place, or tells that there is none. */
export interface FixedHost extends FactSource {
  readonly provider: string;
  /** Exact names. */
  readonly hosts: readonly string[];
  /** `known`: processed in `region`. `attested`: only a RegionAttestation can say. `never`: documented to go anywhere, so that no attestation counts. */
  readonly place: "known" | "attested" | "never";
  /** Region names, and the countries that the provider means by them. */
  readonly regions: readonly string[];
  readonly countries: "EU" | "EU+EFTA" | "US" | null;
  /** Paths that are known to stay there; anything else is denied. */
  readonly paths: readonly string[];
  /** Models that are served there; null: all that the host serves. */
  readonly models: readonly string[] | null;
}

const CHECKED = "2026-11-22";
const OPENAI_SHAPED = ["/v1/chat/completions", "/v1/embeddings"];

/** Providers that are told by their host. */
export const FIXED_HOSTS: readonly FixedHost[] = [
  {
    provider: "mistral",
    hosts: ["api.eu.mistral.ai"],
    place: "known",
    regions: ["eu"],
    countries: "EU+EFTA",
    paths: [...OPENAI_SHAPED, "/v1/fim/completions"],
    models: null,
    checkedAt: CHECKED,
    source: "Mistral documentation: Regional inference",
  },
  {
    provider: "mistral",
    hosts: ["api.us.mistral.ai"],
    place: "known",
    regions: ["us"],
    countries: "US",
    paths: [...OPENAI_SHAPED, "/v1/fim/completions"],
    models: null,
    checkedAt: CHECKED,
    source: "Mistral documentation: Regional inference",
  },
  ...never("mistral", ["api.mistral.ai", "codestral.mistral.ai"], "Mistral documentation: Regional inference"),
  {
    provider: "xai",
    hosts: ["us.api.x.ai"],
    place: "known",
    regions: ["us"],
    countries: "US",
    paths: ["/v1/chat/completions", "/v1/responses"],
    models: ["grok-4.6"],
    checkedAt: CHECKED,
    source: "xAI documentation: Regions",
  },
  ...attested("xai", ["us-east-1.api.x.ai", "us-west-1.api.x.ai", "eu-west-1.api.x.ai"], "xAI documentation: Regions"),
  ...never("xai", ["api.x.ai"], "xAI documentation: Regions"),
  {
    provider: "openrouter",
    hosts: ["eu.openrouter.ai"],
    place: "known",
    regions: ["eu"],
    countries: "EU",
    paths: ["/api/v1/chat/completions"],
    models: null,
    checkedAt: CHECKED,
    source: "OpenRouter documentation: in-region routing",
  },
  {
    provider: "openrouter",
    hosts: ["us.openrouter.ai"],
    place: "known",
    regions: ["us"],
    countries: "US",
    paths: ["/api/v1/chat/completions"],
    models: null,
    checkedAt: CHECKED,
    source: "OpenRouter documentation: in-region routing",
  },
  ...never("openrouter", ["openrouter.ai", "api.openrouter.ai"], "OpenRouter documentation: in-region routing"),
  ...never("gemini-api", ["generativelanguage.googleapis.com"], "Gemini API documentation: no location can be chosen"),
  ...never("vertex", ["aiplatform.googleapis.com", "discoveryengine.googleapis.com"], "Google Cloud: Data residency, the global endpoint"),
  ...attested("google-storage", ["storage.googleapis.com"], "Google Cloud Storage: a bucket has a location, its host has none"),
  ...attested("cohere", ["api.cohere.com", "api.cohere.ai"], "Cohere documentation: Model Vault regions"),
  ...attested("groq", ["api.groq.com"], "Groq documentation: no region can be chosen"),
  ...attested("together", ["api.together.ai", "api.together.xyz"], "Together documentation: no region can be chosen"),
  ...attested("deepseek", ["api.deepseek.com"], "DeepSeek documentation: no region can be chosen"),
  ...attested("perplexity", ["api.perplexity.ai"], "Perplexity documentation: no region can be chosen"),
  ...attested("workers-ai", ["api.cloudflare.com", "gateway.ai.cloudflare.com"], "Cloudflare documentation: Data Localization Suite"),
];

function never(provider: string, hosts: readonly string[], source: string): readonly FixedHost[] {
  return [{ provider, hosts, place: "never", regions: [], countries: null, paths: [], models: null, checkedAt: CHECKED, source }];
}

function attested(provider: string, hosts: readonly string[], source: string): readonly FixedHost[] {
  return [{ provider, hosts, place: "attested", regions: [], countries: null, paths: [], models: null, checkedAt: CHECKED, source }];
}
