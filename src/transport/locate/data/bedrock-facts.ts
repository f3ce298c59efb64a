import type { FactSource } from "./fact-table.ts";

/** Amazon Bedrock: what a model id may begin with. A first part that stands in neither list is a profile of a geography that nobody has heard of: denied. */
export const BEDROCK_FACTS: FactSource & {
  readonly vendors: ReadonlySet<string>;
  /** Processed in any commercial region: never inside a lock, attested or not. */
  readonly neverPrefixes: ReadonlySet<string>;
  /** ARN types that stay in the region of the ARN. Every other type hides a model or a profile and has to be attested. */
  readonly regionalArnTypes: ReadonlySet<string>;
} = {
  checkedAt: "2026-11-22",
  source: "Amazon Bedrock User Guide: model support by Region; geographic and global cross-Region inference; Bedrock API Reference: Converse",
  vendors: new Set([
    "ai21",
    "amazon",
    "anthropic",
    "cohere",
    "deepseek",
    "google",
    "luma",
    "meta",
    "minimax",
    "mistral",
    "moonshot",
    "nvidia",
    "openai",
    "qwen",
    "stability",
    "twelvelabs",
    "writer",
    "zai",
  ]),
  neverPrefixes: new Set(["global"]),
  regionalArnTypes: new Set(["foundation-model", "provisioned-model", "custom-model", "custom-model-deployment", "imported-model"]),
};
