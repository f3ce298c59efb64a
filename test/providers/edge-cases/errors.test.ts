import { describe, expect, test } from "vitest";
import { bedrockFrame, concat, UPSTREAMS } from "../../fakes/wire-answers.ts";
import { type Caller, chunk, content, data, errorFor, errorOf, frames, messageEvents, named, streamed } from "./codecs.ts";

/** Errors: before an answer and inside one, in the caller's words. */

const CALLERS: readonly Caller[] = ["openai-chat", "openai-responses", "anthropic"];
const anthropic = (type: string, words = "no") => ({ type: "error", error: { type, message: words }, request_id: "req_1" });

describe("#40 statuses, types and hints of errors", () => {
  test.each([
    ["invalid_request_error", 400, 400, "invalid_request_error"],
    ["authentication_error", 401, 401, "authentication_error"],
    ["permission_error", 403, 403, "permission_error"],
    ["not_found_error", 404, 404, "not_found_error"],
    ["request_too_large", 413, 413, "invalid_request_error"],
    ["rate_limit_error", 429, 429, "rate_limit_error"],
    ["api_error", 500, 500, "server_error"],
    ["overloaded_error", 529, 503, "overloaded_error"],
    ["timeout_error", 504, 504, "timeout_error"],
  ])("#40 Anthropic's %s (%i) is OpenAI's %i %s", (type, status, told, word) => {
    const made = errorFor("openai-chat", errorOf("anthropic", status, anthropic(type)));
    expect(made).toMatchObject({ status: told, body: { error: { type: word, message: "no" } } });
    expect(Object.keys((made.body["error"] ?? {}) as object).sort()).toEqual(["code", "message", "param", "type"]);
  });

  test("#40 OpenAI's insufficient_quota is told apart from a limit of rate, and comes as Anthropic's billing_error", () => {
    const said = { error: { message: "pay", type: "insufficient_quota", param: null, code: "insufficient_quota" } };
    expect(errorOf("openai-chat", 429, said).kind).toBe("quota");
    expect(errorFor("anthropic", errorOf("openai-chat", 429, said)).body).toMatchObject({ type: "error", error: { type: "billing_error", message: "pay" } });
    const limit = { error: { message: "slow", type: "requests", param: null, code: "rate_limit_exceeded" } };
    expect(errorFor("anthropic", errorOf("openai-chat", 429, limit)).body).toMatchObject({ error: { type: "rate_limit_error" } });
  });

  test("#40 Gemini's RetryInfo is Retry-After", () => {
    const said = {
      error: {
        code: 429,
        message: "slow",
        status: "RESOURCE_EXHAUSTED",
        details: [{ "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "34.4s" }],
      },
    };
    expect(errorFor("anthropic", errorOf("gemini", 429, said))).toMatchObject({
      status: 429,
      headers: ["retry-after", "35"],
      body: { error: { type: "rate_limit_error" } },
    });
    expect(errorFor("openai-chat", errorOf("gemini", 429, said)).headers).toEqual(["retry-after", "35", "retry-after-ms", "34400"]);
    expect(errorOf("gemini", 429, [said]).kind).toBe("rate_limit");
  });

  test.each([
    ["ThrottlingException", 429, 429, "rate_limit_error"],
    ["ModelNotReadyException", 429, 529, "overloaded_error"],
    ["ValidationException", 400, 400, "invalid_request_error"],
    ["AccessDeniedException", 403, 403, "permission_error"],
    ["ServiceUnavailableException", 503, 529, "overloaded_error"],
    ["InternalServerException", 500, 500, "api_error"],
  ])("#40 Bedrock's %s (%i), wherever it is named, is Anthropic's %i %s", (name, status, told, word) => {
    const byHeader = errorOf("bedrock", status, { message: "no" }, ["x-amzn-ErrorType", `${name}:http://internal.amazon.com/`]);
    const byBody = errorOf("bedrock", status, { __type: `com.amazon.coral.service#${name}`, Message: "no" });
    for (const error of [byHeader, byBody])
      expect(errorFor("anthropic", error)).toMatchObject({ status: told, body: { error: { type: word, message: "no" } } });
  });

  test("#40 a prompt that is too long has OpenAI's own code, from wherever it comes", () => {
    const all = [
      errorOf("anthropic", 400, anthropic("invalid_request_error", "prompt is too long: 250000 tokens > 200000 maximum")),
      errorOf("bedrock", 400, { message: "Input is too long for requested model." }, ["x-amzn-errortype", "ValidationException"]),
      errorOf("gemini", 400, {
        error: { code: 400, status: "INVALID_ARGUMENT", message: "The input token count (2000000) exceeds the maximum number of tokens allowed (1048576)." },
      }),
    ];
    for (const error of all)
      expect(errorFor("openai-chat", error).body).toMatchObject({ error: { type: "invalid_request_error", code: "context_length_exceeded" } });
  });

  test("#40 what is no error of the API (a proxy's page, nothing) is an error of its status", () => {
    for (const upstream of UPSTREAMS) {
      for (const said of ["<html>Bad gateway</html>", "", "null", "[]", '{"error":"x"}']) {
        const error = errorOf(upstream, 502, said);
        expect(error).toMatchObject({ status: 502, kind: "server" });
        for (const caller of CALLERS) expect(errorFor(caller, error).status).toBe(502);
      }
    }
  });

  test("#40 the request's id is kept for Anthropic's callers", () => {
    expect(errorFor("anthropic", errorOf("anthropic", 500, anthropic("api_error"))).body["request_id"]).toBe("req_1");
    expect(errorFor("anthropic", errorOf("openai-chat", 500, {}, ["x-request-id", "req_2"])).body["request_id"]).toBe("req_2");
    expect(errorFor("anthropic", errorOf("gemini", 500, {})).body["request_id"]).toBe("request-1");
  });
});

describe("#39 errors in the middle of a stream", () => {
  const started = {
    "openai-chat": [chunk({ content: "Hel" }), data({ error: { message: "broke", type: "server_error", code: null } })],
    "openai-responses": [
      named("response.created", { response: { id: "resp_1", model: "m", created_at: 1 } }) +
        named("response.content_part.added", { output_index: 0, content_index: 0, part: { type: "output_text", text: "" } }) +
        named("response.output_text.delta", { output_index: 0, content_index: 0, delta: "Hel" }),
      named("error", { code: "server_error", message: "broke", param: null }),
    ],
    anthropic: [
      messageEvents([{ start: { type: "text", text: "Hel" } }]).split("event: message_delta")[0] ?? "",
      named("error", { error: { type: "api_error", message: "broke" } }),
    ],
    gemini: [data(content([{ text: "Hel" }])), data({ error: { code: 500, message: "broke", status: "INTERNAL" } })],
    bedrock: [
      frames(["messageStart", { role: "assistant" }], ["contentBlockDelta", { contentBlockIndex: 0, delta: { text: "Hel" } }]),
      bedrockFrame("internalServerException", { message: "broke" }, "exception"),
    ],
  } as const;

  test.each(UPSTREAMS.flatMap((upstream) => CALLERS.map((caller) => [upstream, caller] as const)))(
    "#39 %s: an error event of %s, and never a clean stop",
    (upstream, caller) => {
      const { text, complete, events } = streamed(upstream, caller, started[upstream]);
      expect(complete).toBe(false);
      expect(text).toContain("broke");
      const last = events.at(-1);
      if (caller === "openai-chat") expect(last.error.type).toBe("server_error");
      if (caller === "anthropic") expect(last).toMatchObject({ type: "error", error: { type: "api_error" } });
      if (caller === "openai-responses") {
        expect(events.map((event) => event.type).slice(-2)).toEqual(["error", "response.failed"]);
        expect(last.response.status).toBe("failed");
      }
      expect(text).not.toMatch(/\[DONE\]|message_stop|response\.completed|"finish_reason":"/);
    },
  );

  test.each(UPSTREAMS.flatMap((upstream) => CALLERS.map((caller) => [upstream, caller] as const)))(
    "#39 %s: an end without a finish is an error event of %s",
    (upstream, caller) => {
      const { text, complete } = streamed(upstream, caller, started[upstream].slice(0, 1));
      expect(complete).toBe(false);
      expect(text).toMatch(/"error"/);
      expect(text).not.toMatch(/\[DONE\]|message_stop|response\.completed|"finish_reason":"/);
    },
  );
});

describe("#37 Bedrock's exceptions after a status of 200", () => {
  test.each([
    ["internalServerException", "api_error"],
    ["modelStreamErrorException", "api_error"],
    ["throttlingException", "rate_limit_error"],
    ["validationException", "invalid_request_error"],
    ["serviceUnavailableException", "overloaded_error"],
    ["modelTimeoutException", "timeout_error"],
  ])("#37 %s is %s", (name, word) => {
    const { events } = streamed(
      "bedrock",
      "anthropic",
      concat([frames(["messageStart", { role: "assistant" }]), bedrockFrame(name, { message: "broke" }, "exception")]),
    );
    expect(events.at(-1)).toEqual({ type: "error", error: { type: word, message: "broke" } });
  });

  test("#37 the padding `p` and events that are not known are passed over", () => {
    const stream = frames(
      ["messageStart", { role: "assistant", p: "abc" }],
      ["somethingNew", { x: 1 }],
      ["contentBlockDelta", { contentBlockIndex: 0, delta: { text: "Hi" }, p: "abcdefgh" }],
      ["contentBlockStop", { contentBlockIndex: 0, p: "a" }],
      ["messageStop", { stopReason: "end_turn", p: "ab" }],
    );
    const { text, complete } = streamed("bedrock", "openai-chat", stream);
    expect(complete).toBe(true);
    expect(text).not.toContain("abc");
  });
});
