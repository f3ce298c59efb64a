import type { LimitDesk } from "./limit-desk.ts";

/** Of a broker without a store: nobody counts, so whatever a limit is for is refused. Fails closed, whatever the limit's `onStoreFailure` says. */
export const CLOSED_DESK: LimitDesk = {
  hold(claims) {
    const [claim] = claims;
    if (claim === undefined) throw new RangeError("a hold needs a claim");
    return { ok: false, shortage: { claim, reason: "unavailable", remaining: 0, retryAfterMs: null } };
  },
  standing: () => [],
  flush: async () => {},
};
