import type { ReasoningBlock, RedactedReasoningBlock, WireApi } from "../pivot/block.ts";
import { unwrapSignature, wrapSignature } from "../pivot/foreign-signature.ts";

const SIGNED = "signed.";
const REDACTED = "redacted.";

/** `encrypted_content` of a thought that another API signed; null: it carries no signature. */
export function carriedSignature(signature: string | null, origin: WireApi | null): string | null {
  return signature === null ? null : wrapSignature("openai-responses", SIGNED + signature, origin);
}

/** The same of a thought that is only there to be sent back. */
export function carriedRedaction(data: string, origin: WireApi | null): string {
  return wrapSignature("openai-responses", REDACTED + data, origin);
}

/** What came back. What carries no mark is OpenAI's own. */
export function readThought(id: string | null, text: string, encrypted: string | null): ReasoningBlock | RedactedReasoningBlock {
  const base = { kind: "reasoning", id, text, summary: true } as const;
  if (encrypted === null) return { ...base, signature: null, origin: null };
  const { signature, origin } = unwrapSignature("openai-responses", encrypted);
  if (origin === "openai-responses") return { ...base, signature, origin };
  if (signature.startsWith(REDACTED)) return { kind: "redacted_reasoning", data: signature.slice(REDACTED.length), origin };
  return { ...base, signature: signature.startsWith(SIGNED) ? signature.slice(SIGNED.length) : signature, origin };
}
