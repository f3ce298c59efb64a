import type { FactSource } from "./fact-table.ts";

/** Anthropic: the field that the broker sets, and from which generation of models on it is obeyed. */
export const ANTHROPIC_FACTS: FactSource & {
  readonly field: string;
  readonly value: string;
  readonly countries: readonly string[];
  /** Older models answer 400 to the field, or do not say where they ran. */
  readonly since: { readonly major: number; readonly minor: number };
  /** Tokens of `anthropic-beta` that do not move work elsewhere; all others are taken out of the header under a lock. */
  readonly betas: ReadonlySet<string>;
} = {
  checkedAt: "2026-11-22",
  source: "Claude documentation: Data residency (inference_geo, workspace geo)",
  field: "inference_geo",
  value: "us",
  countries: ["US"],
  since: { major: 4, minor: 6 },
  betas: new Set([
    "context-1m-2025-08-07",
    "context-management-2025-06-27",
    "extended-cache-ttl-2025-04-11",
    "fine-grained-tool-streaming-2025-05-14",
    "interleaved-thinking-2025-05-14",
    "oauth-2025-04-20",
    "output-128k-2025-02-19",
    "prompt-caching-2024-07-31",
    "token-efficient-tools-2025-02-19",
  ]),
};
