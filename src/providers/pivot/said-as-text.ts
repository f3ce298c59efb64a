import type { Turn } from "./request.ts";

/** What is asked of a model whose API has no word for an answer in JSON; nothing holds it to that. */
export const JSON_WISH = "Answer with one JSON object and nothing else.";

/** Instructions in the middle of a conversation, for APIs that have none: as the user's text, marked for what they are. Null: they say nothing. */
export function laterSystemText({ blocks }: Turn): string | null {
  const text = blocks.flatMap((block) => (block.kind === "text" ? [block.text] : [])).join("\n\n");
  return text.trim() === "" ? null : `<system>\n${text}\n</system>`;
}
