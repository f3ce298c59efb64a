import { asList, asObject, asText } from "./json-fields.ts";

/** Who answers: it is written into every answer, so that a reader sees which provider a call reached. */
export interface ProviderIdentity {
  readonly name: string;
  readonly region: string;
}

/** Text of a message's content, which both APIs allow as a string or as a list of typed parts. */
export function textOf(content: unknown): string {
  return asList(content)
    .map((part) => asText(part) ?? asText(asObject(part)["text"]) ?? "")
    .join(" ")
    .trim();
}

/** Splits a text into the pieces that are streamed one by one; each counts as one token. */
export function piecesOf(text: string): readonly string[] {
  return text.match(/\s*\S+/g) ?? [];
}

/** Tokens of the messages of a call: a token a word, and four for the frame of each message, roughly as the vendors count. */
export function countMessages(messages: readonly unknown[]): number {
  return messages.reduce<number>((sum, message) => sum + 4 + piecesOf(textOf(asObject(message)["content"])).length, 0);
}

/** The last thing that the user said; empty where there is no user message. */
export function lastQuestion(messages: readonly unknown[]): string {
  const last = messages.findLast((message) => asObject(message)["role"] === "user");
  return textOf(asObject(last)["content"]);
}

export interface WrittenAnswer {
  readonly pieces: readonly string[];
  readonly text: string;
  /** True when `limit` cut the answer short. */
  readonly cut: boolean;
}

/** The answer to a question, cut after `limit` tokens (null: never). */
export function writeAnswer(question: string, from: ProviderIdentity, limit: number | null): WrittenAnswer {
  const asked = question === "" ? "You asked nothing." : `You asked: ${question.slice(0, 400)}`;
  const all = piecesOf(
    `Hello from ${from.name}, which runs in region ${from.region}. ${asked} This is a demo provider: it does not think, but it streams and counts its words honestly.`,
  );
  const pieces = limit === null ? all : all.slice(0, limit);
  return { pieces, text: pieces.join(""), cut: pieces.length < all.length };
}
