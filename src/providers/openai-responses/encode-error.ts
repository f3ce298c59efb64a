import type { ResponseError } from "openai/resources/responses/responses";
import type { JsonObject } from "../../lib/json-value.ts";
import type { PivotError } from "../pivot/error.ts";

/** `error` of a response that failed: its codes are a closed list. */
export function responseError(error: PivotError): JsonObject {
  return { code: codeOf(error), message: error.message };
}

function codeOf({ kind }: PivotError): ResponseError["code"] {
  if (kind === "rate_limit" || kind === "quota") return "rate_limit_exceeded";
  return kind === "invalid_request" || kind === "context_length" || kind === "content_policy" ? "invalid_prompt" : "server_error";
}
