import type { LimitRule } from "../../model/limit.ts";
import type { AccountAnswer, AccountChange } from "../../model/usage-store.ts";
import type { AccountIdentity } from "./account-table.ts";
import { leaseSize } from "./lease-size.ts";
import type { LocalWindow } from "./local-window.ts";

/**
 * What this instance knows of one account. While no exchange is under way, `keep + used + free` is what the store says that this instance holds.
 * Amounts in the rule's unit, times in milliseconds of the monotonic clock.
 */
export interface LeasedAccount {
  readonly identity: AccountIdentity;
  rule: LimitRule;
  gone: boolean;
  /** Claims of calls under way. */
  keep: number;
  /** Was used, and no exchange has carried it yet. */
  used: number;
  /** Was used, and is told by the exchange under way. */
  telling: number;
  /** What the next call may take at once, up to `leaseEnds`. Negative: calls took more than was held, because the store gave no answer or they used more than they claimed. */
  free: number;
  leaseEnds: number;
  /** It is part of the exchange under way. */
  flying: boolean;
  /** The store has spoken of it: the next two are its words. */
  known: boolean;
  usedThere: number;
  heldByOthers: number;
  /** Until then a claim of more than `refusedRoom` beyond what is free is refused without asking again. */
  refusedUntil: number;
  refusedRoom: number;
  /** When there may be room after a refusal; null: nobody knows. */
  roomAt: number | null;
  /** Claimed since `claimedSince`; the demand before that, in units a millisecond. */
  claimed: number;
  claimedSince: number;
  demand: number;
  /** How much beyond its calls' needs the last exchange asked for. */
  spare: number;
  /** Below this the lease is filled up before it is empty. */
  lowWater: number;
  /** Requests of a sliding window are booked while they go on, between one and two of these after they began; 0: nothing is. */
  readonly bookAfterMs: number;
  /** Counts the times that requests under way were booked; `young` began since the last, `older` before it. */
  generation: number;
  generationSince: number;
  young: number;
  older: number;
  /** When the store last spoke of it; before that, when it was opened. */
  told: number;
  /** When it must be part of an exchange, or may be forgotten. */
  due: number;
  /** `due` allows for what was used, and for what is free beyond `spare`. */
  tellPlanned: boolean;
  lastClaim: number;
  /** Counts while the store gives no answer; null: it has not been needed. */
  local: LocalWindow | null;
}

/** An account that is not used for so long is forgotten, in milliseconds. */
export const FORGET_MS = 10_000;

export function openLeasedAccount(identity: AccountIdentity, rule: LimitRule, now: number): LeasedAccount {
  const ages = rule.unit === "requests" && rule.window?.kind === "sliding" ? Math.min(500, Math.max(10, rule.window.ms / 120)) : 0;
  return {
    identity,
    rule,
    gone: false,
    keep: 0,
    used: 0,
    telling: 0,
    free: 0,
    leaseEnds: 0,
    flying: false,
    known: false,
    usedThere: 0,
    heldByOthers: 0,
    refusedUntil: 0,
    refusedRoom: 0,
    roomAt: null,
    claimed: 0,
    claimedSince: now,
    demand: 0,
    spare: 0,
    lowWater: 0,
    bookAfterMs: ages,
    generation: 0,
    generationSince: now,
    young: 0,
    older: 0,
    told: now,
    due: now + FORGET_MS,
    tellPlanned: false,
    lastClaim: now,
    local: null,
  };
}

/** What a call may take without a round trip. */
export function freeNow(account: LeasedAccount, now: number): number {
  return now < account.leaseEnds ? account.free : Math.min(0, account.free);
}

/** Takes a claim's amount, be it there or not. Gives the generation that `giveBack` and `settleClaim` want to know. */
export function takeClaim(account: LeasedAccount, amount: number, now: number): number {
  account.free -= amount;
  account.keep += amount;
  account.claimed += amount;
  account.lastClaim = now;
  if (account.bookAfterMs > 0) account.young += amount;
  return account.generation;
}

/** Ends a claim. What was booked while the call went on stays booked. */
export function settleClaim(account: LeasedAccount, amount: number, generation: number, used: number): void {
  let booked = used;
  if (account.bookAfterMs > 0) {
    const age = account.generation - generation;
    if (age === 0) account.young -= amount;
    else if (age === 1) account.older -= amount;
    else {
      const beyond = Math.max(0, used - amount);
      account.used += beyond;
      account.free -= beyond;
      return;
    }
  } else if (account.identity.window.kind === "none") booked = 0;
  account.keep -= amount;
  account.used += booked;
  account.free += amount - booked;
}

/** Books requests that have been under way for long: those of a long stream must not count until a window after its end. */
function bookOlder(account: LeasedAccount, now: number): void {
  if (account.bookAfterMs === 0 || now - account.generationSince < account.bookAfterMs) return;
  account.keep -= account.older;
  account.used += account.older;
  account.older = account.young;
  account.young = 0;
  account.generation += 1;
  account.generationSince = now;
}

const DEMAND_MS = 250;

function measureDemand(account: LeasedAccount, now: number): void {
  const elapsed = now - account.claimedSince;
  if (elapsed < DEMAND_MS / 5) return;
  const latest = account.claimed / elapsed;
  // Where nobody has come for a while, what is spare is given back whole, and not by halves.
  account.demand += (latest - account.demand) * Math.min(1, elapsed / DEMAND_MS);
  account.claimed = 0;
  account.claimedSince = now;
}

/** Used by anybody or held by others, with all that this instance needs, as far as it knows. */
export function takenOf(account: LeasedAccount): number {
  return account.usedThere + account.heldByOthers + account.telling + account.used + account.keep;
}

/** How much beyond its calls' needs an account should hold. */
function spareOf(account: LeasedAccount, waiting: number): number {
  const { rule } = account;
  // A shadow refuses nobody, so that nobody waits for it.
  if (!account.known || rule.onExceeded === "shadow") return 0;
  const slidingMs = rule.window?.kind === "sliding" ? rule.window.ms : null;
  return leaseSize({ limit: rule.limit, demand: account.demand, slidingMs, left: rule.limit - takenOf(account) - waiting });
}

/**
 * The account's part of the next exchange. `waiting`: what calls that wait for it need. Until the answer comes only
 * that much stays free which the store leaves to this instance whatever it answers; nothing, where calls wait.
 */
export function changeOf(account: LeasedAccount, waiting: number, now: number): AccountChange {
  bookOlder(account, now);
  measureDemand(account, now);
  const spare = spareOf(account, waiting);
  const kept = waiting > 0 ? 0 : Math.min(Math.max(0, freeNow(account, now)), spare);
  const { keep, used } = account;
  account.telling = used;
  account.used = 0;
  account.spare = spare;
  account.free = kept;
  account.flying = true;
  const need = keep + (waiting > 0 ? waiting : kept);
  return {
    account: account.identity.name,
    window: account.identity.window,
    limit: account.rule.onExceeded === "shadow" ? null : account.rule.limit,
    used: exact(used),
    keep: exact(keep + kept),
    need: exact(need),
    want: exact(keep + waiting + spare),
  };
}

/** Stores count no further. */
function exact(amount: number): number {
  return Math.min(Number.MAX_SAFE_INTEGER, amount);
}

/** Takes the store's answer over. `leaseEnds`: its time to live, counted from when the exchange was first sent. */
export function applyAnswer(account: LeasedAccount, answer: AccountAnswer, leaseEnds: number): void {
  account.flying = false;
  account.telling = 0;
  account.known = true;
  account.usedThere = answer.used;
  account.heldByOthers = answer.heldByOthers;
  account.leaseEnds = leaseEnds;
  account.free = answer.held - account.keep - account.used;
  account.lowWater = Math.floor(Math.min(spareOf(account, 0), Math.max(0, account.free)) / 2);
}
