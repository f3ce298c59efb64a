import type { PivotAnswer, PivotEvent } from "./answer.ts";

/** Some providers give calls of tools no id, and every client needs one: made of the call's own id and the place, so that it is new in each answer. */
function madeId(requestId: string, index: number): string {
  return `call_${requestId.replaceAll("-", "").slice(0, 24)}_${index}`;
}

export function withCallIds(answer: PivotAnswer, requestId: string): PivotAnswer {
  return {
    ...answer,
    blocks: answer.blocks.map((block, index) => (block.kind === "tool_call" && block.id === "" ? { ...block, id: madeId(requestId, index) } : block)),
  };
}

/** The same for an event of a stream. */
export function withCallId(event: PivotEvent, requestId: string): PivotEvent {
  if (event.kind !== "open" || event.block.kind !== "tool_call" || event.block.id !== "") return event;
  return { ...event, block: { ...event.block, id: madeId(requestId, event.index) } };
}
