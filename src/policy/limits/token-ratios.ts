/** Bytes of a request per token that its provider counts: learned for each model from what the providers report. */
export interface TokenRatios {
  /** Between 1.5 and 8; 3.5 for a model of which nothing is known. */
  of(model: string): number;
  /** What a provider counted for a request of `bytes`. */
  learn(model: string, bytes: number, tokens: number): void;
}

/** English prose in JSON has a little over four bytes a token; code, lists and other languages have less. */
const FIRST = 3.5;
/** Beyond these lies nothing that is text: whoever repeats one letter, or sends noise, must not spoil the estimates of others. */
const [LEAST, MOST] = [1.5, 8];
/** Weight of the newest report. */
const WEIGHT = 0.1;
/** The envelope of a short request weighs more than its text. */
const MIN_TOKENS = 50;
const MAX_MODELS = 256;

/** A moving average for each of the models that were used last. */
export function createTokenRatios(): TokenRatios {
  const known = new Map<string, number>();
  return {
    of: (model) => known.get(model) ?? FIRST,
    learn(model, bytes, tokens) {
      if (tokens < MIN_TOKENS || bytes <= 0) return;
      const seen = Math.min(MOST, Math.max(LEAST, bytes / tokens));
      const before = known.get(model) ?? FIRST;
      known.delete(model);
      if (known.size >= MAX_MODELS) {
        const oldest = known.keys().next();
        if (!oldest.done) known.delete(oldest.value);
      }
      known.set(model, before + (seen - before) * WEIGHT);
    },
  };
}
