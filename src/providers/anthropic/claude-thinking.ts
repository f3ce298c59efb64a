import type { Block, ReasoningBlock } from "../pivot/block.ts";
import { budgetOf, effortOf } from "../pivot/effort.ts";
import type { PivotRequest } from "../pivot/request.ts";
import { thinkingOf } from "./model-traits.ts";

/** The least that Claude takes, in tokens. */
const MIN_BUDGET = 1_024;
/** For callers that name no bound: with an answer beside it this is less than any thinking model may write. */
const MAX_UNBOUNDED_BUDGET = 24_576;
/** How much of a bound may be thought, where the caller did not say: the rest is the answer's. */
const SHARE = 0.8;

/** How Claude is told to think. `budget` counts into the bound of the output. */
export type ClaudeThinking =
  | { readonly way: "adaptive"; readonly effort: "low" | "medium" | "high" | "xhigh" | "max" | null }
  | { readonly way: "budget"; readonly budget: number };

/**
 * The caller's wish in the words of the model's generation, wherever Claude is served. `unwanted`: there is none. `impossible`: the model cannot think,
 * a tool is forced (which excludes thought), the bound leaves no room, or the thought that an open call of a tool came from is not there to be sent back.
 */
export function claudeThinking(request: PivotRequest, model: string): ClaudeThinking | "unwanted" | "impossible" {
  const { reasoning, toolChoice, maxOutputTokens: bound } = request;
  if (reasoning === null || !reasoning.enabled || reasoning.effort === "none") return "unwanted";
  const way = thinkingOf(model);
  const forced = toolChoice?.kind === "required" || toolChoice?.kind === "tool" || (toolChoice?.kind === "allowed" && toolChoice.required);
  if (way === "none" || forced) return "impossible";
  if (way === "adaptive") {
    const effort = effortOf(reasoning);
    return { way, effort: effort === "minimal" ? "low" : effort === "none" ? null : effort };
  }
  if (lacksThought(request)) return "impossible";
  const wanted = Math.max(budgetOf(reasoning) ?? MIN_BUDGET, MIN_BUDGET);
  if (bound === null) return { way, budget: Math.min(wanted, MAX_UNBOUNDED_BUDGET) };
  const room = reasoning.budgetTokens === null ? Math.max(Math.floor(bound * SHARE), MIN_BUDGET) : bound - 1;
  const budget = Math.min(wanted, room);
  return budget < MIN_BUDGET || budget >= bound ? "impossible" : { way, budget };
}

/** Claude's own thought, to be sent back. Its signatures hold at each cloud that serves it. */
export function isSignedByClaude(block: Block): block is ReasoningBlock & { readonly signature: string } {
  return block.kind === "reasoning" && block.signature !== null && (block.origin === "anthropic" || block.origin === "bedrock");
}

/** Models that think by budget refuse to go on from a call of a tool without the thought that led to it. */
function lacksThought({ turns }: PivotRequest): boolean {
  const last = turns.findLast((turn) => turn.role === "assistant");
  if (last === undefined || !last.blocks.some((block) => block.kind === "tool_call")) return false;
  return !last.blocks.some((block) => isSignedByClaude(block) || block.kind === "redacted_reasoning");
}
