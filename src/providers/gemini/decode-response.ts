import { asArray, asObject, asString } from "../../lib/json-value.ts";
import type { PivotAnswer } from "../pivot/answer.ts";
import type { Block } from "../pivot/block.ts";
import { blockedPrompt, decodeFinish } from "./finish-reason.ts";
import { readCitations, readParts } from "./read-parts.ts";
import { readUsage } from "./read-usage.ts";

/** A whole answer of `generateContent`; null when it is none. */
export function decodeResponse(body: unknown): PivotAnswer | null {
  const answer = asObject(body);
  if (answer === null) return null;
  const candidate = asObject(asArray(answer["candidates"])[0]);
  const base = { id: asString(answer["responseId"]), model: asString(answer["modelVersion"]), created: null, usage: readUsage(answer["usageMetadata"]) };
  if (candidate === null) {
    const blocked = blockedPrompt(answer);
    return blocked === null ? null : { ...base, blocks: [], finish: blocked };
  }
  const blocks = joinTexts(readParts(candidate["content"]));
  const called = blocks.some((block) => block.kind === "tool_call");
  return {
    ...base,
    blocks: withCitations(blocks, readCitations(candidate)),
    finish: decodeFinish(asString(candidate["finishReason"]) ?? "STOP", asString(candidate["finishMessage"]), called),
  };
}

/** Neighbouring texts are one text told in pieces. */
function joinTexts(blocks: readonly Block[]): readonly Block[] {
  const joined: Block[] = [];
  for (const block of blocks) {
    const last = joined.at(-1);
    if (block.kind === "text" && last?.kind === "text") joined[joined.length - 1] = { ...last, text: last.text + block.text };
    else joined.push(block);
  }
  return joined;
}

function withCitations(blocks: readonly Block[], citations: readonly ReturnType<typeof readCitations>[number][]): readonly Block[] {
  const last = blocks.findLastIndex((block) => block.kind === "text");
  if (citations.length === 0 || last < 0) return blocks;
  return blocks.map((block, index) => (index === last && block.kind === "text" ? { ...block, citations } : block));
}
