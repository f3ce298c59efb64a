import type { BodyFacts } from "../model/call.ts";

/**
 * What the handshake of a WebSocket says of the model: OpenAI's realtime API and its like name it in the query, for there is no body.
 * A parameter that stands twice names none: whoever reads the first and whoever reads the last would bill different models.
 */
export function handshakeFacts(query: string): BodyFacts {
  const named = new URLSearchParams(query).getAll("model");
  return { model: named.length === 1 ? (named[0] ?? null) : null, stream: false, asksForUsage: false, maxOutputTokens: null, choices: 1 };
}

/** The path with another model in its query, in the place where the caller's stood, or at the end. */
export function withQueryModel(path: string, model: string): string {
  const mark = path.indexOf("?");
  const written = `model=${encodeURIComponent(model)}`;
  if (mark === -1) return `${path}?${written}`;
  let placed = false;
  const parts = path
    .slice(mark + 1)
    .split("&")
    .flatMap((part) => {
      if (!new URLSearchParams(part).has("model")) return [part];
      const first = !placed;
      placed = true;
      return first ? [written] : [];
    });
  if (!placed) parts.push(written);
  return `${path.slice(0, mark)}?${parts.filter((part) => part !== "").join("&")}`;
}
