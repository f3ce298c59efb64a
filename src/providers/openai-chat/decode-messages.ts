import type { JsonObject } from "../../lib/json-value.ts";
import type { Block, CacheMark, ToolCallBlock } from "../pivot/block.ts";
import { sourceOfUrl } from "../pivot/data-url.ts";
import { textBlock } from "../pivot/plain-block.ts";
import { malformedField, neededObject, neededString, objectAt, objectsAt, stringAt, wordAt } from "../pivot/read-field.ts";
import type { SystemBlock, Turn } from "../pivot/request.ts";
import { decodeReasoningDetails } from "./reasoning-details.ts";

interface Placed {
  readonly value: JsonObject;
  readonly path: string;
}

/**
 * Messages as turns. Instructions at the beginning are the system's; later ones keep their place. Results of tools, which are messages of
 * their own here, become blocks of user turns, neighbours in one turn.
 */
export function decodeMessages(messages: readonly Placed[]): { readonly system: readonly SystemBlock[]; readonly turns: readonly Turn[] } {
  const system: SystemBlock[] = [];
  const turns: Turn[] = [];
  for (const message of messages) {
    const role = neededString(message.value, "role", message.path);
    if ((role === "system" || role === "developer") && turns.length === 0) {
      for (const block of contentBlocks(message)) if (block.kind === "text") system.push({ text: block.text, cache: block.cache });
      continue;
    }
    addTurn(turns, decodeMessage(message, role));
  }
  return { system, turns };
}

function decodeMessage(message: Placed, role: string): Turn {
  const name = stringAt(message.value, "name", message.path);
  switch (role) {
    case "system":
    case "developer":
      return { role: "system", blocks: contentBlocks(message), name };
    case "user":
      return { role: "user", blocks: contentBlocks(message), name };
    case "assistant":
      return { role: "assistant", blocks: assistantBlocks(message), name };
    case "tool":
      return { role: "user", blocks: [toolResult(message, neededString(message.value, "tool_call_id", message.path), null)], name: null };
    case "function":
      return { role: "user", blocks: [toolResult(message, functionCallId(name ?? ""), name)], name: null };
    default:
      throw malformedField(`${message.path}.role`, "system, developer, user, assistant, tool or function");
  }
}

/** Results that follow each other answer one turn of the model: the other APIs want them together. */
function addTurn(turns: Turn[], turn: Turn): void {
  const last = turns.at(-1);
  if (last !== undefined && isResults(last) && isResults(turn)) turns[turns.length - 1] = { ...last, blocks: [...last.blocks, ...turn.blocks] };
  else turns.push(turn);
}

function isResults(turn: Turn): boolean {
  return turn.role === "user" && turn.blocks.length > 0 && turn.blocks.every((block) => block.kind === "tool_result");
}

function toolResult(message: Placed, callId: string, name: string | null): Block {
  const content = contentBlocks(message).filter((block) => block.kind === "text" || block.kind === "image" || block.kind === "file");
  return { kind: "tool_result", callId, name, content, isError: null, cache: null };
}

function assistantBlocks(message: Placed): readonly Block[] {
  const { value, path } = message;
  const blocks: Block[] = [...decodeReasoningDetails(value), ...contentBlocks(message)];
  const refusal = stringAt(value, "refusal", path);
  if (refusal !== null) blocks.push({ kind: "refusal", text: refusal });
  for (const call of objectsAt(value, "tool_calls", path)) blocks.push(toolCall(call));
  const legacy = objectAt(value, "function_call", path);
  if (legacy !== null) blocks.push(functionCall(functionCallId(neededString(legacy, "name", `${path}.function_call`)), legacy, `${path}.function_call`, null));
  return blocks;
}

function toolCall({ value, path }: Placed): Block {
  const type = stringAt(value, "type", path) ?? "function";
  if (type !== "function") return { kind: "server_tool", origin: "openai-chat", value };
  const signature = stringAt(objectAt(objectAt(value, "extra_content", path) ?? {}, "google", `${path}.extra_content`) ?? {}, "thought_signature", path);
  return functionCall(neededString(value, "id", path), neededObject(value, "function", path), `${path}.function`, signature);
}

function functionCall(id: string, call: JsonObject, path: string, signature: string | null): ToolCallBlock {
  return { kind: "tool_call", id, name: neededString(call, "name", path), arguments: stringAt(call, "arguments", path) ?? "", signature, cache: null };
}

/** The old form of calls has no ids: one tool, one call at a time, so its name is enough. */
function functionCallId(name: string): string {
  return `function_${name}`;
}

/** `content` as blocks: a string, an array of parts, or nothing at all beside calls of tools. */
function contentBlocks({ value, path }: Placed): readonly Block[] {
  const content = value["content"];
  if (content === undefined || content === null) return [];
  if (typeof content === "string") return [textBlock(content)];
  return objectsAt(value, "content", path).map(part);
}

function part({ value, path }: Placed): Block {
  switch (neededString(value, "type", path)) {
    case "text":
      return textBlock(neededString(value, "text", path), cacheMark(value, path));
    case "refusal":
      return { kind: "refusal", text: neededString(value, "refusal", path) };
    case "image_url": {
      const image = neededObject(value, "image_url", path);
      const source = sourceOfUrl(neededString(image, "url", `${path}.image_url`));
      return {
        kind: "image",
        source,
        detail: wordAt(image, "detail", `${path}.image_url`, ["low", "high", "auto", "original"]),
        cache: cacheMark(value, path),
      };
    }
    case "input_audio": {
      const audio = neededObject(value, "input_audio", path);
      return { kind: "audio", data: neededString(audio, "data", `${path}.input_audio`), format: neededString(audio, "format", `${path}.input_audio`) };
    }
    case "file":
      return filePart(neededObject(value, "file", path), `${path}.file`, cacheMark(value, path));
    default:
      throw malformedField(`${path}.type`, "text, refusal, image_url, input_audio or file");
  }
}

function filePart(file: JsonObject, path: string, cache: CacheMark | null): Block {
  const name = stringAt(file, "filename", path);
  const id = stringAt(file, "file_id", path);
  const rest = { name, context: null, cites: false, cache } as const;
  if (id !== null) return { kind: "file", source: { type: "id", id, origin: "openai-chat" }, ...rest };
  const data = neededString(file, "file_data", path);
  // Bare base64 is taken too; the API then goes by the name, and everybody sends PDF.
  return { kind: "file", source: data.startsWith("data:") ? sourceOfUrl(data) : { type: "base64", mediaType: "application/pdf", data }, ...rest };
}

function cacheMark(value: JsonObject, path: string): CacheMark | null {
  const mark = objectAt(value, "prompt_cache_breakpoint", path);
  return mark === null ? null : { ttl: stringAt(mark, "ttl", `${path}.prompt_cache_breakpoint`) };
}
