import type {
  CacheControlEphemeral,
  ContentBlockParam,
  DocumentBlockParam,
  ImageBlockParam,
  MessageParam,
  TextBlockParam,
  ToolResultBlockParam,
} from "@anthropic-ai/sdk/resources/messages";
import type { Block, CacheMark, FileBlock, ImageBlock, ToolResultBlock } from "../pivot/block.ts";
import { argumentsObject } from "../pivot/call-arguments.ts";
import { OPENING } from "../pivot/opening.ts";
import type { PivotRequest, Turn } from "../pivot/request.ts";
import { JSON_WISH, laterSystemText } from "../pivot/said-as-text.ts";
import { mapCallIds, type ToolNames } from "../pivot/tool-names.ts";
import { Unsayable } from "../pivot/unsayable.ts";
import { isSignedByClaude } from "./claude-thinking.ts";

const IMAGE_TYPES = ["image/jpeg", "image/png", "image/gif", "image/webp"] as const;
/** Letters, digits, `_` and `-` only; no length is told. */
const CALL_ID = /^[a-zA-Z0-9_-]+$/;
const MAX_CALL_ID = 512;

/** `system`: one text where nothing is marked, else blocks, whose marks would be lost in one text. Null: there is none. */
export function encodeSystem({ system, format }: PivotRequest): string | TextBlockParam[] | null {
  const blocks = system.filter((block) => block.text.trim() !== "");
  const all = format?.kind === "json" ? [...blocks, { text: JSON_WISH, cache: null }] : blocks;
  const [only] = all;
  if (only === undefined) return null;
  if (all.length === 1 && only.cache === null) return only.text;
  return all.map((block) => ({ type: "text", text: block.text, ...cacheControl(block.cache) }));
}

/** Turns as messages. Neighbours of one role are joined by the API itself; a turn of nothing is no message. */
export function encodeMessages(request: PivotRequest, names: ToolNames): readonly MessageParam[] {
  const callId = mapCallIds(request, CALL_ID, MAX_CALL_ID);
  const messages = request.turns.flatMap((turn): readonly MessageParam[] => {
    if (turn.role === "system") {
      const text = laterSystemText(turn);
      return text === null ? [] : [{ role: "user", content: [{ type: "text", text }] }];
    }
    const content = turn.role === "assistant" ? assistantBlocks(turn, names, callId) : userBlocks(turn, callId);
    return content.length === 0 ? [] : [{ role: turn.role, content: [...content] }];
  });
  const [first] = messages;
  const opens = first === undefined ? request.system.length > 0 : first.role !== "user";
  return opens ? [{ role: "user", content: [{ type: "text", text: OPENING }] }, ...messages] : messages;
}

function assistantBlocks({ blocks }: Turn, names: ToolNames, callId: (id: string) => string): readonly ContentBlockParam[] {
  // Thoughts come first, or the API refuses them.
  const thoughts = blocks.flatMap((block): readonly ContentBlockParam[] => {
    if (isSignedByClaude(block)) return [{ type: "thinking", thinking: block.text, signature: block.signature }];
    if (block.kind === "redacted_reasoning" && block.origin === "anthropic") return [{ type: "redacted_thinking", data: block.data }];
    // A thought that this provider did not sign is refused by it.
    return [];
  });
  const rest = blocks.flatMap((block): readonly ContentBlockParam[] => {
    if (block.kind === "tool_call") {
      return [{ type: "tool_use", id: callId(block.id), name: names.to(block.name), input: argumentsObject(block.arguments), ...cacheControl(block.cache) }];
    }
    if (block.kind === "refusal") return textParam(block.text, null);
    return block.kind === "text" ? textParam(block.text, block.cache) : [];
  });
  return [...thoughts, ...rest];
}

/** Results of tools stand first, or the API refuses the turn. */
function userBlocks({ blocks }: Turn, callId: (id: string) => string): readonly ContentBlockParam[] {
  const results = blocks.flatMap((block) => (block.kind === "tool_result" ? [resultParam(block, callId)] : []));
  return [...results, ...blocks.flatMap(contentParam)];
}

function contentParam(block: Block): readonly (TextBlockParam | ImageBlockParam | DocumentBlockParam)[] {
  switch (block.kind) {
    case "text":
      return textParam(block.text, block.cache);
    case "image":
      return [imageParam(block)];
    case "file":
      return [documentParam(block)];
    default:
      return [];
  }
}

/** Empty and blank texts are refused by the API and say nothing. */
function textParam(text: string, cache: CacheMark | null): readonly TextBlockParam[] {
  return text.trim() === "" ? [] : [{ type: "text", text, ...cacheControl(cache) }];
}

function imageParam({ source, cache }: ImageBlock): ImageBlockParam {
  if (source.type === "url") return { type: "image", source: { type: "url", url: source.url }, ...cacheControl(cache) };
  const mediaType = source.type === "base64" ? IMAGE_TYPES.find((type) => type === source.mediaType.replace("image/jpg", "image/jpeg")) : undefined;
  if (source.type !== "base64" || mediaType === undefined) throw new Unsayable("messages.content", "images must be JPEG, PNG, GIF or WebP");
  return { type: "image", source: { type: "base64", media_type: mediaType, data: source.data }, ...cacheControl(cache) };
}

function documentParam(block: FileBlock): DocumentBlockParam {
  return {
    type: "document",
    source: documentSource(block),
    ...(block.name === null ? {} : { title: block.name }),
    ...(block.context === null ? {} : { context: block.context }),
    ...(block.cites ? { citations: { enabled: true } } : {}),
    ...cacheControl(block.cache),
  };
}

function documentSource({ source }: FileBlock): DocumentBlockParam["source"] {
  switch (source.type) {
    case "url":
      return { type: "url", url: source.url };
    case "text":
      return { type: "text", media_type: "text/plain", data: source.text };
    case "base64":
      if (source.mediaType === "application/pdf") return { type: "base64", media_type: "application/pdf", data: source.data };
      if (source.mediaType.startsWith("text/")) return { type: "text", media_type: "text/plain", data: textOfBase64(source.data) };
      throw new Unsayable("messages.content", "documents must be PDF or text");
    case "id":
      throw new Unsayable("messages.content", "another provider's upload cannot be read");
  }
}

function textOfBase64(data: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.from(atob(data), (character) => character.charCodeAt(0)));
  } catch {
    throw new Unsayable("messages.content", "a text document must be UTF-8 in base64");
  }
}

function resultParam(block: ToolResultBlock, callId: (id: string) => string): ToolResultBlockParam {
  const content = block.content.flatMap(contentParam);
  return {
    type: "tool_result",
    tool_use_id: callId(block.callId),
    ...(content.length === 0 ? {} : { content: [...content] }),
    ...(block.isError === null ? {} : { is_error: block.isError }),
    ...cacheControl(block.cache),
  };
}

export function cacheControl(cache: CacheMark | null): { readonly cache_control?: CacheControlEphemeral } {
  if (cache === null) return {};
  if (cache.ttl === null || cache.ttl === "5m") return { cache_control: { type: "ephemeral" } };
  // It knows five minutes and an hour; whoever asked for longer gets the longest.
  return { cache_control: { type: "ephemeral", ttl: "1h" } };
}
