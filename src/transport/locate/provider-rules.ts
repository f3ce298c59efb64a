import { anthropic } from "./anthropic.ts";
import { azure } from "./azure.ts";
import { bedrock } from "./bedrock.ts";
import { fixedHosts } from "./fixed-host.ts";
import { openai } from "./openai.ts";
import type { ProviderRule } from "./provider-rule.ts";
import { vertex } from "./vertex.ts";

/** Every provider that the door knows. */
const PROVIDER_RULES: readonly ProviderRule[] = [bedrock, vertex, azure, openai, anthropic, ...fixedHosts];

/** The provider whose host this is; null: nobody's that the door knows. */
export function providerOf(hostname: string): ProviderRule | null {
  return PROVIDER_RULES.find((rule) => rule.owns(hostname)) ?? null;
}
