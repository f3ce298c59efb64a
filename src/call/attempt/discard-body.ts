import type { AnswerBody } from "../../model/outcome.ts";
import type { Clock } from "../../model/ports.ts";

/** Bodies up to this size are read to the end, so that the connection can be used again. */
const DISCARD_BYTES = 64 * 1024;
/** And no longer than this: a destination that trickles must not hold a connection that nobody waits for. */
const DISCARD_MS = 1_000;

/** Reads a small body to its end and cancels a large or slow one: a body left alone would hold its connection for ever. `done` is called once. */
export function discardBody(clock: Clock, body: AnswerBody, done: () => void = () => {}): void {
  let seen = 0;
  let over = false;
  const finish = () => {
    if (over) return;
    over = true;
    stopTimer();
    done();
  };
  const stopTimer = clock.after(DISCARD_MS, () => {
    body.cancel();
    finish();
  });
  body.consume({
    chunk: (bytes) => {
      seen += bytes.byteLength;
      if (seen <= DISCARD_BYTES || over) return;
      body.cancel();
      finish();
    },
    end: finish,
    failed: finish,
  });
}
