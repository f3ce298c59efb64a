import type { Clock } from "../../model/ports.ts";
import type { AccountTable } from "./account-table.ts";
import { FORGET_MS, freeNow, type LeasedAccount, takenOf } from "./leased-account.ts";

/** Knows which accounts the store must hear of, and when. Times in milliseconds of the monotonic clock. */
export interface DueAccounts {
  /** A claim took from it. */
  taken(account: LeasedAccount, now: number): void;
  /** A claim of it ended. */
  settled(account: LeasedAccount): void;
  /** The store has just spoken of it. */
  answered(account: LeasedAccount, now: number): void;
  /** It is due now. */
  urge(account: LeasedAccount): void;
  /** Those that are due, at most `max`; forgets those that nobody uses. Not while an exchange is under way. */
  collect(now: number, max: number): readonly LeasedAccount[];
}

const TELL_MS = 1_000;
const GIVE_BACK_MS = 1_000;
const TELL_SHADOW_MS = 250;
const TELL_NEAR_LIMIT_MS = 50;
const SHORTEST_TELL_MS = 10;
const NEAR_LIMIT = 1 / 8;
/** Alarms ring no closer together than this: every one looks at all accounts. */
const GAP_MS = 5;

/** `onDue` is called when some account is due; it should call `collect` as soon as no exchange is under way. One timer for all. */
export function createDueAccounts(options: {
  readonly clock: Clock;
  readonly table: AccountTable<LeasedAccount>;
  readonly ttlMs: number;
  readonly onDue: () => void;
}): DueAccounts {
  const { clock, table, ttlMs, onDue } = options;
  const urgent = new Set<LeasedAccount>();
  let alarmAt = Number.POSITIVE_INFINITY;
  let cancelAlarm: (() => void) | null = null;
  let lookOwed = false;

  function alarm(at: number, now: number): void {
    if (at >= alarmAt) return;
    cancelAlarm?.();
    alarmAt = at;
    cancelAlarm = clock.after(Math.max(GAP_MS, at - now), () => {
      cancelAlarm = null;
      alarmAt = Number.POSITIVE_INFINITY;
      lookOwed = true;
      onDue();
    });
  }

  function wake(account: LeasedAccount, at: number, now: number): void {
    account.due = Math.min(account.due, at);
    alarm(account.due, now);
  }

  function plan(account: LeasedAccount, now: number): void {
    // What calls hold ends where the store does not hear of it: it does three times as often as it has to. Where they hold nothing, the account is forgotten.
    let at = account.keep > 0 ? now + ttlMs / 3 : account.lastClaim + FORGET_MS;
    account.told = now;
    account.tellPlanned = account.used > 0 || account.free > account.spare;
    if (account.tellPlanned) at = Math.min(at, now + tellMs(account));
    else if (account.free > 0) at = Math.min(at, now + GIVE_BACK_MS);
    if (account.young + account.older > 0) at = Math.min(at, account.generationSince + account.bookAfterMs);
    account.due = at;
    alarm(at, now);
  }

  function look(now: number): void {
    let next = Number.POSITIVE_INFINITY;
    for (const account of table.all()) {
      // Of long calls that began one after the other the store hears in common: what it has not heard of for a while goes with what is due.
      if (account.due > now && now - account.told < ttlMs / 6) next = Math.min(next, account.due);
      else if (!isIdle(account, now)) urgent.add(account);
      else if (now - account.lastClaim >= FORGET_MS) table.remove(account);
      else {
        account.due = account.lastClaim + FORGET_MS;
        next = Math.min(next, account.due);
      }
    }
    alarm(next, now);
  }

  return {
    taken(account, now) {
      if (account.free < account.lowWater && !account.flying) {
        urgent.add(account);
        onDue();
        return;
      }
      const shadow = account.rule.onExceeded === "shadow";
      wake(account, now + (account.bookAfterMs > 0 ? 2 * account.bookAfterMs : shadow ? TELL_SHADOW_MS : ttlMs / 3), now);
    },
    settled(account) {
      // The clock is read once an exchange, not once a call.
      if (account.tellPlanned || (account.used === 0 && account.free <= account.spare)) return;
      account.tellPlanned = true;
      const now = clock.monotonic();
      wake(account, now + tellMs(account), now);
    },
    answered: plan,
    urge(account) {
      urgent.add(account);
    },
    collect(now, max) {
      if (lookOwed) {
        lookOwed = false;
        look(now);
      }
      const found: LeasedAccount[] = [];
      for (const account of urgent) {
        if (found.length >= max) break;
        urgent.delete(account);
        if (!account.gone) found.push(account);
      }
      return found;
    },
  };
}

/** Neither used, nor held, nor with anything to tell. Not while an exchange with it is under way. */
export function isIdle(account: LeasedAccount, now: number): boolean {
  return account.keep === 0 && account.used === 0 && freeNow(account, now) <= 0;
}

/**
 * How soon the store hears of what was used and of what is not needed: within a second, and within a two hundredth of a sliding window, in which what was used counts
 * from when it was told. Sooner near the limit, where others wait for it.
 */
function tellMs(account: LeasedAccount): number {
  const { window, limit, onExceeded } = account.rule;
  const usual = window?.kind === "sliding" ? Math.min(TELL_MS, Math.max(SHORTEST_TELL_MS, window.ms / 200)) : TELL_MS;
  if (onExceeded === "shadow") return Math.min(usual, TELL_SHADOW_MS);
  // What others could get is what counts: what is free here is not.
  const leftForOthers = limit - takenOf(account) - Math.max(0, account.free);
  return leftForOthers < limit * NEAR_LIMIT ? Math.min(usual, TELL_NEAR_LIMIT_MS) : usual;
}
