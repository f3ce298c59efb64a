import type { DegradedPort } from "../../src/index.ts";

/** Tells operators when events can no longer be sent, and when they can again. */
export function tellOfTrouble(degraded: DegradedPort): (trouble: string | null) => void {
  return (trouble) => {
    if (trouble === null) degraded.leave("event_sink", "instance");
    else degraded.enter("event_sink", "instance", "unavailable", { detail: trouble });
  };
}
