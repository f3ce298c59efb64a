import { TOKEN_A, TOKEN_B } from "./manifests.ts";
import type { Vector, VectorRequest } from "./vector.ts";

const rejected = (name: string, headers: readonly string[], more: Partial<VectorRequest> = {}): Vector => ({
  name,
  area: "identity",
  request: { target: "/plain/x", as: "nobody", headers, ...more },
  expect: {
    status: 401,
    headers: { "x-egress-error": "identity_rejected", "www-authenticate": 'Bearer realm="spillway"', "content-type": "application/problem+json" },
    upstream: [],
  },
});

/** A token that proves the caller; its slot must not go on. */
const proved = (name: string, headers: readonly string[], gone: readonly string[], more: Partial<VectorRequest> = {}): Vector => ({
  name,
  area: "identity",
  request: { target: "/plain/x", as: "nobody", headers, ...more },
  expect: { status: 200, upstream: [{ backend: "plain", headers: Object.fromEntries(gone.map((slot) => [slot, null])) }] },
});

const twice = (slot: string): Vector => ({
  ...rejected(`${slot} sent twice is refused`, [slot, `Bearer ${TOKEN_A}`, slot, `Bearer ${TOKEN_A}`]),
  expect: { status: 400, headers: { "x-egress-error": "request_malformed" }, upstream: [] },
  differs: {
    workers: {
      why: "A Worker sees two fields of one name as one value with a comma, which is refused as two credentials.",
      expect: { status: 401, headers: { "x-egress-error": "identity_rejected" } },
    },
    lambda: {
      why: "A function URL joins two fields of one name with a comma, which is refused as two credentials.",
      expect: { status: 401, headers: { "x-egress-error": "identity_rejected" } },
    },
  },
});

export const IDENTITY: readonly Vector[] = [
  proved("a token in Authorization: Bearer", ["authorization", `Bearer ${TOKEN_A}`], ["authorization"]),
  proved("the scheme is read without case", ["Authorization", `bEARER   ${TOKEN_A}`], ["authorization"]),
  proved("a token in x-api-key", ["X-Api-Key", TOKEN_A], ["x-api-key"]),
  proved("a token in api-key", ["api-key", TOKEN_A], ["api-key"]),
  proved("a token in x-goog-api-key", ["x-goog-api-key", TOKEN_A], ["x-goog-api-key"]),
  proved(
    "a stranger's key beside the good token does no harm, and stays behind",
    ["authorization", "Bearer stranger", "x-api-key", TOKEN_A],
    ["authorization", "x-api-key"],
  ),
  {
    ...proved("of two good tokens the one in Authorization counts", ["x-api-key", TOKEN_A, "authorization", `Bearer ${TOKEN_B}`], [], {
      target: "/precedence/x",
    }),
    expect: { status: 200, headers: { "x-rule": "of-team-b" }, upstream: [{ backend: "of-team-b", headers: { "x-api-key": null, authorization: null } }] },
  },
  proved("a service account token", ["authorization", "Bearer {{jwt good}}"], ["authorization"]),
  proved("a service account token in x-api-key", ["x-api-key", "{{jwt good}}"], ["x-api-key"]),
  proved("an OIDC token whose claim names the namespace", ["authorization", "Bearer {{jwt oidc}}"], ["authorization"]),
  rejected("an OIDC token without that claim", ["authorization", "Bearer {{jwt oidc-no-team}}"]),
  rejected("an unknown token", ["authorization", "Bearer nobody-knows-me"]),
  rejected("a token of another case", ["authorization", `Bearer ${TOKEN_A.toUpperCase()}`]),
  rejected("a token with more behind it", ["authorization", `Bearer ${TOKEN_A}x`]),
  rejected("Basic instead of Bearer", ["authorization", `Basic ${TOKEN_A}`]),
  rejected("a token without a scheme", ["authorization", TOKEN_A]),
  rejected("an empty token", ["authorization", "Bearer "]),
  rejected("two tokens in one field", ["authorization", `Bearer ${TOKEN_A}, Bearer ${TOKEN_B}`]),
  rejected("two words after the scheme", ["authorization", `Bearer ${TOKEN_A} ${TOKEN_A}`]),
  rejected("a token that is longer than any", ["authorization", `Bearer ${"t".repeat(8_193)}`]),
  twice("authorization"),
  twice("x-api-key"),
  rejected("an expired token", ["authorization", "Bearer {{jwt expired}}"]),
  rejected("a token that is not valid yet", ["authorization", "Bearer {{jwt early}}"]),
  rejected("a token that is good for a year", ["authorization", "Bearer {{jwt eternal}}"]),
  rejected("a token for another audience", ["authorization", "Bearer {{jwt other-audience}}"]),
  rejected("a token of another issuer", ["authorization", "Bearer {{jwt other-issuer}}"]),
  rejected("a token with alg none", ["authorization", "Bearer {{jwt none}}"]),
  rejected("a token with an HMAC of the public key", ["authorization", "Bearer {{jwt hmac}}"]),
  rejected("a token that a stranger signed", ["authorization", "Bearer {{jwt stranger}}"]),
  rejected("a token that brings its own key", ["authorization", "Bearer {{jwt own-key}}"]),
  rejected("a token whose claims were exchanged", ["authorization", "Bearer {{jwt other-subject}}"]),
  rejected("a token whose subject and claims name two callers", ["authorization", "Bearer {{jwt two-minds}}"]),
  rejected("a token without its signature", ["authorization", "Bearer {{jwt payload}}"]),
  rejected("identity in headers that anybody may write", ["x-forwarded-user", "team-a", "authorization", "Bearer x"]),
  {
    name: "no token at all",
    area: "identity",
    request: { target: "/plain/x", as: "nobody" },
    expect: { status: 401, headers: { "x-egress-error": "identity_missing", "www-authenticate": 'Bearer realm="spillway"' }, upstream: [] },
  },
  {
    name: "a token in the query is none",
    area: "identity",
    request: { target: `/plain/x?key=${"not-a-caller-token"}&access_token=x`, as: "nobody" },
    expect: { status: 401, headers: { "x-egress-error": "identity_missing" }, upstream: [] },
  },
  {
    name: "an unknown path is not told to strangers",
    area: "identity",
    request: { target: "/no/such/path", as: "nobody" },
    expect: { status: 401, headers: { "x-egress-error": "identity_missing" }, upstream: [] },
  },
  {
    name: "a Gateway without a BrokerConfig knows nobody",
    area: "identity",
    request: { target: "/plain/x", host: "nobody.example" },
    expect: { status: 401, headers: { "x-egress-error": "identity_rejected" }, upstream: [] },
  },
  {
    name: "an open Gateway asks nobody",
    area: "identity",
    request: { target: "/x", host: "open.example", as: "nobody" },
    expect: { status: 200, headers: { "x-rule": "open" }, upstream: ["plain"] },
  },
  {
    name: "a guest is served where guests may call",
    area: "identity",
    request: { target: "/x", host: "guests.example", as: "nobody" },
    expect: { status: 200, headers: { "x-rule": "guests" }, upstream: ["plain"] },
  },
  {
    name: "a wrong token is refused where guests may call",
    area: "identity",
    request: { target: "/x", host: "guests.example", as: "nobody", headers: ["x-api-key", "wrong"] },
    expect: { status: 401, headers: { "x-egress-error": "identity_rejected" }, upstream: [] },
  },
  {
    name: "a key of one Gateway's callers is none where only others are known",
    area: "identity",
    request: { target: "/plain", host: "shared.example", as: "nobody", headers: ["authorization", "Bearer {{jwt good}}"] },
    expect: { status: 401, headers: { "x-egress-error": "identity_rejected" }, upstream: [] },
  },
];

const OTHERS_KEY = "sk-of-the-caller-itself";

export const CREDENTIALS: readonly Vector[] = [
  credential("a bearer token is put on, the caller's stays here", { target: "/openai/files" }, "openai", { authorization: "Bearer key-of-openai" }),
  credential("a key in a header", { target: "/anthropic/files" }, "anthropic", { "x-api-key": "key-of-anthropic", authorization: null }),
  credential("a key with a prefix", { target: "/prefixed" }, "prefixed", { "x-token": "Token key-of-prefixed", authorization: null }),
  credential("a key takes the place of the caller's own in that header", { target: "/azure", headers: ["api-key", OTHERS_KEY] }, "azure", {
    "api-key": "key-of-azure",
  }),
  credential(
    "every credential of the caller stays here",
    {
      target: "/openai/files",
      headers: ["x-api-key", OTHERS_KEY, "api-key", OTHERS_KEY, "x-goog-api-key", OTHERS_KEY, "cookie", "session=1", "proxy-authorization", "Basic eDp5"],
    },
    "openai",
    { "x-api-key": null, "api-key": null, "x-goog-api-key": null, cookie: null, "proxy-authorization": null, authorization: "Bearer key-of-openai" },
  ),
  credential("a backend without a credential gets none of the caller's", { target: "/plain", headers: ["x-api-key", OTHERS_KEY, "cookie", "a=b"] }, "plain", {
    authorization: null,
    "x-api-key": null,
    cookie: null,
  }),
  credential("where nothing else is stripped, the broker's token still is", { target: "/trusting", headers: ["x-api-key", OTHERS_KEY] }, "trusting", {
    authorization: "Bearer key-of-trusting",
    "x-api-key": OTHERS_KEY,
  }),
  credential("passthrough hands the caller's own key on, and not the broker's token", { target: "/passing", headers: ["x-api-key", OTHERS_KEY] }, "passing", {
    authorization: null,
    "x-api-key": OTHERS_KEY,
  }),
  credential("passthrough hands no copy of the broker's token on", { target: "/passing", headers: ["x-api-key", TOKEN_A, "api-key", OTHERS_KEY] }, "passing", {
    authorization: null,
    "x-api-key": null,
    "api-key": OTHERS_KEY,
  }),
  credential(
    "where nobody is asked, what stands in the slots is the caller's own",
    { target: "/passing", host: "open.example", as: "nobody", headers: ["authorization", `Bearer ${OTHERS_KEY}`] },
    "passing",
    { authorization: `Bearer ${OTHERS_KEY}` },
  ),
  credential("a rule's filter does not overwrite the credential", { target: "/edit/credential" }, "openai", { authorization: "Bearer key-of-openai" }),
  {
    name: "a key in the query takes the place of the caller's, however it is spelt",
    area: "credentials",
    request: { target: "/queried?a=1&key=forged&k%65y=too&b=%20" },
    expect: { status: 200, upstream: [{ backend: "queried", target: "/queried?a=1&b=%20&key=key-of-queried", headers: { authorization: null } }] },
  },
  {
    name: "a secret that is not there",
    area: "credentials",
    request: { target: "/keyless" },
    expect: { status: 503, headers: { "x-egress-error": "credential_unavailable", "retry-after": "1" }, upstream: [] },
  },
  {
    name: "a secret that would end the header",
    area: "credentials",
    request: { target: "/badkey" },
    expect: { status: 503, headers: { "x-egress-error": "credential_unavailable" }, upstream: [] },
  },
  {
    name: "a secret that is not there sends the call to the next backend",
    area: "credentials",
    request: { target: "/keyless-first", body: "not idempotent" },
    expect: { status: 200, headers: { "x-egress-attempts": "2" }, upstream: [{ backend: "after-keyless", body: "not idempotent" }] },
  },
  {
    name: "a key that is refused is not told to the caller, nor the refusal",
    area: "credentials",
    request: { target: "/openai/v1/chat/completions", body: { json: { model: "m", messages: [] } } },
    world: { openai: [{ status: 401, chunks: ['{"error":{"message":"Incorrect API key provided: key-of-openai"}}'] }] },
    expect: {
      status: 502,
      headers: { "x-egress-error": "upstream_auth" },
      body: { json: { error: { type: "server_error", code: "upstream_auth" } }, lacks: ["Incorrect"] },
      upstream: ["openai"],
    },
  },
  {
    name: "a key that is refused sends the call to the next backend",
    area: "credentials",
    request: { target: "/pair/things", body: "not idempotent" },
    world: { first: [{ status: 403 }] },
    expect: { status: 200, headers: { "x-egress-attempts": "2", "x-egress-backend": "XBackend/team-a/second" }, upstream: ["first", "second"] },
  },
  {
    name: "the caller's own key that is refused is the caller's to mend",
    area: "credentials",
    request: { target: "/passing", headers: ["x-api-key", OTHERS_KEY] },
    world: { passing: [{ status: 401, headers: ["www-authenticate", "Key"], chunks: ["no such key"] }] },
    expect: { status: 401, headers: { "x-egress-error": null, "www-authenticate": "Key" }, body: "no such key", upstream: ["passing"] },
  },
  {
    name: "a key that an error quotes is struck out",
    area: "credentials",
    request: { target: "/openai/files" },
    world: { openai: [{ status: 400, headers: ["x-note", "key-of-openai is bad"], chunks: ["the key key-of-", "openai is not for files"] }] },
    expect: {
      status: 400,
      headers: { "x-note": "[redacted] is bad", "x-egress-error": null },
      body: "the key [redacted] is not for files",
      upstream: ["openai"],
    },
  },
];

function credential(name: string, request: VectorRequest, backend: string, headers: Readonly<Record<string, string | null>>): Vector {
  return { name, area: "credentials", request, expect: { status: 200, upstream: [{ backend, headers }] } };
}
