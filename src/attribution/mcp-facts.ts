import { find } from "../lib/header-list.ts";
import { asObject, asString, type JsonObject, parseJson } from "../lib/json-value.ts";
import { toTextStrictly } from "../lib/utf8.ts";
import type { McpFacts } from "../model/call-record.ts";
import type { HeaderList } from "../model/http.ts";

/** What the caller writes is kept only so far: a record waits in a queue. */
const MAX_NAME = 256;

/**
 * What one message of the Model Context Protocol asks for (streamable HTTP transport: a JSON-RPC message a POST). Null: the body is not held whole, is no
 * such message, or several in one. Never throws.
 */
export function readMcpFacts(body: Uint8Array | null, headers: HeaderList): McpFacts | null {
  const message = body === null ? null : asObject(parseJson(toTextStrictly(body) ?? ""));
  const method = named(message?.["method"]);
  if (message === null || method === null || message["jsonrpc"] !== "2.0") return null;
  const params = asObject(message["params"]) ?? {};
  return {
    method,
    requestId: idOf(message["id"]),
    target: targetOf(method, params),
    resourceUri: method.startsWith("resources/") ? withoutQuery(named(params["uri"])) : null,
    sessionId: named(find(headers, "mcp-session-id")),
    protocolVersion: named(find(headers, "mcp-protocol-version")) ?? named(params["protocolVersion"]),
  };
}

function targetOf(method: string, params: JsonObject): McpFacts["target"] {
  const kind = method === "tools/call" ? "tool" : method === "prompts/get" ? "prompt" : null;
  const name = named(params["name"]);
  return kind === null || name === null ? null : { kind, name };
}

/** JSON-RPC: a string or a number. */
function idOf(id: unknown): string | null {
  return typeof id === "number" ? String(id) : named(id);
}

/** A query may hold a key, a fragment what a person looks for. */
function withoutQuery(uri: string | null): string | null {
  return uri === null ? null : uri.replace(/[?#].*$/s, "");
}

function named(value: unknown): string | null {
  const text = asString(value);
  if (text === null || text === "") return null;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
  return text.slice(0, MAX_NAME).replaceAll(/[\u0000-\u001f\u007f]/g, "");
}
