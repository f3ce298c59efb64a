import type { Act, Vector } from "./vector.ts";

export const CHAT = { json: { model: "m", messages: [] } } as const;
/** To a group of `first` and `second`, which speak OpenAI's API. */
export const CHAT_TARGET = "/pair/v1/chat/completions";
/** What tells that the second one answered. */
export const SECOND = { "x-egress-backend": "XBackend/team-a/second", "x-egress-attempts": "2", "x-egress-error": null } as const;

/** An inference call whose first destination fails so, and whose second answers. */
const goesOn = (name: string, first: Act, target = CHAT_TARGET): Vector => ({
  name,
  area: "failover",
  request: { target, body: CHAT },
  world: { first: [first] },
  expect: { status: 200, headers: SECOND, body: '{"well":true}', upstream: ["first", { backend: "second", body: JSON.stringify(CHAT.json) }] },
});

/** The same where the first destination falls silent; it alone is given little time, so that a slow machine is not taken for a silent one. */
const silent = (name: string, first: Act): Vector => ({
  name,
  area: "failover",
  request: { target: "/silent-pair/v1/chat/completions", body: CHAT },
  world: { silent: [first] },
  expect: { status: 200, headers: SECOND, body: '{"well":true}', upstream: ["silent", { backend: "second", body: JSON.stringify(CHAT.json) }] },
});

/** Inference, which may be asked of the next destination whatever came of it at the first. */
export const FAILOVER: readonly Vector[] = [
  ...[429, 503, 529, 500, 502, 504, 408, 401].map((status) => goesOn(`inference goes on after ${status}`, { status, chunks: ["busy"] })),
  {
    ...goesOn("inference goes on after a long Retry-After too", "hang"),
    request: { target: "/parked/v1/chat/completions", body: CHAT },
    world: { "parked-one": [{ status: 429, headers: ["retry-after", "600"] }] },
    expect: { status: 200, headers: SECOND, upstream: ["parked-one", "second"] },
  },
  silent("inference goes on when nothing comes in time", "hang"),
  silent("inference goes on when the head comes and nothing else", { status: 200, headers: ["content-type", "application/json"], end: "silence" }),
  goesOn("inference goes on when the connection is cut", "break"),
  goesOn("inference goes on when what comes is not HTTP", { raw: "SSH-2.0-OpenSSH_9.2\r\n" }),
  goesOn("inference goes on when the head breaks off", { raw: "HTTP/1.1 200 OK\r\ncontent-ty" }),
  goesOn("inference goes on when a stream opens with an error", {
    headers: ["content-type", "text/event-stream"],
    chunks: ['data: {"error":{"message":"overloaded","type":"server_error"}}\n\n'],
  }),
  goesOn("inference goes on when a stream opens with pings and then an error", {
    headers: ["content-type", "text/event-stream"],
    chunks: [": ping\n\n", "event: error\n", "data: {}\n\n"],
  }),
  goesOn("inference goes on when a stream ends before it begins", { headers: ["content-type", "text/event-stream"], chunks: [": nothing\n\n"] }),
  goesOn("embeddings go on too", { status: 500 }, "/pair/v1/embeddings"),
  goesOn("a time limit of one try sends the call on", "hang", "/try-short/v1/chat/completions"),
  {
    ...goesOn("a message goes on after 529", { status: 529 }),
    request: { target: "/anthropic-pair/v1/messages", body: CHAT },
    world: { "anthropic-first": [{ status: 529, chunks: ['{"type":"error","error":{"type":"overloaded_error"}}'] }] },
    expect: { status: 200, headers: { "x-egress-attempts": "2" }, upstream: ["anthropic-first", "anthropic-second"] },
  },
  {
    ...goesOn("a message goes on when its stream opens with an error event", "hang"),
    request: { target: "/anthropic-pair/v1/messages", body: CHAT },
    world: {
      "anthropic-first": [
        { headers: ["content-type", "text/event-stream"], chunks: ['event: ping\ndata: {"type":"ping"}\n\n', 'event: error\ndata: {"type":"error"}\n\n'] },
      ],
    },
    expect: { status: 200, headers: { "x-egress-attempts": "2" }, upstream: ["anthropic-first", "anthropic-second"] },
  },
];
