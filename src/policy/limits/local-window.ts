import type { LimitWindow } from "../../model/limit.ts";

/** Counts one account in this instance alone, for as long as the store gives no answer. Times in milliseconds of the monotonic clock. */
export interface LocalWindow {
  /** 0: `amount` fits under `share`; else milliseconds until it may; null: it never does. `periodLeftMs`: until a calendar window is over. */
  roomInMs(amount: number, share: number, now: number, periodLeftMs: number): number | null;
  hold(amount: number): void;
  settle(amount: number, used: number, now: number): void;
}

const PARTS = 60;
const NEXT_CALL_MS = 1_000;

/**
 * A sliding window has 60 parts, each of which counts until its last moment is over. For a calendar window all counts that was used: the account is another
 * one in the next period. Without a window only what is held counts.
 */
export function createLocalWindow(window: LimitWindow | null): LocalWindow {
  const partMs = window?.kind === "sliding" ? window.ms / PARTS : Number.POSITIVE_INFINITY;
  const parts: { readonly at: number; amount: number }[] = [];
  let held = 0;
  let used = 0;

  function forget(now: number): void {
    while (parts[0] !== undefined && over(parts[0].at) <= now) used -= parts.shift()?.amount ?? 0;
  }

  /** When a part no longer counts. */
  function over(part: number): number {
    return (part + 1 + PARTS) * partMs;
  }

  return {
    roomInMs(amount, share, now, periodLeftMs) {
      forget(now);
      let missing = held + used + amount - share;
      if (missing <= 0) return 0;
      if (amount > share) return null;
      // What is held ends with its call, and nobody knows when.
      if (window === null) return NEXT_CALL_MS;
      if (window.kind === "calendar") return periodLeftMs;
      for (const part of parts) {
        missing -= part.amount;
        if (missing <= 0) return Math.max(1, over(part.at) - now);
      }
      return window.ms;
    },
    hold(amount) {
      held += amount;
    },
    settle(amount, really, now) {
      held -= amount;
      if (window === null || really === 0) return;
      used += really;
      const at = window.kind === "sliding" ? Math.floor(now / partMs) : 0;
      const last = parts.at(-1);
      if (last !== undefined && last.at === at) last.amount += really;
      else parts.push({ at, amount: really });
    },
  };
}
