import { CHAT } from "./cases-failover.ts";
import type { Vector, VectorRequest } from "./vector.ts";

const ANSWER = {
  chunks: ['{"choices":[],"usage":{"prompt_tokens":6,"completion_tokens":4,"total_tokens":10}}'],
  headers: ["content-type", "application/json"],
} as const;

const once: VectorRequest = { target: "/limited-once/v1/chat/completions", body: CHAT };
const none = (path: string): VectorRequest => ({ target: `/limited-none${path}`, body: CHAT });
const tokens: VectorRequest = { target: "/limited-tokens/v1/chat/completions", body: { json: { model: "m", messages: [], max_tokens: 100 } } };

/** Limits of usage. Each rule has accounts of its own, for the cases share one broker. */
export const USAGE: readonly Vector[] = [
  {
    name: "a limit of requests that is used up",
    area: "limits",
    before: [once],
    request: once,
    world: { openai: [ANSWER] },
    expect: {
      status: 429,
      headers: {
        "x-egress-error": "limit_exceeded",
        "retry-after": { like: "\\d+" },
        "x-should-retry": "false",
        "ratelimit-policy": '"team-a/limited-once/r";q=1;qu="requests";w=3600',
        ratelimit: { like: '"team-a/limited-once/r";r=0;t=\\d+' },
      },
      body: { json: { error: { type: "rate_limit_error", code: "limit_exceeded" } }, lacks: ["assistant"] },
      upstream: ["openai"],
    },
  },
  {
    name: "a limit of nothing, to a chat",
    area: "limits",
    request: none("/v1/chat/completions"),
    expect: { status: 429, headers: { "x-egress-error": "limit_exceeded", "retry-after": null, "x-should-retry": "false" }, upstream: [] },
  },
  {
    name: "a limit of nothing, to a message",
    area: "limits",
    request: none("/v1/messages"),
    expect: { status: 429, body: { json: { type: "error", error: { type: "rate_limit_error" } } }, upstream: [] },
  },
  {
    name: "a limit of nothing, to plain HTTP",
    area: "limits",
    request: { target: "/limited-none/things" },
    expect: { status: 429, headers: { "content-type": "application/problem+json" }, body: { json: { code: "limit_exceeded" } }, upstream: [] },
  },
  {
    name: "a limit of tokens counts what the provider reports, not what was held",
    area: "limits",
    before: [tokens],
    request: tokens,
    world: { openai: [ANSWER] },
    expect: {
      status: 200,
      headers: { "ratelimit-policy": '"team-a/limited-tokens/t";q=190;qu="tokens";w=3600', ratelimit: { like: '"team-a/limited-tokens/t";r=\\d+;t=\\d+' } },
      upstream: ["openai", "openai"],
    },
  },
  {
    name: "a destination whose budget is spent is passed over",
    area: "limits",
    request: { target: "/spent-first/v1/chat/completions", body: CHAT },
    expect: { status: 200, headers: { "x-egress-backend": "XBackend/team-a/second", "x-egress-error": null }, upstream: ["second"] },
  },
];
