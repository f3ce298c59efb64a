import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { attemptAttributes, callAttributes, spanName } from "../../../src/attribution/call-attributes.ts";
import { readMcpFacts } from "../../../src/attribution/mcp-facts.ts";
import { attemptOf, recordOf } from "./fixtures.ts";

const HEADERS = ["Mcp-Session-Id", "s-1", "mcp-protocol-version", "2025-11-25"];
const read = (message: unknown, headers: readonly string[] = HEADERS) => readMcpFacts(new TextEncoder().encode(JSON.stringify(message)), headers);

describe("what a message of MCP says of itself", () => {
  it("is the method, the tool and the session, and never the arguments", () => {
    const facts = read({ jsonrpc: "2.0", id: 7, method: "tools/call", params: { name: "search", arguments: { query: "a secret" } } });
    expect(facts).toEqual({
      method: "tools/call",
      requestId: "7",
      target: { kind: "tool", name: "search" },
      resourceUri: null,
      sessionId: "s-1",
      protocolVersion: "2025-11-25",
    });
    expect(JSON.stringify(facts)).not.toContain("secret");
  });

  it("tells a resource without its query, a prompt by name, and the version that is asked for at the beginning", () => {
    expect(read({ jsonrpc: "2.0", id: "a", method: "resources/read", params: { uri: "https://h/p?key=k#f" } })?.resourceUri).toBe("https://h/p");
    expect(read({ jsonrpc: "2.0", id: "a", method: "prompts/get", params: { name: "greet" } })?.target).toEqual({ kind: "prompt", name: "greet" });
    expect(read({ jsonrpc: "2.0", id: 0, method: "initialize", params: { protocolVersion: "2025-06-18" } }, [])?.protocolVersion).toBe("2025-06-18");
    expect(read({ jsonrpc: "2.0", method: "notifications/initialized" })?.requestId).toBeNull();
  });

  it("is nothing for what is no such message", () => {
    for (const message of [
      [],
      [{ jsonrpc: "2.0", method: "ping" }],
      null,
      1,
      {},
      { jsonrpc: "1.0", method: "ping" },
      { jsonrpc: "2.0", method: 1 },
      { jsonrpc: "2.0", id: 1, result: {} },
    ])
      expect(read(message)).toBeNull();
    expect(readMcpFacts(null, HEADERS)).toBeNull();
    expect(readMcpFacts(Uint8Array.of(0xff, 0xfe), HEADERS)).toBeNull();
  });

  it("is bounded, without control characters, and never throws, whatever a caller sends", () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string({ unit: "binary" })), fc.string({ unit: "binary", maxLength: 600 }), (text, name) => {
        readMcpFacts(new TextEncoder().encode(text), HEADERS);
        const facts = read({ jsonrpc: "2.0", id: name, method: "tools/call", params: { name } }, ["mcp-session-id", name]);
        for (const value of [facts?.requestId, facts?.target?.name, facts?.sessionId]) {
          // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
          if (typeof value === "string") expect(value.length <= 256 && !/[\u0000-\u001f\u007f]/.test(value)).toBe(true);
        }
      }),
    );
  });
});

describe("spans", () => {
  const mcp = {
    method: "tools/call",
    requestId: "7",
    target: { kind: "tool", name: "search" },
    resourceUri: null,
    sessionId: "s-1",
    protocolVersion: "2025-11-25",
  } as const;

  it("of a call to an MCP server are named for what it asks", () => {
    const record = recordOf({ mcp, operation: { name: "other", dialect: null, inference: false, suffix: "" } });
    expect(spanName(record, null)).toBe("tools/call search");
    expect(spanName(recordOf({ mcp: { ...mcp, method: "tools/list", target: null } }), null)).toBe("tools/list");
    const expected = {
      "mcp.method.name": "tools/call",
      "mcp.session.id": "s-1",
      "mcp.protocol.version": "2025-11-25",
      "jsonrpc.request.id": "7",
      "gen_ai.tool.name": "search",
      "gen_ai.operation.name": "execute_tool",
    };
    expect(callAttributes(record)).toMatchObject(expected);
    expect(attemptAttributes(record, attemptOf(), 0)).toMatchObject(expected);
  });

  it("tell the URL that was called, without its query", () => {
    expect(attemptAttributes(recordOf(), attemptOf({ path: "/v1/x" }), 0)["url.full"]).toBe("https://eu.api.openai.com/v1/x");
    expect(attemptAttributes(recordOf(), attemptOf({ scheme: "http", port: 8080, path: "/" }), 0)["url.full"]).toBe("http://eu.api.openai.com:8080/");
    expect(attemptAttributes(recordOf(), attemptOf({ path: "" }), 0)).not.toHaveProperty("url.full");
  });

  it("tell host and port of the broker apart", () => {
    expect(callAttributes(recordOf({ authority: "egress.internal:8787" }))).toMatchObject({ "server.address": "egress.internal", "server.port": 8787 });
    expect(callAttributes(recordOf({ authority: "[::1]:8787" }))).toMatchObject({ "server.address": "[::1]", "server.port": 8787 });
    expect(callAttributes(recordOf({ authority: "[::1]" }))["server.port"]).toBeUndefined();
  });

  it("have the newest name of cache writes where it is asked for", () => {
    const usage = recordOf().answer?.usage;
    const answer = {
      usage: usage === undefined || usage === null ? null : { ...usage, cacheWriteTokens: 9 },
      responseModel: null,
      responseId: null,
      finishReasons: [],
    };
    expect(callAttributes(recordOf({ answer }))["gen_ai.usage.cache_creation.input_tokens"]).toBe(9);
    const latest = callAttributes(recordOf({ answer }), "latest");
    expect(latest["gen_ai.usage.cache_write.input_tokens"]).toBe(9);
    expect(latest).not.toHaveProperty("gen_ai.usage.cache_creation.input_tokens");
  });
});
