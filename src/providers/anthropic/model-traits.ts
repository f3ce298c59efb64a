/**
 * What depends on the generation of a Claude model, read from its name wherever that stands (`claude-opus-4-6`, `anthropic.claude-sonnet-4-5-20250929-v1:0`,
 * `claude-3-7-sonnet@20250219`). A name that tells no generation counts as the newest: names without one are aliases of new models.
 */
interface Generation {
  readonly major: number;
  readonly minor: number;
}

const NEW_NAME = /claude-[a-z]+-(\d{1,2})(?:[-.](\d{1,2}))?(?![\d])/;
const OLD_NAME = /claude-(\d)(?:[-.](\d))?-[a-z]/;

function generationOf(model: string): Generation | null {
  const match = OLD_NAME.exec(model) ?? NEW_NAME.exec(model);
  if (match === null) return null;
  return { major: Number(match[1]), minor: Number(match[2] ?? 0) };
}

function isAtLeast(model: string, major: number, minor: number): boolean {
  const generation = generationOf(model);
  if (generation === null) return true;
  return generation.major > major || (generation.major === major && generation.minor >= minor);
}

/** How a model is told to think: not at all, by a budget of tokens, or by an effort that it makes its own budget of. */
export function thinkingOf(model: string): "none" | "budget" | "adaptive" {
  if (isAtLeast(model, 4, 6)) return "adaptive";
  return isAtLeast(model, 3, 7) ? "budget" : "none";
}

/** `output_config.format` (from 4.5 on). */
export function takesJsonSchema(model: string): boolean {
  return isAtLeast(model, 4, 5);
}

/** From 4.1 on a request may name one of temperature and top_p only. */
export function takesOneOfSampling(model: string): boolean {
  return isAtLeast(model, 4, 1);
}
