import type { WireApi } from "./block.ts";

const MARK = "spillway";
const APIS: readonly WireApi[] = ["openai-chat", "openai-responses", "anthropic", "gemini", "bedrock"];

/**
 * A signature of one API on its way through a client of another: clients send thoughts back as they got them, and the mark says to whom
 * this one means something. `own`: the API of the client, whose own signatures stay as they are.
 */
export function wrapSignature(own: WireApi, signature: string, origin: WireApi | null): string {
  return origin === own || origin === null ? signature : `${MARK}.${origin}.${signature}`;
}

/** The other way. What carries no mark is the client's API's own. */
export function unwrapSignature(own: WireApi, text: string): { readonly signature: string; readonly origin: WireApi } {
  for (const origin of APIS) {
    const mark = `${MARK}.${origin}.`;
    if (text.startsWith(mark)) return { signature: text.slice(mark.length), origin };
  }
  return { signature: text, origin: own };
}
