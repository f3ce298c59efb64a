import { asObject, type JsonObject, parseJson } from "../../lib/json-value.ts";
import type { Block, FileBlock, ImageBlock, ToolCallBlock, ToolResultBlock } from "../pivot/block.ts";
import { argumentsObject } from "../pivot/call-arguments.ts";
import type { EncodeTarget } from "../pivot/codec.ts";
import { OPENING } from "../pivot/opening.ts";
import type { PivotRequest, Turn } from "../pivot/request.ts";
import { laterSystemText } from "../pivot/said-as-text.ts";
import type { ToolNames } from "../pivot/tool-names.ts";
import { Unsayable } from "../pivot/unsayable.ts";
import { isThirdOrLater } from "./encode-request.ts";

interface Content {
  readonly role: "user" | "model";
  readonly parts: readonly JsonObject[];
}

/** Google's own word for "this call has no signature": calls of other models, and calls whose client lost it. */
const NO_SIGNATURE = "skip_thought_signature_validator";

const TYPES_OF_ENDINGS: Readonly<Record<string, string>> = {
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  webp: "image/webp",
  gif: "image/gif",
  heic: "image/heic",
  pdf: "application/pdf",
  txt: "text/plain",
  mp4: "video/mp4",
};

/** Turns as contents. Results stand alone in their entry and in the order of their calls, since the API goes by position. */
export function encodeContents(request: PivotRequest, target: EncodeTarget, names: ToolNames): readonly Content[] {
  const contents: Content[] = [];
  const calls = callsOf(request);
  // Vertex refuses ids of calls.
  const withIds = target.host !== "vertex";
  const push = (role: Content["role"], parts: readonly JsonObject[]): void => {
    if (parts.length === 0) return;
    const last = contents.at(-1);
    const alone = (content: Content | undefined): boolean => content?.parts.some((part) => "functionResponse" in part) ?? false;
    if (last?.role === role && !alone(last) && !alone({ role, parts })) contents[contents.length - 1] = { role, parts: [...last.parts, ...parts] };
    else contents.push({ role, parts });
  };
  for (const turn of request.turns) {
    if (turn.role === "assistant") push("model", modelParts(turn, target, names, withIds));
    else if (turn.role === "system") {
      const text = laterSystemText(turn);
      push("user", text === null ? [] : [{ text }]);
    } else {
      const results = turn.blocks.filter((block) => block.kind === "tool_result");
      const ordered = results.toSorted((one, other) => (calls.get(one.callId)?.order ?? 0) - (calls.get(other.callId)?.order ?? 0));
      push(
        "user",
        ordered.map((block) => resultPart(block, names.to(block.name ?? calls.get(block.callId)?.name ?? block.callId), withIds)),
      );
      const shown = ordered.flatMap((block) => block.content.flatMap((one) => (one.kind === "text" ? [] : mediaPart(one))));
      push("user", [...shown, ...turn.blocks.flatMap(userPart)]);
    }
  }
  if (contents.length === 0 && request.system.length > 0) return [{ role: "user", parts: [{ text: OPENING }] }];
  return contents;
}

function callsOf(request: PivotRequest): ReadonlyMap<string, { readonly name: string; readonly order: number }> {
  const calls = new Map<string, { readonly name: string; readonly order: number }>();
  for (const turn of request.turns) {
    for (const block of turn.blocks) if (block.kind === "tool_call") calls.set(block.id, { name: block.name, order: calls.size });
  }
  return calls;
}

function modelParts({ blocks }: Turn, target: EncodeTarget, names: ToolNames, withIds: boolean): readonly JsonObject[] {
  const calls = blocks.filter((block) => block.kind === "tool_call");
  const lacks = isThirdOrLater(target.model) && calls.every((call) => call.signature === null);
  return blocks.flatMap((block): readonly JsonObject[] => {
    switch (block.kind) {
      case "text":
        return block.text === "" ? [] : [{ text: block.text }];
      case "refusal":
        return block.text === "" ? [] : [{ text: block.text }];
      case "reasoning":
        // The words of a thought are a summary for people; what counts is the signature.
        return block.origin === "gemini" && block.signature !== null ? [{ text: "", thoughtSignature: block.signature }] : [];
      case "tool_call":
        return [callPart(block, names, withIds, lacks && block === calls[0] ? NO_SIGNATURE : block.signature)];
      default:
        return [];
    }
  });
}

function callPart(block: ToolCallBlock, names: ToolNames, withIds: boolean, signature: string | null): JsonObject {
  return {
    functionCall: { ...(withIds && block.id !== "" ? { id: block.id } : {}), name: names.to(block.name), args: argumentsObject(block.arguments) },
    ...(signature === null ? {} : { thoughtSignature: signature }),
  };
}

/** `response` is an object: what is one already stays, text is its `output`, a failure its `error`. */
function resultPart(block: ToolResultBlock, name: string, withIds: boolean): JsonObject {
  const text = block.content.flatMap((one) => (one.kind === "text" ? [one.text] : [])).join("\n");
  const object = asObject(parseJson(text));
  const response = block.isError === true ? { error: text } : (object ?? { output: text });
  return { functionResponse: { ...(withIds ? { id: block.callId } : {}), name, response } };
}

function userPart(block: Block): readonly JsonObject[] {
  switch (block.kind) {
    case "text":
      return block.text === "" ? [] : [{ text: block.text }];
    case "image":
    case "file":
      return mediaPart(block);
    case "audio":
      return [{ inlineData: { mimeType: `audio/${block.format}`, data: block.data } }];
    default:
      return [];
  }
}

function mediaPart({ source, ...block }: ImageBlock | FileBlock): readonly JsonObject[] {
  switch (source.type) {
    case "base64":
      return [{ inlineData: { mimeType: source.mediaType, data: source.data } }];
    case "url": {
      const mimeType = source.mediaType ?? typeOfUrl(source.url);
      if (mimeType === null) throw new Unsayable("messages.content", "an image or document by address needs an address whose ending tells its type");
      return [{ fileData: { mimeType, fileUri: source.url } }];
    }
    case "text":
      return [{ text: block.kind === "file" && block.name !== null ? `${block.name}\n\n${source.text}` : source.text }];
    case "id":
      throw new Unsayable("messages.content", "another provider's upload cannot be read");
  }
}

function typeOfUrl(url: string): string | null {
  const [path = ""] = url.split(/[?#]/);
  const ending = path.slice(path.lastIndexOf(".") + 1).toLowerCase();
  return Object.hasOwn(TYPES_OF_ENDINGS, ending) ? (TYPES_OF_ENDINGS[ending] ?? null) : null;
}
