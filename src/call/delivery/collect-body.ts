import { joinBytes } from "../../lib/utf8.ts";
import type { AnswerBody } from "../../model/outcome.ts";
import type { Clock } from "../../model/ports.ts";

/** A destination that trickles must not hold a caller for long. */
const COLLECT_MS = 5_000;

/** The beginning of a body, at most `maxBytes` of it, as far as it comes in time; the rest is cancelled. Never rejects. */
export function collectBody(clock: Clock, body: AnswerBody, maxBytes: number): Promise<Uint8Array> {
  return new Promise((resolve) => {
    const parts: Uint8Array[] = [];
    let size = 0;
    let over = false;
    const finish = (cancel: boolean): void => {
      if (over) return;
      over = true;
      stopTimer();
      if (cancel) body.cancel();
      resolve(joinBytes(parts).subarray(0, maxBytes));
    };
    const stopTimer = clock.after(COLLECT_MS, () => finish(true));
    body.consume({
      chunk: (bytes) => {
        if (over) return;
        parts.push(bytes);
        size += bytes.byteLength;
        if (size >= maxBytes) finish(true);
      },
      end: () => finish(false),
      failed: () => finish(false),
    });
  });
}
