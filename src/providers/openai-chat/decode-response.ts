import { asArray, asObject, asString, type JsonObject } from "../../lib/json-value.ts";
import { readUsage } from "../openai/read-usage.ts";
import type { PivotAnswer } from "../pivot/answer.ts";
import type { Block, Citation } from "../pivot/block.ts";
import { decodeFinish } from "./finish-reason.ts";
import { decodeReasoningDetails } from "./reasoning-details.ts";

/** A whole chat completion; null when it is none. Only the first choice: more than one is never asked for in translation. */
export function decodeResponse(body: unknown): PivotAnswer | null {
  const answer = asObject(body);
  const choice = asObject(asArray(answer?.["choices"])[0]);
  const message = asObject(choice?.["message"]);
  if (answer === null || choice === null || message === null) return null;
  const blocks = [...reasoningOf(message), ...contentOf(message)];
  const refused = blocks.some((block) => block.kind === "refusal");
  const created = answer["created"];
  return {
    id: asString(answer["id"]),
    model: asString(answer["model"]),
    created: typeof created === "number" ? created : null,
    blocks,
    finish: decodeFinish(asString(choice["finish_reason"]), refused),
    usage: readUsage(answer["usage"], answer["service_tier"]),
  };
}

/** Thoughts have no place in the standard answer; compatible servers put them in one of three. */
export function reasoningOf(message: JsonObject): readonly Block[] {
  const details = decodeReasoningDetails(message);
  if (details.length > 0) return details;
  const text = asString(message["reasoning_content"]) ?? asString(message["reasoning"]);
  return text === null || text === "" ? [] : [{ kind: "reasoning", id: null, text, summary: false, signature: null, origin: null }];
}

function contentOf(message: JsonObject): readonly Block[] {
  const blocks: Block[] = [];
  const text = asString(message["content"]);
  const citations = citationsOf(message);
  if (text !== null && text !== "") blocks.push({ kind: "text", text, citations, cache: null });
  const refusal = asString(message["refusal"]);
  if (refusal !== null && refusal !== "") blocks.push({ kind: "refusal", text: refusal });
  for (const one of asArray(message["tool_calls"])) {
    const call = asObject(one);
    if (call !== null) blocks.push(callOf(call));
  }
  const legacy = asObject(message["function_call"]);
  if (legacy !== null) blocks.push(callOf({ function: legacy }));
  return blocks;
}

function callOf(call: JsonObject): Block {
  const called = asObject(call["function"]);
  if (called === null) return { kind: "server_tool", origin: "openai-chat", value: call };
  return {
    kind: "tool_call",
    // Some servers leave it out: one is made up where the answer is written.
    id: asString(call["id"]) ?? "",
    name: asString(called["name"]) ?? "",
    arguments: asString(called["arguments"]) ?? "",
    signature: signatureOf(call),
    cache: null,
  };
}

/** Google's compatible server puts the thought's signature here. */
export function signatureOf(call: JsonObject): string | null {
  return asString(asObject(asObject(call["extra_content"])?.["google"])?.["thought_signature"]);
}

/** `annotations` of a message or a delta. */
export function citationsOf(message: JsonObject): readonly Citation[] {
  return asArray(message["annotations"]).flatMap((one): readonly Citation[] => {
    const value = asObject(one);
    const cited = asObject(value?.["url_citation"]);
    if (value === null || cited === null) return [];
    const at = (key: string): number | null => (typeof cited[key] === "number" ? cited[key] : null);
    return [
      {
        url: asString(cited["url"]),
        title: asString(cited["title"]),
        quote: null,
        start: at("start_index"),
        end: at("end_index"),
        origin: "openai-chat",
        value,
      },
    ];
  });
}
