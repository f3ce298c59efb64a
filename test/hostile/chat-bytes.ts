import { CALLER_TOKEN } from "../fakes/manifests.ts";
import { requestBytes } from "./raw-client.ts";

/** The end marker of OpenAI's chat stream, and of nothing that was cut. */
export const DONE = "data: [DONE]\n\n";

/** One event of a chat stream; its words are `x0`, `x1`, ... */
export function chatEvent(index: number, word = "x"): string {
  const choices = [{ index: 0, delta: { content: `${word}${index}` }, finish_reason: null }];
  return `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "m", choices })}\n\n`;
}

/** A whole chat answer with this text. */
export function chatAnswer(text = "ok"): string {
  const choices = [{ index: 0, message: { role: "assistant", content: text }, finish_reason: "stop" }];
  return JSON.stringify({
    id: "x",
    object: "chat.completion",
    created: 1,
    model: "m",
    choices,
    usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
  });
}

/** The body of a chat call. */
export function chatBody(more: object = {}): string {
  return JSON.stringify({ model: "m", messages: [{ role: "user", content: "hi" }], ...more });
}

/** The bytes of a good chat call of team-a. */
export function chatCall(
  options: { readonly stream?: boolean; readonly token?: string; readonly headers?: readonly (readonly [string, string])[] } = {},
): Buffer {
  const { stream = false, token = CALLER_TOKEN, headers = [] } = options;
  return requestBytes({ headers: [["authorization", `Bearer ${token}`], ...headers], body: chatBody(stream ? { stream: true } : {}) });
}
