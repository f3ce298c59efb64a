import { describe, expect, it } from "vitest";
import type { TestBackend } from "../fakes/manifests.ts";
import { chat, install } from "./installation.ts";

const DEPTH = 20_000;
const DEEP = `${'{"a":'.repeat(DEPTH)}1${"}".repeat(DEPTH)}`;

/** Bodies that the broker has to write, in part or whole, and that the engine's parser reads and its writer does not. */
const CASES: readonly (readonly [string, NonNullable<TestBackend["api"]>, string, string])[] = [
  ["options of a stream", "OpenAI", "/v1/chat/completions", `{"model":"m","stream":true,"stream_options":${DEEP},"messages":[]}`],
  [
    "a tool, translated",
    "Anthropic",
    "/v1/chat/completions",
    `{"model":"m","messages":[{"role":"user","content":"hi"}],"tools":[{"type":"function","function":{"name":"f","parameters":${DEEP}}}]}`,
  ],
  [
    "a tool, translated the other way",
    "OpenAI",
    "/v1/messages",
    `{"model":"m","max_tokens":5,"messages":[{"role":"user","content":"hi"}],"tools":[{"name":"f","input_schema":${DEEP}}]}`,
  ],
  [
    "a member whose name is written in disguise, for Bedrock",
    "AWSAnthropic",
    "/v1/messages",
    `{"mod\\u0065l":"anthropic.claude","max_tokens":5,"messages":[],"x":${DEEP}}`,
  ],
];

describe("T19 B7: JSON too deep to be written is the caller's fault, and rings no alarm of ours", () => {
  it.each(CASES)("%s", async (_what, api, target, body) => {
    const one = install({ backends: [{ name: "only", port: 8001, api }] });
    const caller = await one.call({ ...chat(), target, body });
    expect(caller.received()?.status).toBe(400);
    expect(caller.header("x-egress-error")).toEqual(["request_malformed"]);
    expect(one.transport.sent).toEqual([]);
  });
});
