import type { Caller } from "../model/caller.ts";

/**
 * What one check says of one credential. `rejected`: it proves nobody. `unknown`: it could not be checked, because keys
 * could not be read; the call is refused all the same, but may be tried again. `reason` never quotes the credential.
 */
export type Verdict = Proved | Unproved;

export interface Proved {
  readonly kind: "proved";
  readonly caller: Caller;
  /** How long the credential itself is good yet, or what was said of it. */
  readonly goodForMs: number;
}

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
