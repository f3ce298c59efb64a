import type { DocumentFormat, ImageFormat, Message } from "@aws-sdk/client-bedrock-runtime";
import type { JsonObject } from "../../lib/json-value.ts";
import { isSignedByClaude } from "../anthropic/claude-thinking.ts";
import type { Block, CacheMark, FileBlock, ImageBlock, ToolResultBlock } from "../pivot/block.ts";
import { argumentsObject } from "../pivot/call-arguments.ts";
import { OPENING } from "../pivot/opening.ts";
import type { PivotRequest, Turn } from "../pivot/request.ts";
import { JSON_WISH, laterSystemText } from "../pivot/said-as-text.ts";
import { mapCallIds, type ToolNames } from "../pivot/tool-names.ts";
import { Unsayable } from "../pivot/unsayable.ts";

/** A block as it stands in JSON: bytes are base64 text there, where the SDK's types have arrays, so only names and words are held to those types. */
type WireBlock = JsonObject;
interface WireMessage {
  readonly role: NonNullable<Message["role"]>;
  readonly content: readonly WireBlock[];
}

const IMAGE_FORMATS: Readonly<Record<string, ImageFormat>> = {
  "image/png": "png",
  "image/jpeg": "jpeg",
  "image/jpg": "jpeg",
  "image/gif": "gif",
  "image/webp": "webp",
};
const DOCUMENT_FORMATS: Readonly<Record<string, DocumentFormat>> = {
  "application/pdf": "pdf",
  "text/csv": "csv",
  "application/msword": "doc",
  "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
  "application/vnd.ms-excel": "xls",
  "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
  "text/html": "html",
  "text/plain": "txt",
  "text/markdown": "md",
};
const CALL_ID = /^[a-zA-Z0-9_-]+$/;
const MAX_CALL_ID = 64;
const MAX_DOCUMENTS = 5;

export function encodeSystem({ system, format }: PivotRequest): readonly WireBlock[] {
  const blocks = system.filter((block) => block.text.trim() !== "").flatMap((block) => [{ text: block.text }, ...markOf(block.cache)]);
  return format?.kind === "json" ? [...blocks, { text: JSON_WISH }] : blocks;
}

/** Roles must take turns here, so neighbours are joined; results of tools and what the user says next are one message. */
export function encodeMessages(request: PivotRequest, names: ToolNames, claude: boolean): readonly WireMessage[] {
  const documents: string[] = [];
  const callId = mapCallIds(request, CALL_ID, MAX_CALL_ID);
  const messages: WireMessage[] = [];
  for (const turn of request.turns) {
    const role = turn.role === "assistant" ? "assistant" : "user";
    const content = role === "assistant" ? assistantBlocks(turn, names, callId, claude) : userBlocks(turn, documents, callId);
    if (content.length === 0) continue;
    const last = messages.at(-1);
    if (last?.role === role) messages[messages.length - 1] = { role, content: [...last.content, ...content] };
    else messages.push({ role, content });
  }
  const [first] = messages;
  const opens = first === undefined ? request.system.length > 0 : first.role !== "user";
  return [...(opens ? [{ role: "user" as const, content: [{ text: OPENING }] }] : []), ...messages.map(withText)];
}

/** A document must have a text beside it. */
function withText(message: WireMessage): WireMessage {
  const needs = message.content.some((block) => "document" in block) && !message.content.some((block) => "text" in block);
  return needs ? { ...message, content: [...message.content, { text: "See the document." }] } : message;
}

function assistantBlocks({ blocks }: Turn, names: ToolNames, callId: (id: string) => string, claude: boolean): readonly WireBlock[] {
  // Thoughts come first, and only those that this provider signed: others are refused.
  const thoughts = blocks.flatMap((block): readonly WireBlock[] => {
    if (block.kind === "reasoning" && block.signature !== null && (block.origin === "bedrock" || (claude && isSignedByClaude(block))))
      return [{ reasoningContent: { reasoningText: { text: block.text, signature: block.signature } } }];
    if (block.kind === "redacted_reasoning" && block.origin === "bedrock") return [{ reasoningContent: { redactedContent: block.data } }];
    return [];
  });
  const rest = blocks.flatMap((block): readonly WireBlock[] => {
    if (block.kind === "tool_call")
      return [{ toolUse: { toolUseId: callId(block.id), name: names.to(block.name), input: argumentsObject(block.arguments) } }, ...markOf(block.cache)];
    if (block.kind === "refusal") return textOf(block.text, null);
    return block.kind === "text" ? textOf(block.text, block.cache) : [];
  });
  return [...thoughts, ...rest];
}

function userBlocks(turn: Turn, documents: string[], callId: (id: string) => string): readonly WireBlock[] {
  const { blocks } = turn;
  if (turn.role === "system") {
    const text = laterSystemText(turn);
    return text === null ? [] : [{ text }];
  }
  const results = blocks.flatMap((block) =>
    block.kind === "tool_result" ? [{ toolResult: toolResult(block, documents, callId) }, ...markOf(block.cache)] : [],
  );
  return [...results, ...blocks.flatMap((block) => contentOf(block, documents))];
}

function contentOf(block: Block, documents: string[]): readonly WireBlock[] {
  switch (block.kind) {
    case "text":
      return textOf(block.text, block.cache);
    case "image":
      return [{ image: imageOf(block) }, ...markOf(block.cache)];
    case "file":
      return [{ document: documentOf(block, documents) }, ...markOf(block.cache)];
    default:
      return [];
  }
}

/** Empty and blank texts are refused. */
function textOf(text: string, cache: CacheMark | null): readonly WireBlock[] {
  return text.trim() === "" ? [] : [{ text }, ...markOf(cache)];
}

function toolResult(block: ToolResultBlock, documents: string[], callId: (id: string) => string): JsonObject {
  const content = block.content.flatMap((one): readonly WireBlock[] => {
    if (one.kind === "text") return one.text.trim() === "" ? [] : [{ text: one.text }];
    return one.kind === "image" ? [{ image: imageOf(one) }] : [{ document: documentOf(one, documents) }];
  });
  return {
    toolUseId: callId(block.callId),
    // A result of nothing is refused.
    content: content.length === 0 ? [{ json: {} }] : content,
    ...(block.isError === null ? {} : { status: block.isError ? "error" : "success" }),
  };
}

function imageOf({ source }: ImageBlock): JsonObject {
  const format = source.type === "base64" && Object.hasOwn(IMAGE_FORMATS, source.mediaType) ? IMAGE_FORMATS[source.mediaType] : undefined;
  if (source.type !== "base64" || format === undefined) throw new Unsayable("messages.content", "images must be PNG, JPEG, GIF or WebP, and in the request");
  return { format, source: { bytes: source.data } };
}

function documentOf(block: FileBlock, documents: string[]): JsonObject {
  const { source } = block;
  const mediaType = source.type === "text" ? "text/plain" : source.type === "base64" ? source.mediaType : "";
  const format = Object.hasOwn(DOCUMENT_FORMATS, mediaType) ? DOCUMENT_FORMATS[mediaType] : undefined;
  if (format === undefined || (source.type !== "base64" && source.type !== "text"))
    throw new Unsayable("messages.content", "documents must be PDF, Word, Excel, CSV, HTML, Markdown or text, and in the request");
  if (documents.length >= MAX_DOCUMENTS) throw new Unsayable("messages.content", `a request may have ${MAX_DOCUMENTS} documents`);
  return {
    format,
    name: documentName(block.name, documents),
    source: source.type === "text" ? { text: source.text } : { bytes: source.data },
    ...(block.context === null ? {} : { context: block.context }),
    ...(block.cites ? { citations: { enabled: true } } : {}),
  };
}

/** Letters, digits, single spaces, `()[]-`; each name once. */
function documentName(name: string | null, documents: string[]): string {
  const plain =
    (name ?? "")
      .replace(/\.[a-z0-9]{1,5}$/i, "")
      .replace(/[^A-Za-z0-9()[\]-]+/g, " ")
      .trim()
      .slice(0, 180) || "document";
  let made = plain;
  for (let number = 2; documents.includes(made); number += 1) made = `${plain} (${number})`;
  documents.push(made);
  return made;
}

function markOf(cache: CacheMark | null): readonly (JsonObject & { readonly cachePoint: { readonly type: "default" } })[] {
  return cache === null ? [] : [cachePoint(cache)];
}

/** A block of its own, after what it marks. */
export function cachePoint(cache: CacheMark): JsonObject & { readonly cachePoint: { readonly type: "default"; readonly ttl?: "5m" | "1h" } } {
  return { cachePoint: { type: "default", ...(cache.ttl === null || cache.ttl === "5m" ? {} : { ttl: "1h" as const }) } };
}
