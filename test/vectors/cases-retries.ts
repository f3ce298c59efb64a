import { CHAT, CHAT_TARGET, SECOND } from "./cases-failover.ts";
import type { Vector } from "./vector.ts";

/** What the first destination answers goes to the caller, and nobody else is asked. */
const stays = (name: string, status: number, target = CHAT_TARGET, body: Vector["request"]["body"] = CHAT): Vector => ({
  name,
  area: "failover",
  request: { target, body },
  world: { first: [{ status, headers: ["content-type", "text/plain", "x-mark", "first"], chunks: ["as it is"] }] },
  expect: { status, headers: { "x-mark": "first", "x-egress-attempts": "1", "x-egress-error": null }, body: "as it is", upstream: ["first"] },
});

const answered = (name: string, request: Vector["request"], world: Vector["world"], expect: Vector["expect"]): Vector => ({
  name,
  area: "failover",
  request,
  ...(world === undefined ? {} : { world }),
  expect,
});

/** What is tried again, by whom and how often. */
export const RETRIES: readonly Vector[] = [
  answered(
    "a GET goes on after 500",
    { target: "/pair/things" },
    { first: [{ status: 500 }] },
    { status: 200, headers: SECOND, upstream: ["first", "second"] },
  ),
  answered(
    "a PUT goes on after a cut connection, with its body",
    { target: "/pair/things", method: "PUT", body: "whole" },
    { first: ["break"] },
    {
      status: 200,
      headers: SECOND,
      upstream: ["first", { backend: "second", method: "PUT", body: "whole" }],
    },
  ),
  answered(
    "a body in chunks goes on whole",
    { target: "/pair/things", method: "PUT", body: { fill: 100_000 }, chunked: 9_000 },
    { first: [{ status: 503 }] },
    {
      status: 200,
      headers: SECOND,
      upstream: ["first", { backend: "second", body: { bytes: 100_000 } }],
    },
  ),
  answered(
    "a plain POST goes on after 429, which nobody acted on",
    { target: "/pair/things", body: "x" },
    { first: [{ status: 429 }] },
    {
      status: 200,
      headers: SECOND,
      upstream: ["first", { backend: "second", body: "x" }],
    },
  ),
  stays("a plain POST is not sent twice after 500", 500, "/pair/things", "x"),
  stays("a plain POST is not sent twice after 502", 502, "/pair/things", "x"),
  stays("a mail is not sent twice for its path's last word", 500, "/pair/v3/example.org/messages", "x"),
  answered(
    "a plain POST is not sent twice after a cut connection",
    { target: "/pair/things", body: "x" },
    { first: ["break"] },
    {
      status: 502,
      headers: { "x-egress-error": "upstream_unavailable", "content-type": "application/problem+json" },
      upstream: ["first"],
    },
  ),
  answered(
    "a plain POST is not sent twice after silence",
    { target: "/silent-pair/things", body: "x" },
    { silent: ["hang"] },
    {
      status: 504,
      headers: { "x-egress-error": "upstream_timeout" },
      upstream: ["silent"],
    },
  ),
  answered(
    "a plain POST is sent twice where the rule lists the status",
    { target: "/listed-500", body: "x" },
    { first: [{ status: 500 }] },
    {
      status: 200,
      headers: SECOND,
      upstream: ["first", "second"],
    },
  ),
  answered(
    "a plain POST is sent twice where the group lists the status",
    { target: "/codes", body: "x" },
    { first: [{ status: 500 }] },
    {
      status: 200,
      headers: SECOND,
      upstream: ["first", "second"],
    },
  ),
  ...[400, 404, 409, 413, 422].map((status) => stays(`the caller's own ${status} is the same everywhere`, status)),
  {
    ...answered("a connection that is refused sends even a plain POST on", { target: "/closed-first", body: "x" }, undefined, {
      status: 200,
      headers: { "x-egress-attempts": "2" },
      upstream: [{ backend: "after-closed", body: "x" }],
    }),
    differs: {
      workers: {
        why: "A Worker's fetch does not say that a connection was refused, so the call may have been acted on and a plain POST is not sent twice.",
        expect: { status: 502, headers: { "x-egress-error": "upstream_unavailable" }, upstream: [] },
      },
    },
  },
  answered("a connection that is refused sends a GET on", { target: "/closed-first" }, undefined, {
    status: 200,
    headers: { "x-egress-attempts": "2" },
    upstream: ["after-closed"],
  }),
  answered("when no connection can be made, the caller is told so", { target: "/all-closed" }, undefined, {
    status: 502,
    headers: { "x-egress-error": "upstream_unavailable" },
    body: { json: { status: 502, code: "upstream_unavailable" } },
    upstream: [],
  }),
  answered(
    "when all fail, the last answer is handed on",
    { target: CHAT_TARGET, body: CHAT },
    { first: [{ status: 500 }], second: [{ status: 503, chunks: ["last"] }] },
    {
      status: 503,
      headers: { "x-egress-attempts": "2", "x-egress-error": null },
      body: "last",
      upstream: ["first", "second"],
    },
  ),
  answered(
    "when all fail, the shortest Retry-After is handed on",
    { target: "/both-parked/v1/chat/completions", body: CHAT },
    { "parked-two": [{ status: 429, headers: ["retry-after", "20"] }], "parked-three": [{ status: 429, headers: ["retry-after", "300"] }] },
    { status: 429, headers: { "retry-after": "20" }, upstream: ["parked-two", "parked-three"] },
  ),
  answered(
    "three in a row are tried in order",
    { target: "/three/v1/chat/completions", body: CHAT },
    { first: ["break"], second: [{ status: 500 }] },
    {
      status: 200,
      headers: { "x-egress-attempts": "3", "x-egress-backend": "XBackend/team-a/third-tier" },
      upstream: ["first", "second", "third-tier"],
    },
  ),
  answered(
    "attempts of the rule are the limit",
    { target: "/one-extra/v1/chat/completions", body: CHAT },
    { first: ["break"], second: [{ status: 500, chunks: ["no"] }] },
    {
      status: 500,
      headers: { "x-egress-attempts": "2" },
      body: "no",
      upstream: ["first", "second"],
    },
  ),
  answered(
    "a tier gives as many backends as it may",
    { target: "/one-per-tier/v1/chat/completions", body: CHAT },
    { first: [{ status: 500 }] },
    {
      status: 200,
      headers: SECOND,
      upstream: ["first", "second"],
    },
  ),
  answered(
    "the group's own time limit sends the call on",
    { target: "/capped/v1/chat/completions", body: CHAT },
    { openai: ["hang"] },
    {
      status: 200,
      headers: SECOND,
      upstream: ["openai", "second"],
    },
  ),
  answered(
    "a share of weight joins again where its backend fails",
    { target: "/split" },
    { "again-late": [{ status: 503 }] },
    {
      status: 200,
      headers: { "x-egress-attempts": "2" },
      upstream: ["again-late", "third"],
    },
  ),
  answered(
    "the only backend is asked again when it says at once",
    { target: "/busy", body: "x" },
    { busy: [{ status: 503, headers: ["retry-after", "0"] }, {}] },
    {
      status: 200,
      headers: { "x-egress-attempts": "2" },
      upstream: ["busy", { backend: "busy", body: "x" }],
    },
  ),
  answered(
    "the only backend is not asked again when it says in an hour",
    { target: "/in-an-hour" },
    { "in-an-hour": [{ status: 429, headers: ["retry-after", "3600"] }] },
    {
      status: 429,
      headers: { "retry-after": "3600", "x-egress-attempts": "1" },
      upstream: ["in-an-hour"],
    },
  ),
  answered(
    "the only backend is asked again as often as the rule says",
    { target: "/again" },
    { again: [{ status: 500 }, { status: 500 }, {}] },
    {
      status: 200,
      headers: { "x-egress-attempts": "3" },
      upstream: ["again", "again", "again"],
    },
  ),
  answered(
    "the caller's own fault is repeated where the rule lists it",
    { target: "/again-fault" },
    { "again-fault": [{ status: 404 }, {}] },
    {
      status: 200,
      headers: { "x-egress-attempts": "2" },
      upstream: ["again-fault", "again-fault"],
    },
  ),
  answered(
    "a locked second backend is passed over",
    { target: "/homewards" },
    { european: [{}] },
    {
      status: 200,
      headers: { "x-egress-attempts": "1", "x-egress-backend": "XBackend/team-a/european" },
      upstream: ["european"],
    },
  ),
  answered(
    "a failing backend inside the lock sends nobody outside",
    { target: "/homewards" },
    { european: [{ status: 503, chunks: ["full"] }] },
    {
      status: 503,
      headers: { "x-egress-attempts": "1" },
      body: "full",
      upstream: ["european"],
    },
  ),
  answered("a backend of an API that has no such operation is passed over", { target: "/both-apis/v1/embeddings", body: CHAT }, undefined, {
    status: 200,
    headers: { "x-egress-attempts": "1" },
    upstream: ["openai"],
  }),
  answered(
    "a backend without the model is passed over",
    { target: "/listed-first/v1/chat/completions", body: { json: { model: "llama", messages: [] } } },
    undefined,
    {
      status: 200,
      upstream: [{ backend: "openai", body: { json: { model: "llama" } } }],
    },
  ),
  answered(
    "the whole time of the call is the limit",
    { target: "/short" },
    { plain: ["hang"] },
    {
      status: 504,
      headers: { "x-egress-error": "upstream_timeout" },
      body: { has: ["whole time"] },
      upstream: ["plain"],
    },
  ),
];
