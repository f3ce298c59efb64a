import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { forwardableRequestHeaders } from "../../../src/transport/request-headers.ts";

const WITHHELD = [
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "host",
  "content-length",
  "expect",
  "x-gateway-model-name",
  "egress-chain",
  "x-egress-error",
  "forwarded",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-real-ip",
  "true-client-ip",
  "x-client-ip",
  "x-cluster-client-ip",
  "x-original-host",
  "x-host",
  "http2-settings",
  "cookie2",
  "cf-connecting-ip",
  "x-envoy-original-path",
  "x-original-url",
  "x-rewrite-url",
  "x-http-method-override",
  "x-http-method",
  "x-method-override",
  "cookie",
  "x-amz-security-token",
  "x-serverless-authorization",
  "baggage",
  "traceparent",
  "tracestate",
  "content_length",
  "x_api_key",
];

describe("the caller's headers on their way out", () => {
  it.each(WITHHELD)("%s stays here, whatever its case", (name) => {
    for (const spelling of [name, name.toUpperCase(), name.replace(/\b\w/g, (letter) => letter.toUpperCase())]) {
      expect(forwardableRequestHeaders(["a", "1", spelling, "x", "b", "2"])).toEqual(["a", "1", "b", "2"]);
    }
  });

  it("what Connection nominates stays here, in every one of its lines", () => {
    const list = ["Connection", "close, X-Private", "X-Private", "1", "connection", " x-other ", "X-Other", "2", "x-kept", "3"];
    expect(forwardableRequestHeaders(list)).toEqual(["x-kept", "3"]);
  });

  it("only Connection nominates, and a closed or kept connection is no nomination", () => {
    for (const list of [
      ["a", "b", "b", "c", "user-agent", "b"],
      ["cONNECTION-", "b", "b", "c"],
    ])
      expect(forwardableRequestHeaders(list)).toBe(list);
    expect(forwardableRequestHeaders(["connection", "Close", "close", "1"])).toEqual(["close", "1"]);
    expect(forwardableRequestHeaders(["connection", "close, x", "close", "1", "X", "2", "y", "3"])).toEqual(["y", "3"]);
    expect(forwardableRequestHeaders(["connection", "Keep-Alive", "x", "1"])).toEqual(["x", "1"]);
  });

  it("all else goes on as it came: order, case and repeats", () => {
    const list = ["Accept", "*/*", "Authorization", "Bearer k", "X-A", "1", "x-a", "2", "accept-encoding", "gzip", "anthropic-beta", "b"];
    expect(forwardableRequestHeaders(list)).toBe(list);
  });

  it("for every list the result is a part of it, in order, and applying it again changes nothing", () => {
    const name = fc.oneof(fc.constantFrom(...WITHHELD, "accept", "x-a", "x-b"), fc.stringMatching(/^[a-zA-Z-]{1,12}$/));
    fc.assert(
      fc.property(fc.array(fc.tuple(name, fc.string())), (pairs) => {
        const kept = forwardableRequestHeaders(pairs.flat());
        expect(forwardableRequestHeaders(kept)).toEqual(kept);
        let at = 0;
        for (let i = 0; i < kept.length; i += 2) {
          while (at < pairs.length && (pairs[at]?.[0] !== kept[i] || pairs[at]?.[1] !== kept[i + 1])) at += 1;
          expect(at).toBeLessThan(pairs.length);
          at += 1;
        }
      }),
    );
  });
});
