import type { JsonObject } from "../../lib/json-value.ts";
import { Refusal } from "../../model/errors.ts";
import type { Block, CacheMark, FileBlock, ImageBlock, TextBlock } from "../pivot/block.ts";
import { sourceOfUrl } from "../pivot/data-url.ts";
import { textBlock } from "../pivot/plain-block.ts";
import { malformedField, neededString, objectAt, objectsAt, stringAt, wordAt } from "../pivot/read-field.ts";
import type { SystemBlock, Turn } from "../pivot/request.ts";
import { readThought } from "./carried-thought.ts";

interface Placed {
  readonly value: JsonObject;
  readonly path: string;
}

/**
 * `input` as turns. Everything is an item of its own here: thoughts, texts and calls of one answer become one turn of the assistant, results of calls one
 * turn of the user. Instructions at the beginning are the system's.
 */
export function decodeInput(body: JsonObject): { readonly system: readonly SystemBlock[]; readonly turns: readonly Turn[] } {
  if (typeof body["input"] === "string") return { system: [], turns: [{ role: "user", blocks: [textBlock(body["input"])], name: null }] };
  const system: SystemBlock[] = [];
  const turns: Turn[] = [];
  for (const item of objectsAt(body, "input", "")) {
    const turn = decodeItem(item);
    if (turn.role === "system" && turns.length === 0) {
      for (const block of turn.blocks) if (block.kind === "text") system.push({ text: block.text, cache: block.cache });
    } else addTurn(turns, turn);
  }
  return { system, turns };
}

function addTurn(turns: Turn[], turn: Turn): void {
  const last = turns.at(-1);
  const results = (one: Turn): boolean => one.role === "user" && one.blocks.every((block) => block.kind === "tool_result");
  const joins = last !== undefined && last.role === turn.role && (turn.role === "assistant" || (results(last) && results(turn)));
  if (joins) turns[turns.length - 1] = { ...last, blocks: [...last.blocks, ...turn.blocks] };
  else turns.push(turn);
}

function decodeItem(item: Placed): Turn {
  const { value, path } = item;
  const type = stringAt(value, "type", path) ?? "message";
  switch (type) {
    case "message":
      return decodeMessage(item);
    case "function_call":
      return assistant({
        kind: "tool_call",
        id: neededString(value, "call_id", path),
        name: neededString(value, "name", path),
        arguments: stringAt(value, "arguments", path) ?? "",
        signature: null,
        cache: null,
      });
    case "function_call_output":
      return { role: "user", blocks: [decodeOutput(item)], name: null };
    case "reasoning":
      return assistant(decodeReasoningItem(item));
    case "item_reference":
      throw new Refusal("request_malformed", {
        detail: `"${path}" refers to an item that another provider stores. Send the item itself (store: false), so that any provider can read it.`,
      });
    default:
      return assistant({ kind: "server_tool", origin: "openai-responses", value });
  }
}

function assistant(block: Block): Turn {
  return { role: "assistant", blocks: [block], name: null };
}

function decodeMessage({ value, path }: Placed): Turn {
  const role = wordAt(value, "role", path, ["user", "assistant", "system", "developer"]);
  if (role === null) throw malformedField(`${path}.role`, "user, assistant, system or developer");
  const blocks = typeof value["content"] === "string" ? [textBlock(value["content"])] : objectsAt(value, "content", path).map(decodePart);
  return { role: role === "developer" ? "system" : role, blocks, name: null };
}

function decodePart({ value, path }: Placed): TextBlock | ImageBlock | FileBlock | Extract<Block, { kind: "refusal" | "audio" }> {
  switch (neededString(value, "type", path)) {
    case "input_text":
    case "output_text":
    case "text":
      return textBlock(neededString(value, "text", path), cacheMark(value, path));
    case "refusal":
      return { kind: "refusal", text: neededString(value, "refusal", path) };
    case "input_image": {
      const id = stringAt(value, "file_id", path);
      const detail = wordAt(value, "detail", path, ["low", "high", "auto", "original"]);
      const source = id === null ? sourceOfUrl(neededString(value, "image_url", path)) : ({ type: "id", id, origin: "openai-responses" } as const);
      return { kind: "image", source, detail, cache: cacheMark(value, path) };
    }
    case "input_file":
      return decodeFile(value, path);
    case "input_audio": {
      const audio = objectAt(value, "input_audio", path) ?? value;
      return { kind: "audio", data: neededString(audio, "data", path), format: neededString(audio, "format", path) };
    }
    default:
      throw malformedField(`${path}.type`, "input_text, output_text, refusal, input_image, input_file or input_audio");
  }
}

function decodeFile(value: JsonObject, path: string): FileBlock {
  const rest = { kind: "file", name: stringAt(value, "filename", path), context: null, cites: false, cache: cacheMark(value, path) } as const;
  const id = stringAt(value, "file_id", path);
  if (id !== null) return { ...rest, source: { type: "id", id, origin: "openai-responses" } };
  const url = stringAt(value, "file_url", path);
  if (url !== null) return { ...rest, source: sourceOfUrl(url) };
  const data = neededString(value, "file_data", path);
  return { ...rest, source: data.startsWith("data:") ? sourceOfUrl(data) : { type: "base64", mediaType: "application/pdf", data } };
}

function decodeOutput({ value, path }: Placed): Block {
  const { output } = value;
  const parts = typeof output === "string" ? [textBlock(output)] : objectsAt(value, "output", path).map(decodePart);
  const content = parts.flatMap((part) => (part.kind === "text" || part.kind === "image" || part.kind === "file" ? [part] : []));
  return {
    kind: "tool_result",
    callId: neededString(value, "call_id", path),
    name: stringAt(value, "name", path),
    content,
    // `incomplete` is no failure, and there is no word for one.
    isError: null,
    cache: null,
  };
}

function decodeReasoningItem({ value, path }: Placed): Block {
  const parts = [...objectsAt(value, "content", path), ...objectsAt(value, "summary", path)];
  const text = parts.map((part) => stringAt(part.value, "text", part.path) ?? "").join("\n\n");
  return readThought(stringAt(value, "id", path), text, stringAt(value, "encrypted_content", path));
}

function cacheMark(value: JsonObject, path: string): CacheMark | null {
  const mark = objectAt(value, "prompt_cache_breakpoint", path);
  return mark === null ? null : { ttl: stringAt(mark, "ttl", `${path}.prompt_cache_breakpoint`) };
}
