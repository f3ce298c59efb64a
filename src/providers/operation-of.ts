import type { Operation } from "../model/operation.ts";
import { type PathModel, pathModel } from "./path-model.ts";

const OTHER: Operation = { name: "other", dialect: null, inference: false, suffix: "" };
const CHAT: Operation = { name: "chat", dialect: "openai", inference: true, suffix: "/chat/completions" };
const COMPLETIONS: Operation = { name: "completions", dialect: "openai", inference: true, suffix: "/completions" };
const RESPONSES: Operation = { name: "responses", dialect: "openai", inference: true, suffix: "/responses" };
const EMBEDDINGS: Operation = { name: "embeddings", dialect: "openai", inference: true, suffix: "/embeddings" };
const MODELS: Operation = { name: "models", dialect: "openai", inference: false, suffix: "/models" };
/** The handshake of a WebSocket; its model stands in the query. */
const REALTIME: Operation = { name: "realtime", dialect: "openai", inference: true, suffix: "/realtime" };
const MESSAGES: Operation = { name: "messages", dialect: "anthropic", inference: true, suffix: "/messages" };
const COUNT_TOKENS: Operation = { name: "count_tokens", dialect: "anthropic", inference: true, suffix: "/messages/count_tokens" };

/** APIs that nobody here speaks: they pass as they are, and are known to ask a model for something. */
const OF_PATH_MODEL: Readonly<Record<PathModel["name"], Operation>> = {
  converse: { name: "converse", dialect: null, inference: true, suffix: "" },
  invoke_model: { name: "invoke_model", dialect: null, inference: true, suffix: "" },
  generate_content: { name: "generate_content", dialect: null, inference: true, suffix: "" },
  embeddings: { name: "embeddings", dialect: null, inference: true, suffix: "" },
  count_tokens: { name: "count_tokens", dialect: null, inference: true, suffix: "" },
};

/**
 * What a call asks for, from its method, its path without query, and whether it asks for a WebSocket. Anything unknown is `other`: plain HTTP, which is
 * never repeated on its own account and whose body nobody reads, so a wrong "other" is safe and a wrong name is not.
 */
export function operationOf(method: string, path: string, upgrades = false): Operation {
  if (method === "POST") {
    if (path.endsWith("/chat/completions")) return CHAT;
    if (path.endsWith("/messages")) return standsUnderApi(path, "/messages") ? MESSAGES : OTHER;
    if (path.endsWith("/responses")) return standsUnderApi(path, "/responses") ? RESPONSES : OTHER;
    if (path.endsWith("/embeddings")) return EMBEDDINGS;
    if (path.endsWith("/messages/count_tokens")) return COUNT_TOKENS;
    if (path.endsWith("/completions")) return COMPLETIONS;
    const model = pathModel(path);
    return model === null ? OTHER : OF_PATH_MODEL[model.name];
  }
  if (method !== "GET") return OTHER;
  if (path.endsWith("/models")) return MODELS;
  // Without an upgrade it is some stream of events, as backends of web pages have it.
  return upgrades && path.endsWith("/realtime") && standsUnderApi(path, "/realtime") ? REALTIME : OTHER;
}

/** Segments under which providers and gateways serve an AI API, besides `v1`, `v1beta` …. */
const API_SEGMENTS: ReadonlySet<string> = new Set(["", "openai", "anthropic", "openapi", "claude", "ai", "llm", "api", "inference"]);

/**
 * `/messages` and `/responses` are everyday words: a mail API's `/v3/example.org/messages`, or a form's
 * `/forms/7/responses`, is not inference, and sending it twice after a timeout would send the mail twice.
 */
function standsUnderApi(path: string, suffix: string): boolean {
  const end = path.length - suffix.length;
  const start = path.lastIndexOf("/", end - 1) + 1;
  const segment = path.slice(end === 0 ? 0 : start, end);
  if (API_SEGMENTS.has(segment)) return true;
  const digit = segment.charCodeAt(1);
  return segment.charCodeAt(0) === 0x76 && digit >= 0x30 && digit <= 0x39;
}
