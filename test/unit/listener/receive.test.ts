import { describe, expect, it } from "vitest";
import { hostOf, receive } from "../../../src/listener/receive.ts";
import { Refusal } from "../../../src/model/errors.ts";
import type { Snapshot } from "../../../src/model/snapshot.ts";
import { operationOf } from "../../../src/providers/operation-of.ts";
import { createFakeExchange, type ExchangeOptions } from "../../fakes/exchange.ts";
import { fakeGateway } from "../../fakes/received.ts";

const gateway = {
  ...fakeGateway({ issuers: [], apiKeys: null, principals: [], anonymous: "Allow" }),
  bounds: { maxRequestBytes: 100, replayBytes: 100, maxOpenCalls: 1_000, maxOpenCallsPerNamespace: 500 },
};
const snapshot: Snapshot = { id: "s1", gateways: [gateway], backends: new Map() };
const received = (options: ExchangeOptions, from: Snapshot = snapshot) =>
  receive(
    createFakeExchange(options).exchange,
    from,
    "id-1",
    operationOf(options.method ?? (options.body === undefined ? "GET" : "POST"), (options.target ?? "/").split("?", 1)[0] ?? ""),
  );

function codeOf(options: ExchangeOptions, from: Snapshot = snapshot): string {
  try {
    received(options, from);
    return "none";
  } catch (error) {
    return error instanceof Refusal ? error.code : "no Refusal";
  }
}

describe("a request that is well formed", () => {
  it("is taken apart without being changed", () => {
    expect(received({ target: "/v1/chat/completions?a=%2e%2e&b=/../x", body: "{}", authority: "Egress.Example.:80" })).toMatchObject({
      id: "id-1",
      host: "egress.example",
      method: "POST",
      path: "/v1/chat/completions",
      query: "?a=%2e%2e&b=/../x",
      gateway: { id: "egress-system/egress" },
      listener: { name: "http" },
      operation: { name: "chat" },
    });
  });

  it("a query of nothing stays a query", () => {
    expect(received({ target: "/a?" })).toMatchObject({ path: "/a", query: "?" });
  });
});

describe("a target that could be read in two ways is refused", () => {
  const targets = [
    "*",
    "",
    "a",
    "http://x/",
    "/a b",
    "/a#b",
    "/a\\..\\b",
    "/a\u0000",
    "/ü",
    "/a/../b",
    "/a/./b",
    "/..",
    "/a/%2e%2e/b",
    "/a/%252e%252e/b",
    "/a/..;x=1/b",
  ];
  const encoded = ["/a%2f..%2fb", "/a/%5c..%5cb", "/a/.%2e/b", "/a/..%3bx/b"];
  it.each([...targets, ...encoded])("%j", (target) => {
    expect(codeOf({ target })).toBe("request_malformed");
  });

  it.each(["/a/..b/c", "/a/...", "/.well-known/x", "/a%20b", "/a//b", "/a/%2f/b"])("and this is not: %j", (target) => {
    expect(codeOf({ target })).toBe("none");
  });
});

describe("a method", () => {
  it.each(["TRACE", "CONNECT", "", "GE T", "GET\r\nx", "G\u00ebT"])("is refused: %j", (method) => {
    expect(codeOf({ method })).toBe("request_malformed");
  });
  it.each(["GET", "HEAD", "OPTIONS", "REPORT", "trace"])("is taken: %j", (method) => {
    expect(codeOf({ method })).toBe("none");
  });
});

describe("bounds", () => {
  it("are of the declared length, and the last byte within them counts", () => {
    expect(codeOf({ body: "x".repeat(100) })).toBe("none");
    expect(codeOf({ body: "x".repeat(101) })).toBe("request_too_large");
    expect(codeOf({ body: "x".repeat(101), declared: false })).toBe("none");
  });
});

it("a host without a listener is not found", () => {
  expect(codeOf({}, { ...snapshot, gateways: [] })).toBe("route_not_found");
});

describe("hostOf", () => {
  it.each([
    ["a.example", "a.example"],
    ["A.Example:8080", "a.example"],
    ["a.example.", "a.example"],
    ["a.example.:80", "a.example"],
    ["[2001:DB8::1]:443", "[2001:db8::1]"],
    ["[2001:db8::1]", "[2001:db8::1]"],
    ["", ""],
  ])("%s", (authority, host) => {
    expect(hostOf(authority)).toBe(host);
  });
});
