import type { Caller } from "../model/caller.ts";

/**
 * What one check says of one credential. `rejected`: it proves nobody. `unknown`: it could not be checked, because keys
 * could not be read; the call is refused all the same, but may be tried again. `reason` never quotes the credential.
 */
export type Verdict =
  /** `goodForMs`: how long the credential itself is good yet. */
  { readonly kind: "proved"; readonly caller: Caller; readonly goodForMs: number } | Unproved;

export interface Unproved {
  readonly kind: "rejected" | "unknown";
  readonly reason: string;
}

export function rejected(reason: string): Unproved {
  return { kind: "rejected", reason };
}

export function unknown(reason: string): Unproved {
  return { kind: "unknown", reason };
}
