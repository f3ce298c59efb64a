import { type AccountChange, type ExchangeAnswer, MAX_CHANGES } from "../../model/usage-store.ts";
import { belongs, createAccountTable } from "./account-table.ts";
import { createDueAccounts, isIdle } from "./due-accounts.ts";
import { applyAnswer, changeOf, freeNow, type LeasedAccount, openLeasedAccount, takenOf } from "./leased-account.ts";
import { giveBack, type LeasedCall, type LeasedClaim, lackingOf, letIn, openClaim, takeWithoutStore, tryTake } from "./leased-call.ts";
import type { HoldResult, LimitClaim, Shortage, Standing } from "./limit-desk.ts";
import type { LimitRealm, LimitRealmOptions } from "./limit-realm.ts";
import { sortOut } from "./refused-calls.ts";
import { exceeded, tightest, unavailable } from "./shortage.ts";
import { createStoreClock } from "./store-clock.ts";
import { createStoreLine, type Flight } from "./store-line.ts";
import { createWaitingCalls, type WaitingCall } from "./waiting-calls.ts";

/** What an instance holds ends so long after its last exchange, in milliseconds. */
const TTL_MS = 30_000;
const MAX_ACCOUNTS = 10_000;
/** Looked at for one that can be spared; and how long it must not have been asked for, since a call may wait for it. */
const MAX_LOOKED_AT = 200;
const SPARE_AFTER_MS = 2_000;
/** Whoever was outrun so often is refused. */
const MAX_ROUNDS = 4;

/**
 * Limits of a Gateway for an instance whose timers run between calls. It holds a lease of each account in use; calls take from it at once, and one exchange
 * at a time fills it up, for all calls that wait and all accounts that are due.
 */
export function createLeasedRealm(options: LimitRealmOptions): LimitRealm {
  const { gateway, clock, random, news } = options;
  const monotonic = (): number => clock.monotonic();
  const storeClock = createStoreClock(clock);
  const table = createAccountTable<LeasedAccount>({
    maxAccounts: MAX_ACCOUNTS,
    open: (identity, rule) => openLeasedAccount(identity, rule, clock.monotonic()),
    spare: (accounts) => findSpare(accounts, clock.monotonic()),
  });
  const due = createDueAccounts({ clock, table, ttlMs: TTL_MS, onDue: pump });
  const waiting = createWaitingCalls({ clock, onLeave: undo, onDeadline: giveUp });
  const line = createStoreLine({ ...options, onAnswer, onFailure });
  let flying: readonly LeasedAccount[] = [];
  /** An answer is being worked off, or the next exchange put together: what that makes due is part of it. */
  let pumping = false;
  const flushes = new Set<(failed: boolean) => void>();

  function begin(claims: readonly LimitClaim[], now: number): LeasedCall {
    const storeTime = storeClock.at(now);
    return claims.map((claim) => {
      const account = table.find(claim, storeTime);
      if (account !== null) account.lastClaim = now;
      return openClaim(claim, account);
    });
  }

  /** Takes what this instance holds; whether that is all. */
  function take(call: LeasedCall, now: number): boolean {
    let complete = true;
    for (const claim of call) if (!tryTake(claim, now)) complete = false;
    return complete;
  }

  function admit(call: LeasedCall, now: number): HoldResult {
    for (const { account } of call) if (account !== null) due.taken(account, now);
    const result = letIn(call, due.settled, monotonic);
    for (const claim of result.exceededShadows) tellExceeded(claim, now);
    return result;
  }

  function undo(call: LeasedCall): void {
    giveBack(call);
    for (const { account } of call) if (account !== null) due.settled(account);
  }

  function refuse(call: LeasedCall, shortages: readonly Shortage[]): HoldResult {
    undo(call);
    // The first claim: a store that refuses a call without a reason is one that gives no proper answer.
    return { ok: false, shortage: tightest(shortages) ?? unavailable(firstOf(call)) };
  }

  function withoutStore(call: LeasedCall, now: number): HoldResult {
    news.unavailable(gateway, now);
    const shortages = takeWithoutStore(call, now, storeClock.at(now));
    return shortages.length > 0 ? refuse(call, shortages) : admit(call, now);
  }

  /** A call that is larger than the limit says nothing of what was used. */
  function tellExceeded(claim: LimitClaim, now: number): void {
    if (claim.amount > claim.rule.limit) return;
    const storeTime = storeClock.at(now);
    const account = table.find(claim, storeTime);
    if (account !== null) news.exceeded(claim, account.identity, storeTime);
  }

  function shortageOf({ claim, account }: LeasedClaim, now: number): Shortage {
    if (account === null) return unavailable(claim);
    tellExceeded(claim, now);
    return exceeded(claim, remainingOf(account), account.roomAt === null ? null : account.roomAt - now, resetOf(account, now));
  }

  /** The claims that are larger than the limit, or than what the store left a moment ago: it need not be asked. */
  function hopeless(call: LeasedCall, now: number): readonly Shortage[] {
    return lackingOf(call)
      .filter(({ claim, account, amount }) => {
        if (account === null || claim.rule.onExceeded === "shadow") return false;
        return amount > claim.rule.limit || (now < account.refusedUntil && amount > Math.max(0, freeNow(account, now)) + account.refusedRoom);
      })
      .map((lacking) => shortageOf(lacking, now));
  }

  /** Milliseconds until the window is over, or its length. */
  function resetOf({ identity, rule }: LeasedAccount, now: number): number {
    if (identity.period !== null) return Math.max(1, identity.period.end - storeClock.at(now));
    return rule.window?.kind === "sliding" ? rule.window.ms : 0;
  }

  /** Sends the next exchange, if none is under way and there is anything to say. */
  function pump(): void {
    if (pumping || line.flight !== null) return;
    pumping = true;
    const now = clock.monotonic();
    for (const one of waiting.all()) if (take(one.call, now)) waiting.answer(one, () => admit(one.call, now));
    const needs = askForWaiting();
    for (const account of due.collect(now, MAX_CHANGES - needs.size)) if (!needs.has(account)) needs.set(account, 0);
    pumping = false;
    if (needs.size === 0) return;
    flying = [...needs.keys()];
    const changes = flying.map((account): AccountChange => changeOf(account, needs.get(account) ?? 0, now));
    line.send({ realm: gateway, holder: options.holder, sequence: options.nextSequence(), ttlMs: TTL_MS, changes });
  }

  /** What the calls that wait lack, as many as go into one exchange. */
  function askForWaiting(): Map<LeasedAccount, number> {
    const needs = new Map<LeasedAccount, number>();
    for (const one of waiting.all()) {
      const lacking = lackingOf(one.call);
      const more = lacking.filter(({ account }) => account !== null && !needs.has(account)).length;
      if (needs.size + more > MAX_CHANGES) break;
      one.asked = true;
      for (const { account, amount } of lacking) if (account !== null) needs.set(account, (needs.get(account) ?? 0) + amount);
    }
    return needs;
  }

  function onAnswer(flight: Flight, answer: ExchangeAnswer, again: boolean, now: number): void {
    storeClock.learn(answer.now, flight.firstSent, now, again);
    const storeTime = storeClock.at(now);
    pumping = true;
    const leftovers = flying.flatMap((account, at) => {
      const found = answer.accounts[at];
      return found === undefined ? [] : [{ account, answer: found }];
    });
    flying = [];
    for (const { account, answer: found } of leftovers) {
      applyAnswer(account, found, flight.firstSent + TTL_MS);
      if (!belongs(account.identity.period, storeTime)) endLease(account);
      due.answered(account, now);
    }
    news.available(gateway, now);
    const asked = waiting.all().filter((one) => one.asked);
    for (const one of asked) {
      one.asked = false;
      one.rounds += 1;
    }
    const { refused } = sortOut(asked, leftovers, now, random);
    for (const one of refused) waiting.answer(one, () => refuse(one.call, hopeless(one.call, now)));
    for (const one of asked) if (!refused.includes(one)) askAgain(one, storeTime, now);
    pumping = false;
    pump();
    for (const check of flushes) check(false);
  }

  /** A call that found its period over begins anew in the next; one that was outrun too often is refused. */
  function askAgain(one: WaitingCall, storeTime: number, now: number): void {
    if (take(one.call, now) && one.call.every(({ account }) => account === null || belongs(account.identity.period, storeTime))) {
      waiting.answer(one, () => admit(one.call, now));
    } else if (one.rounds >= MAX_ROUNDS) {
      waiting.answer(one, () =>
        refuse(
          one.call,
          lackingOf(one.call).map((lacking) => shortageOf(lacking, now)),
        ),
      );
    } else if (one.call.some(({ account }) => account !== null && !belongs(account.identity.period, storeTime))) {
      undo(one.call);
      one.call = begin(
        one.call.map(({ claim }) => claim),
        now,
      );
    }
  }

  function onFailure(now: number): void {
    if (line.down) giveUp([], now);
    for (const check of flushes) check(true);
  }

  function giveUp(late: readonly WaitingCall[], now: number): void {
    line.judge(now);
    for (const one of line.down ? waiting.all() : late) waiting.answer(one, () => withoutStore(one.call, now));
  }

  function urgeOwing(all: boolean): boolean {
    const now = clock.monotonic();
    let owing = false;
    for (const account of table.all()) {
      if (account.used === 0 && account.telling === 0 && !(all && freeNow(account, now) > 0)) continue;
      owing = true;
      if (all) account.demand = account.claimed = 0;
      if (!account.flying) due.urge(account);
    }
    return owing;
  }

  return {
    hold(claims, signal) {
      if (signal.aborted) return Promise.reject(signal.reason);
      const now = clock.monotonic();
      const call = begin(claims, now);
      if (take(call, now)) return admit(call, now);
      const shortages = hopeless(call, now);
      if (shortages.length > 0) return refuse(call, shortages);
      if (lackingOf(call).some(({ account }) => account === null) || line.down) return withoutStore(call, now);
      const result = waiting.add(call, line.patienceMs, signal);
      pump();
      return result;
    },
    standing(claim): Standing {
      const now = clock.monotonic();
      const account = table.find(claim, storeClock.at(now));
      if (account === null) return { claim, remaining: 0, resetMs: 0 };
      return { claim, remaining: remainingOf(account), resetMs: resetOf(account, now) };
    },
    flush(ms, all) {
      if (!urgeOwing(all)) return Promise.resolve();
      line.hurry();
      pump();
      return new Promise((resolve) => {
        const check = (failed: boolean): void => {
          if (!failed && urgeOwing(all)) {
            pump();
            return;
          }
          flushes.delete(check);
          cancel();
          resolve();
        };
        const cancel = clock.after(ms, () => check(true));
        flushes.add(check);
      });
    },
    census() {
      const now = clock.monotonic();
      let leases = 0;
      for (const account of table.all()) if (freeNow(account, now) > 0) leases += 1;
      return { accounts: table.size, leases };
    },
  };
}

/** At least so much is left, as far as this instance knows. */
function remainingOf(account: LeasedAccount): number {
  return account.known ? Math.max(0, account.rule.limit - takenOf(account)) : 0;
}

function firstOf([first]: LeasedCall): LimitClaim {
  if (first === undefined) throw new RangeError("a call without claims lacks nothing");
  return first.claim;
}

/** What is held of a period that is over, or has not begun, is of no use. */
function endLease(account: LeasedAccount): void {
  account.leaseEnds = 0;
  account.demand = 0;
  account.claimed = 0;
}

function findSpare(accounts: Iterable<LeasedAccount>, now: number): LeasedAccount | null {
  let looked = 0;
  for (const account of accounts) {
    if (looked++ >= MAX_LOOKED_AT) return null;
    if (!account.flying && now - account.lastClaim >= SPARE_AFTER_MS && isIdle(account, now)) return account;
  }
  return null;
}
