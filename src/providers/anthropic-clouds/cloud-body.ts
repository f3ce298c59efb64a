import type { JsonObject } from "../../lib/json-value.ts";

/** The clouds that serve Claude under Anthropic's own body. */
export type AnthropicCloud = "bedrock" | "vertex";

/** The version that stands in the body there, in the place of the `anthropic-version` header. */
export const CLOUD_VERSIONS: Readonly<Record<AnthropicCloud, string>> = { bedrock: "bedrock-2023-05-31", vertex: "vertex-2023-10-16" };

/** Members of Anthropic's body that are told otherwise there: Bedrock has two paths in the place of `stream`. */
export const TOLD_BY_PATH: Readonly<Record<AnthropicCloud, readonly string[]>> = { bedrock: ["model", "stream"], vertex: ["model"] };

/** A message's body as the cloud takes it. */
export function cloudBody(cloud: AnthropicCloud, body: JsonObject): JsonObject {
  const told = TOLD_BY_PATH[cloud];
  const kept = Object.entries(body).filter(([name]) => !told.includes(name));
  return { anthropic_version: CLOUD_VERSIONS[cloud], ...Object.fromEntries(kept) };
}
