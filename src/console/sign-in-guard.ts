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
  // In the time that it takes to have a try again: whole numbers.
  let saved = TRIES * REFILL_MS;
  let at = now();
  return {
    take() {
      const passed = Math.max(0, now() - at);
      saved = Math.min(TRIES * REFILL_MS, saved + passed);
      at += passed;
      if (saved < REFILL_MS) return Math.ceil((REFILL_MS - saved) / 1_000);
      saved -= REFILL_MS;
      return null;
    },
    giveBack() {
      saved = Math.min(TRIES * REFILL_MS, saved + REFILL_MS);
    },
  };
}
