import type { Clock } from "../../model/ports.ts";

const GRACE_MS = 1;

/**
 * Runs `callback` after `ms`, and a turn of the event loop later: where the loop stood still, what has arrived in the meantime is read before anybody says
 * that it came too late. The returned function cancels it.
 */
export function afterPatience(clock: Clock, ms: number, callback: () => void): () => void {
  let cancel = clock.after(Math.max(0, ms), () => {
    cancel = clock.after(GRACE_MS, callback);
  });
  return () => cancel();
}
