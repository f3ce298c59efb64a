import type { JsonObject } from "../../lib/json-value.ts";
import type { PivotAnswer } from "../pivot/answer.ts";
import type { AnswerContext } from "../pivot/codec.ts";
import { outputItem, responseObject } from "./response-object.ts";

/** A whole response. A refusal without words of its own gets the provider's reason. */
export function encodeResponse(answer: PivotAnswer, context: AnswerContext): JsonObject {
  const { finish } = answer;
  const silent = finish.reason === "refusal" && finish.detail !== null && !answer.blocks.some((block) => block.kind === "refusal");
  const blocks = silent ? [...answer.blocks, { kind: "refusal" as const, text: finish.detail ?? "" }] : answer.blocks;
  const output = blocks.flatMap((block, index): readonly JsonObject[] => {
    const item = outputItem(block, index, context);
    return item === null ? [] : [item];
  });
  const head = { id: answer.id ?? `resp_${context.requestId}`, model: answer.model ?? context.model, created: answer.created ?? context.now };
  return responseObject(context, head, { output, finish, usage: answer.usage, error: null });
}
