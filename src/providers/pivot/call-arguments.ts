import { asObject, type JsonObject, parseJson } from "../../lib/json-value.ts";

/**
 * Arguments of a tool call as the object that most APIs want. Models err: what is no JSON object is handed on as text under `arguments`,
 * so that the model still sees what it wrote.
 */
export function argumentsObject(text: string): JsonObject {
  if (text.trim() === "") return {};
  return asObject(parseJson(text)) ?? { arguments: text };
}
