import { createTtlCache } from "../../lib/ttl-cache.ts";
import type { Clock, EventSink } from "../../model/ports.ts";
import type { AccountIdentity } from "./account-table.ts";
import type { LimitClaim } from "./limit-desk.ts";

/** Tells operators what limits do, once, and not once a call. */
export interface LimitNews {
  /** Once an account and window: the next for the same account comes when the period, or a sliding window's length, is over. */
  exceeded(claim: LimitClaim, identity: AccountIdentity, storeTime: number): void;
  /** A call met a store that gives no answer. The first of an outage is told, at most one a gateway in ten seconds. */
  unavailable(gateway: string, now: number): void;
  /** The store answers again: told where its silence was. */
  available(gateway: string, now: number): void;
}

const MAX_TOLD = 10_000;
const OUTAGE_MS = 10_000;
/** For limits without a window. */
const CONCURRENCY_MS = 60_000;

/** `now` in milliseconds of the monotonic clock. Bounded: with more than 10,000 accounts used up at a time, some are told twice. */
export function createLimitNews(events: EventSink, clock: Clock): LimitNews {
  const told = createTtlCache<LimitClaim>({ maxEntries: MAX_TOLD, monotonic: () => clock.monotonic() });
  /** When outages began, and when the last that was told of was told. */
  const outages = new Map<string, { since: number | null; toldAt: number }>();

  return {
    exceeded(claim, { name, window }, storeTime) {
      if (told.get(name) !== null) return;
      told.set(name, claim, window.kind === "sliding" ? window.ms : window.kind === "until" ? window.at - storeTime : CONCURRENCY_MS);
      const { rule, of } = claim;
      const account = Object.fromEntries(rule.per.map((dimension, at) => [dimension, of[at] ?? ""]));
      events.emit({
        type: "limit.exceeded",
        time: clock.now(),
        subject: rule.id,
        data: { gateway: rule.gateway, limit: rule.id, unit: rule.unit, amount: rule.limit, currency: rule.currency, action: rule.onExceeded, account },
      });
    },
    unavailable(gateway, now) {
      const outage = outages.get(gateway);
      if (outage !== undefined && (outage.since !== null || now - outage.toldAt < OUTAGE_MS)) return;
      outages.set(gateway, { since: now, toldAt: now });
      events.emit({ type: "limits.unavailable", time: clock.now(), subject: gateway, data: { gateway, state: "began" } });
    },
    available(gateway, now) {
      const outage = outages.get(gateway);
      if (outage === undefined || outage.since === null) return;
      const ms = Math.round(now - outage.since);
      outage.since = null;
      events.emit({ type: "limits.unavailable", time: clock.now(), subject: gateway, data: { gateway, state: "ended", ms } });
    },
  };
}
