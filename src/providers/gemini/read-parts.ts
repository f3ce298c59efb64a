import { asArray, asObject, asString, type JsonObject } from "../../lib/json-value.ts";
import type { Block, Citation } from "../pivot/block.ts";
import { textBlock } from "../pivot/plain-block.ts";

/** Parts of a candidate's content as blocks. A signature may stand on a thought, a call, or an empty text at the end. */
export function readParts(content: unknown): readonly Block[] {
  return asArray(asObject(content)?.["parts"]).flatMap((one) => {
    const part = asObject(one);
    return part === null ? [] : readPart(part);
  });
}

function readPart(part: JsonObject): readonly Block[] {
  const signature = asString(part["thoughtSignature"]);
  const text = asString(part["text"]);
  if (text !== null) {
    if (part["thought"] === true) return [{ kind: "reasoning", id: null, text, summary: true, signature, origin: "gemini" }];
    const signed: readonly Block[] = signature === null ? [] : [{ kind: "reasoning", id: null, text: "", summary: false, signature, origin: "gemini" }];
    return text === "" ? signed : [textBlock(text), ...signed];
  }
  const call = asObject(part["functionCall"]);
  if (call !== null) {
    return [
      {
        kind: "tool_call",
        // Often there is none: one is made up where the answer is written.
        id: asString(call["id"]) ?? "",
        name: asString(call["name"]) ?? "",
        arguments: JSON.stringify(call["args"] ?? {}),
        signature,
        cache: null,
      },
    ];
  }
  return [{ kind: "server_tool", origin: "gemini", value: part }];
}

/** What a candidate says of its sources; its positions count bytes, so only the words are taken. */
export function readCitations(candidate: JsonObject): readonly Citation[] {
  const grounding = asObject(candidate["groundingMetadata"]);
  const chunks = asArray(grounding?.["groundingChunks"]).map((one) => asObject(asObject(one)?.["web"]));
  return asArray(grounding?.["groundingSupports"]).flatMap((one): readonly Citation[] => {
    const value = asObject(one);
    if (value === null) return [];
    const quote = asString(asObject(value["segment"])?.["text"]);
    return asArray(value["groundingChunkIndices"]).flatMap((index): readonly Citation[] => {
      const web = typeof index === "number" ? chunks[index] : undefined;
      if (web === undefined || web === null) return [];
      return [{ url: asString(web["uri"]), title: asString(web["title"]), quote, start: null, end: null, origin: "gemini", value }];
    });
  });
}
