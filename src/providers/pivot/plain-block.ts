import type { CacheMark, TextBlock } from "./block.ts";

/** A block of nothing but text. */
export function textBlock(text: string, cache: CacheMark | null = null): TextBlock {
  return { kind: "text", text, citations: [], cache };
}
