import type { Transport } from "../../src/index.ts";

/**
 * How long an environment may have stood still before its connections count as lost: about what servers and middleboxes wait at least. While
 * it is frozen no timer of its own runs, and nobody can tell it that the other side has closed.
 */
const LOST_MS = 4_000;

/** A transport whose connections do not outlive a freeze: the first call after it would be sent into a dead one, and most may not be sent twice. */
export interface ThawingTransport extends Transport {
  /** An invocation begins. Resolves when what the system already knows of closed connections has been heard. */
  begin(): Promise<void>;
  /** It is over; the environment may be frozen from now on. */
  end(): void;
}

/** `now`: milliseconds of the wall clock, the one that is set right after a freeze. */
export function createThawingTransport(open: () => Transport, now: () => number): ThawingTransport {
  let current = open();
  let running = 0;
  let idleSince: number | null = null;
  return {
    features: current.features,
    dispatch: (request, signal) => current.dispatch(request, signal),
    close: () => current.close(),
    begin: async () => {
      running += 1;
      if (running > 1 || idleSince === null) return;
      if (Math.abs(now() - idleSince) >= LOST_MS) {
        const lost = current;
        current = open();
        void lost.close();
        return;
      }
      // The invocation and the end of a connection may have come with the same look at the sockets: one turn later all of it is heard.
      await new Promise((resolve) => setImmediate(resolve));
    },
    end: () => {
      running -= 1;
      if (running === 0) idleSince = now();
    },
  };
}
