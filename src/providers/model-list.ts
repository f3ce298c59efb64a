import type { ModelInfo } from "@anthropic-ai/sdk/resources/models";
import type { Model } from "openai/resources/models";
import type { JsonObject } from "../lib/json-value.ts";
import type { Dialect } from "../model/operation.ts";

/** What a path asks about models: all of them (`id` null), or the one of that name. */
export interface ModelQuestion {
  readonly id: string | null;
}

/** Google's own lists have another form; they are asked of Google. */
const GOOGLES = /\/(?:v1(?:alpha|beta)\d*|publishers\/[^/]+)\/models/;
const LIST = /\/models(?:\/(.+))?$/;

/** Null: the call is about something else. A name may have slashes, which some SDKs escape and some do not. */
export function modelQuestion(method: string, path: string): ModelQuestion | null {
  if (method !== "GET" || !path.includes("/models") || GOOGLES.test(path)) return null;
  const match = LIST.exec(path);
  if (match === null) return null;
  try {
    return { id: match[1] === undefined ? null : decodeURIComponent(match[1]) };
  } catch {
    return null;
  }
}

interface Named {
  readonly id: string;
  readonly backend: string;
}

/** The list in the form of the caller's API. */
export function modelList(dialect: Dialect, models: readonly Named[]): JsonObject {
  const data = models.map((model) => modelEntry(dialect, model));
  if (dialect === "openai") return { object: "list", data };
  return { data, has_more: false, first_id: models[0]?.id ?? null, last_id: models.at(-1)?.id ?? null };
}

const UNKNOWN = { capabilities: null, deprecated_at: null, line: null, max_input_tokens: null, max_tokens: null, retires_at: null };

/** One model. When it was made is not known here, for which both APIs have the epoch. */
export function modelEntry(dialect: Dialect, { id, backend }: Named): JsonObject {
  if (dialect === "openai") return { id, object: "model", created: 0, owned_by: backend } satisfies Model;
  return { type: "model", id, display_name: id, created_at: "1970-01-01T00:00:00Z", lifecycle: "active", ...UNKNOWN } satisfies ModelInfo;
}
