import { describe, expect, it } from "vitest";
import { forwardableResponseHeaders } from "../../../src/transport/response-headers.ts";

describe("the destination's headers on their way back", () => {
  it.each([
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-connection",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "te",
    "set-cookie",
    "set-cookie2",
    "clear-site-data",
    "public-key-pins",
    "egress-region",
    "server",
    "alt-svc",
    "strict-transport-security",
    "x-egress-error",
    "x-egress-backend",
    "x-request-id",
  ])("%s ends here", (name) => {
    for (const spelling of [name, name.toUpperCase()])
      expect(forwardableResponseHeaders(["a", "1", spelling, "x", "b", "2"], true)).toEqual(["a", "1", "b", "2"]);
  });

  it("what Connection nominates ends here", () => {
    expect(forwardableResponseHeaders(["connection", "x-hop", "x-hop", "1", "x-b", "2"], true)).toEqual(["x-b", "2"]);
  });

  it("the length stays when the body passes unchanged, and goes with its digests when it does not", () => {
    const list = [
      "content-type",
      "a/b",
      "Content-Length",
      "5",
      "ETag",
      '"x"',
      "Digest",
      "sha-256=x",
      "Content-MD5",
      "x",
      "content-digest",
      "x",
      "Repr-Digest",
      "x",
    ];
    expect(forwardableResponseHeaders(list, true)).toBe(list);
    expect(forwardableResponseHeaders(list, false)).toEqual(["content-type", "a/b"]);
  });

  it("a redirect, a Retry-After and the provider's own headers are handed back", () => {
    const list = ["location", "https://elsewhere.example/", "retry-after", "7", "x-ratelimit-remaining-tokens", "1", "openai-version", "2020-10-01"];
    expect(forwardableResponseHeaders(list, false)).toBe(list);
  });
});
