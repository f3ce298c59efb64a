import type { Backend } from "./backend.ts";

/** Public hosts, and what OpenTelemetry calls who runs them (`gen_ai.provider.name`); for those that it does not name, their own name. */
const BY_HOST: ReadonlyMap<string, string> = new Map([
  ["api.openai.com", "openai"],
  ["api.anthropic.com", "anthropic"],
  ["generativelanguage.googleapis.com", "gcp.gemini"],
  ["aiplatform.googleapis.com", "gcp.vertex_ai"],
  ["api.mistral.ai", "mistral_ai"],
  ["codestral.mistral.ai", "mistral_ai"],
  ["api.cohere.com", "cohere"],
  ["api.cohere.ai", "cohere"],
  ["api.groq.com", "groq"],
  ["api.x.ai", "x_ai"],
  ["api.deepseek.com", "deepseek"],
  ["api.perplexity.ai", "perplexity"],
  ["api.moonshot.ai", "moonshot_ai"],
  ["api.moonshot.cn", "moonshot_ai"],
  ["api.together.ai", "together_ai"],
  ["api.together.xyz", "together_ai"],
  ["api.fireworks.ai", "fireworks_ai"],
  ["api.cerebras.ai", "cerebras"],
  ["openrouter.ai", "openrouter"],
  ["api.openrouter.ai", "openrouter"],
  ["api.cloudflare.com", "cloudflare"],
]);

/** Hosts of which the beginning varies: regions, accounts, endpoints of one's own network. */
const BY_ENDING: readonly (readonly [RegExp, string])[] = [
  [/^[a-z]{2}\.api\.openai\.com$/, "openai"],
  [/^aws-external-anthropic\.[a-z0-9-]+\.api\.aws$/, "anthropic"],
  [/(?:^|\.)bedrock-(?:runtime|runtime-fips|mantle)\.[a-z0-9-]+\.(?:amazonaws\.(?:com|com\.cn|eu)|api\.aws|vpce\.amazonaws\.com)$/, "aws.bedrock"],
  [/^(?:[a-z0-9-]+-aiplatform|aiplatform\.[a-z]+\.rep)\.googleapis\.com$/, "gcp.vertex_ai"],
  [/\.(?:openai|cognitiveservices|services\.ai)\.azure\.(?:com|us|cn)$/, "azure.ai.openai"],
  [/^api\.[a-z]{2}\.mistral\.ai$/, "mistral_ai"],
  [/^[a-z0-9-]+\.api\.x\.ai$/, "x_ai"],
  [/^[a-z]{2}\.openrouter\.ai$/, "openrouter"],
];

const known = new WeakMap<Pick<Backend, "origin" | "api">, string | null>();

/**
 * Who serves a backend, as `gen_ai.provider.name` has it: by its host, else by what the manifest says of it. Null: nobody that has a price list, such as a
 * model server of one's own or a parent broker.
 */
export function providerNameOf(backend: Pick<Backend, "origin" | "api">): string | null {
  const found = known.get(backend);
  if (found !== undefined) return found;
  const name = byHost(backend.origin.hostname) ?? backend.api?.provider ?? null;
  known.set(backend, name);
  return name;
}

function byHost(hostname: string): string | null {
  return BY_HOST.get(hostname) ?? BY_ENDING.find(([pattern]) => pattern.test(hostname))?.[1] ?? null;
}
