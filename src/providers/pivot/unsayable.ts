import type { EncodedTo } from "./codec.ts";

/** A part of a request that this API cannot say, found while encoding. Caught by `orRefused`; never leaves the codec. */
export class Unsayable extends Error {
  override readonly name = "Unsayable";
  readonly field: string;
  readonly reason: string;

  constructor(field: string, reason: string) {
    super(`${field}: ${reason}`);
    this.field = field;
    this.reason = reason;
  }
}

/** What `encode` gives, or the field that kept it from it. */
export function orRefused(encode: () => EncodedTo): EncodedTo {
  try {
    return encode();
  } catch (error) {
    if (!(error instanceof Unsayable)) throw error;
    return { ok: false, field: error.field, reason: error.reason };
  }
}
