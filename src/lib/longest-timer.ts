/** Timers hold 31 bits of milliseconds; a longer one would fire at once. These 24 days are as good as the years that somebody wrote. */
export const LONGEST_TIMER_MS = 2_147_483_647;
