import { asArray, asObject, type JsonObject } from "../../lib/json-value.ts";
import type { Block, Citation, FileBlock, ImageBlock, MediaSource, ReasoningBlock, TextBlock, ToolResultBlock } from "../pivot/block.ts";
import { unwrapSignature } from "../pivot/foreign-signature.ts";
import { textBlock } from "../pivot/plain-block.ts";
import { booleanAt, malformedField, neededObject, neededString, objectAt, objectsAt, stringAt } from "../pivot/read-field.ts";
import type { Turn } from "../pivot/request.ts";
import { cacheMarkOf } from "./decode-request.ts";

interface Placed {
  readonly value: JsonObject;
  readonly path: string;
}

/** Messages as turns, in their order. */
export function decodeMessages(messages: readonly Placed[]): readonly Turn[] {
  return messages.map((message): Turn => {
    const role = neededString(message.value, "role", message.path);
    if (role !== "user" && role !== "assistant" && role !== "system") throw malformedField(`${message.path}.role`, "user, assistant or system");
    return { role, blocks: contentBlocks(message), name: null };
  });
}

function contentBlocks({ value, path }: Placed): readonly Block[] {
  if (typeof value["content"] === "string") return [textBlock(value["content"])];
  return objectsAt(value, "content", path).map((one) => decodeBlock(one.value, one.path));
}

function decodeBlock(value: JsonObject, path: string): Block {
  switch (neededString(value, "type", path)) {
    case "text":
      return decodeText(value, path);
    case "image":
      return decodeImage(value, path);
    case "document":
      return decodeDocument(value, path);
    case "tool_use":
      return {
        kind: "tool_call",
        id: neededString(value, "id", path),
        name: neededString(value, "name", path),
        arguments: JSON.stringify(value["input"] ?? {}),
        signature: null,
        cache: cacheMarkOf(value, path),
      };
    case "tool_result":
      return decodeResult(value, path);
    case "thinking":
      return decodeThinking(value, path);
    case "redacted_thinking": {
      const { signature, origin } = unwrapSignature("anthropic", neededString(value, "data", path));
      return { kind: "redacted_reasoning", data: signature, origin };
    }
    default:
      // Tools that the provider runs, search results, uploads into containers, and what is newer than this.
      return { kind: "server_tool", origin: "anthropic", value };
  }
}

function decodeThinking(value: JsonObject, path: string): ReasoningBlock {
  const text = stringAt(value, "thinking", path) ?? "";
  const written = stringAt(value, "signature", path);
  // This broker writes an empty one where the thought came without.
  if (written === null || written === "") return { kind: "reasoning", id: null, text, summary: false, signature: null, origin: null };
  return { kind: "reasoning", id: null, text, summary: false, ...unwrapSignature("anthropic", written) };
}

function decodeText(value: JsonObject, path: string): TextBlock {
  return { ...textBlock(neededString(value, "text", path), cacheMarkOf(value, path)), citations: decodeCitations(value) };
}

/** Citations of a text block; what each means depends on its `type`. */
export function decodeCitations(value: JsonObject): readonly Citation[] {
  return asArray(value["citations"]).flatMap((one): readonly Citation[] => {
    const citation = asObject(one);
    return citation === null ? [] : [decodeCitation(citation)];
  });
}

export function decodeCitation(value: JsonObject): Citation {
  const text = (key: string): string | null => (typeof value[key] === "string" ? value[key] : null);
  return {
    url: text("url") ?? text("source"),
    title: text("title") ?? text("document_title"),
    quote: text("cited_text"),
    // Its own positions are those in the document, not in the answer.
    start: null,
    end: null,
    origin: "anthropic",
    value,
  };
}

function decodeImage(value: JsonObject, path: string): ImageBlock {
  return { kind: "image", source: decodeSource(neededObject(value, "source", path), `${path}.source`), detail: null, cache: cacheMarkOf(value, path) };
}

function decodeDocument(value: JsonObject, path: string): FileBlock {
  const source = neededObject(value, "source", path);
  return {
    kind: "file",
    source: decodeSource(source, `${path}.source`),
    name: stringAt(value, "title", path),
    context: stringAt(value, "context", path),
    cites: booleanAt(objectAt(value, "citations", path) ?? {}, "enabled", `${path}.citations`) === true,
    cache: cacheMarkOf(value, path),
  };
}

function decodeSource(source: JsonObject, path: string): MediaSource {
  switch (neededString(source, "type", path)) {
    case "base64":
      return { type: "base64", mediaType: neededString(source, "media_type", path), data: neededString(source, "data", path) };
    case "url":
      return { type: "url", url: neededString(source, "url", path), mediaType: null };
    case "text":
      return { type: "text", text: neededString(source, "data", path) };
    case "content":
      return { type: "text", text: textOfContent(source, path) };
    case "file":
      return { type: "id", id: neededString(source, "file_id", path), origin: "anthropic" };
    default:
      throw malformedField(`${path}.type`, "base64, url, text, content or file");
  }
}

/** A document made of blocks: its text; an image in it would have to be a document of its own elsewhere. */
function textOfContent(source: JsonObject, path: string): string {
  if (typeof source["content"] === "string") return source["content"];
  return objectsAt(source, "content", path)
    .map((one) => stringAt(one.value, "text", one.path) ?? "")
    .join("\n\n");
}

function decodeResult(value: JsonObject, path: string): ToolResultBlock {
  const content = contentBlocks({ value, path }).flatMap((block) => (block.kind === "text" || block.kind === "image" || block.kind === "file" ? [block] : []));
  return {
    kind: "tool_result",
    callId: neededString(value, "tool_use_id", path),
    name: null,
    content,
    isError: booleanAt(value, "is_error", path),
    cache: cacheMarkOf(value, path),
  };
}
