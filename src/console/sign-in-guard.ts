/** Slows down guessing. Of this instance, for all who try: the page does not know who they are. */
export interface SignInGuard {
  /** Takes one try; null: it may go on, else the seconds to wait. */
  take(): number | null;
  /** The try was right: it does not count. */
  giveBack(): void;
}

const TRIES = 10;
/** One more try after so long. Milliseconds. */
const REFILL_MS = 3_000;

/** Ten wrong tries at once, then one each three seconds. Sessions that exist, and tokens in headers, are not slowed down. */
export function createSignInGuard(now: () => number): SignInGuard {
  let left = TRIES;
  let at = now();
  return {
    take() {
      const passed = Math.max(0, now() - at);
      left = Math.min(TRIES, left + passed / REFILL_MS);
      at += passed;
      if (left < 1) return Math.ceil(((1 - left) * REFILL_MS) / 1_000);
      left -= 1;
      return null;
    },
    giveBack() {
      left = Math.min(TRIES, left + 1);
    },
  };
}
