import { asArray, asObject, asString, type JsonObject } from "../../lib/json-value.ts";
import type { Attestation } from "../../model/region.ts";
import { TELLING_FIELDS } from "./data/body-fields.ts";

/** Why the content of a request may take it elsewhere. */
export interface ContentFault {
  readonly rule: "content.tool" | "content.field" | "content.fetch" | "content.state" | "content.guardrail" | "content.depth";
  readonly reason: string;
}

/** What attestations allow, merged: each is about the same backend, and any of them may say that something stays inside. */
export interface Allowance {
  readonly tools: ReadonlySet<string>;
  readonly fetches: ReadonlySet<string>;
  readonly storedState: boolean;
  readonly guardrails: boolean;
}

export function allowanceOf(attestations: readonly Attestation[]): Allowance {
  return {
    tools: new Set(attestations.flatMap((one) => one.serverTools)),
    fetches: new Set(attestations.flatMap((one) => one.fetches)),
    storedState: attestations.some((one) => one.storedState),
    guardrails: attestations.some((one) => one.guardrails),
  };
}

/** Some servers compare keys without case (Go's encoding/json does), so that `Web_Search_Options` asks for a search too. */
const lowered = (names: ReadonlySet<string>): ReadonlySet<string> => new Set([...names].map((name) => name.toLowerCase()));
const TELLING = {
  tools: lowered(TELLING_FIELDS.tools),
  state: lowered(TELLING_FIELDS.state),
  guardrails: lowered(TELLING_FIELDS.guardrails),
  urls: lowered(TELLING_FIELDS.urls),
};

/** Deeper bodies are nobody's conversation; they are refused so that the walk ends. */
const MAX_DEPTH = 64;

/** Where arbitrary JSON of the caller's own tools stands: names in there mean nothing to a provider. */
const OPAQUE: ReadonlySet<string> = new Set([
  "arguments",
  "args",
  "input_schema",
  "inputSchema",
  "json",
  "json_schema",
  "jsonSchema",
  "metadata",
  "parameters",
  "parametersJsonSchema",
  "requestMetadata",
  "response",
  "responseJsonSchema",
  "responseSchema",
  "schema",
]);

/** Blocks whose `input` is the caller's own JSON: Anthropic's by their type, Converse's by their name. */
const TOOL_USE_TYPE = "tool_use";
const TOOL_USE_NAME = "toolUse";

/**
 * Whether the content of a body takes work out of the place: tools that the provider runs, addresses that it fetches, what it keeps or has kept,
 * guardrails. `fields`: names that need no allowance; null: any name that tells nothing. Null: nothing was found.
 */
export function contentFault(body: JsonObject, allowed: Allowance, fields: ReadonlySet<string> | null): ContentFault | null {
  for (const name of Object.keys(body)) {
    if (allowed.tools.has(name)) continue;
    if (TELLING.tools.has(name.toLowerCase())) return fault("content.tool", `the body asks for ${name}, which runs at the provider or beyond`);
    if (fields !== null && !fields.has(name) && !tells(name)) return fault("content.field", "the body has a field that is not known to stay inside the place");
  }
  const more = asObject(body["additionalModelRequestFields"]);
  return storeFault(body, allowed) ?? (more === null ? null : contentFault(more, allowed, null)) ?? walk(body, allowed, 0, "");
}

/** Fields that have rules of their own. */
function tells(name: string): boolean {
  const plain = name.toLowerCase();
  return TELLING.state.has(plain) || TELLING.guardrails.has(plain);
}

/** Names in the body itself that a careless server could read as `tools`: some compare keys without case, or forgive what follows. */
const LIKE_TOOLS = /^tools?[^a-z_]*$/i;

/** Tools that the caller runs itself may pass; any other must be allowed by its type or name. */
function toolFault(tools: unknown, allowed: Allowance): ContentFault | null {
  if (tools === undefined || tools === null) return null;
  if (!Array.isArray(tools)) return fault("content.tool", "the tools are not a list");
  for (const tool of tools) {
    const name = serverTool(asObject(tool));
    if (name !== null && !allowed.tools.has(name)) return fault("content.tool", "the body asks for a tool that runs at the provider or beyond");
  }
  return null;
}

const CLIENT_TYPES: ReadonlySet<unknown> = new Set(["function", "custom"]);
const GEMINI_CLIENT: ReadonlySet<string> = new Set(["functionDeclarations", "function_declarations"]);
const CONVERSE_CLIENT: ReadonlySet<string> = new Set(["toolSpec", "cachePoint"]);

/** Name of a tool that the provider runs; null: the caller runs it. Fails closed: what is not clearly the caller's is the provider's. */
function serverTool(tool: JsonObject | null): string | null {
  if (tool === null) return "";
  const type = tool["type"];
  if (type !== undefined) return CLIENT_TYPES.has(type) ? null : (asString(type) ?? "");
  // Anthropic's own form has a name and a schema.
  if (typeof tool["name"] === "string" && asObject(tool["input_schema"]) !== null) return null;
  const names = Object.keys(tool);
  const foreign = names.find((name) => !GEMINI_CLIENT.has(name) && !CONVERSE_CLIENT.has(name));
  if (foreign === undefined) return names.length === 0 ? "" : null;
  return foreign === "systemTool" ? (asString(asObject(tool["systemTool"])?.["name"]) ?? foreign) : foreign;
}

function storeFault(body: JsonObject, allowed: Allowance): ContentFault | null {
  if (allowed.storedState) return null;
  const kept = Object.entries(body).some(([name, value]) => {
    const plain = name.toLowerCase();
    if (plain === "prompt_cache_retention") return value === "24h";
    return (plain === "store" || plain === "background") && value !== undefined && value !== false && value !== null;
  });
  return kept ? fault("content.state", "the body asks the provider to keep the content") : null;
}

/** Looks at every member, at any depth, but not into the caller's own JSON. */
function walk(value: unknown, allowed: Allowance, depth: number, under: string): ContentFault | null {
  if (typeof value !== "object" || value === null) return null;
  if (depth > MAX_DEPTH) return fault("content.depth", "the body is nested too deep to be checked");
  if (Array.isArray(value)) {
    for (const one of value) {
      const found = walk(one, allowed, depth + 1, under);
      if (found !== null) return found;
    }
    return null;
  }
  const object = asObject(value) ?? {};
  const toolUse = object["type"] === TOOL_USE_TYPE || under === TOOL_USE_NAME;
  for (const [name, member] of Object.entries(object)) {
    const found = memberFault(name, member, allowed, under);
    if (found !== null) return found;
    // The outermost `parameters` are the provider's own (Vertex AI `predict`).
    if ((OPAQUE.has(name) && !(depth === 0 && name === "parameters")) || (toolUse && name === "input")) continue;
    const deeper = walk(member, allowed, depth + 1, name);
    if (deeper !== null) return deeper;
  }
  return null;
}

function memberFault(name: string, member: unknown, allowed: Allowance, under: string): ContentFault | null {
  if (member === null || member === undefined) return null;
  const plain = name.toLowerCase();
  if (plain === "tools" || (under === "" && LIKE_TOOLS.test(name))) return toolFault(member, allowed);
  // The entries of `tools` have been judged one by one.
  if (under !== "tools" && TELLING.tools.has(plain) && !allowed.tools.has(name))
    return fault("content.tool", "the body asks for a tool that runs at the provider or beyond");
  if (!allowed.storedState && TELLING.state.has(plain)) return fault("content.state", "the body refers to something that the provider keeps");
  if (!allowed.storedState && plain === "type" && (member === "item_reference" || member === "container_upload"))
    return fault("content.state", "the body refers to something that the provider keeps");
  // OpenAI's stored prompts.
  if (!allowed.storedState && plain === "prompt" && asObject(member) !== null)
    return fault("content.state", "the body refers to a prompt that the provider keeps");
  if (!allowed.guardrails && TELLING.guardrails.has(plain)) return fault("content.guardrail", "a guardrail may run elsewhere");
  if (!TELLING.urls.has(plain)) return null;
  const addresses = typeof member === "string" ? [member] : asArray(member).filter((one) => typeof one === "string");
  return addresses.every((address) => mayFetch(address, allowed)) ? null : fault("content.fetch", "the body names an address that the provider would fetch");
}

/** What stands in the body itself is not fetched. */
function mayFetch(address: unknown, allowed: Allowance): boolean {
  if (typeof address !== "string") return false;
  if (/^data:/i.test(address) || allowed.fetches.has("*")) return true;
  if (!URL.canParse(address)) return false;
  const { protocol, host } = new URL(address);
  return allowed.fetches.has(`${protocol}//${host}`);
}

function fault(rule: ContentFault["rule"], reason: string): ContentFault {
  return { rule, reason };
}
