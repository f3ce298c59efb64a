import { describe, expect, it } from "vitest";
import { operationOf } from "../../../src/providers/operation-of.ts";

describe("operationOf", () => {
  it.each([
    ["POST", "/v1/chat/completions", "chat", "openai", true, "/chat/completions"],
    ["POST", "/chat/completions", "chat", "openai", true, "/chat/completions"],
    ["POST", "/openai/deployments/gpt/chat/completions", "chat", "openai", true, "/chat/completions"],
    ["POST", "/v1/completions", "completions", "openai", true, "/completions"],
    ["POST", "/v1/responses", "responses", "openai", true, "/responses"],
    ["POST", "/responses", "responses", "openai", true, "/responses"],
    ["POST", "/openai/responses", "responses", "openai", true, "/responses"],
    ["POST", "/v1/embeddings", "embeddings", "openai", true, "/embeddings"],
    ["POST", "/v1/messages", "messages", "anthropic", true, "/messages"],
    ["POST", "/messages", "messages", "anthropic", true, "/messages"],
    ["POST", "/anthropic/v1/messages", "messages", "anthropic", true, "/messages"],
    ["POST", "/anthropic/messages", "messages", "anthropic", true, "/messages"],
    ["POST", "/v1/messages/count_tokens", "count_tokens", "anthropic", true, "/messages/count_tokens"],
    ["GET", "/v1/models", "models", "openai", false, "/models"],
  ])("%s %s is %s", (method, path, name, dialect, inference, suffix) => {
    expect(operationOf(method, path)).toEqual({ name, dialect, inference, suffix });
  });

  it.each([
    ["GET", "/v1/chat/completions"],
    ["PUT", "/v1/messages"],
    ["POST", "/v1/models"],
    ["POST", "/v1/mychat/completions2"],
    ["POST", "/v1/xresponses"],
    ["POST", "/v1/embeddings/"],
    ["POST", "/v3/mail.example.org/messages"],
    ["POST", "/v1/threads/thread_1/messages"],
    ["POST", "/forms/7/responses"],
    ["POST", "/vault/messages"],
    ["POST", ""],
    ["DELETE", "/"],
  ])("%s %s is plain HTTP", (method, path) => {
    expect(operationOf(method, path)).toEqual({ name: "other", dialect: null, inference: false, suffix: "" });
  });
});
