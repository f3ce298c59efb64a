import type { CallSignal } from "../../model/call-signal.ts";
import type { LimitRule } from "../../model/limit.ts";
import { type AccountAnswer, type AccountChange, type AccountExchange, type ExchangeAnswer, MAX_CHANGES } from "../../model/usage-store.ts";
import { type AccountIdentity, belongs, createAccountTable } from "./account-table.ts";
import { askOnce } from "./ask-once.ts";
import { holdLocally, shortageWithoutStore } from "./failure-policy.ts";
import type { Hold, HoldResult, LimitClaim, Shortage, Standing } from "./limit-desk.ts";
import type { LimitRealm, LimitRealmOptions } from "./limit-realm.ts";
import type { LocalWindow } from "./local-window.ts";
import { createSettlements } from "./settlements.ts";
import { exceeded, tightest } from "./shortage.ts";
import { createStoreClock } from "./store-clock.ts";
import { wholeAmount } from "./whole-amount.ts";

/** What this instance remembers of an account between calls. Times in milliseconds of the monotonic clock. */
interface SeenAccount {
  readonly identity: AccountIdentity;
  rule: LimitRule;
  gone: boolean;
  /** Used, or held by anybody, after the store's last word; null: it has not spoken of it. */
  taken: number | null;
  refusedUntil: number;
  refusedRoom: number;
  roomAt: number | null;
  local: LocalWindow | null;
}

interface DirectClaim {
  readonly claim: LimitClaim;
  readonly account: SeenAccount | null;
  readonly amount: number;
}

interface KnownClaim extends DirectClaim {
  readonly account: SeenAccount;
}

/** A claim, and what the store said of its account. */
interface ToldClaim {
  readonly known: KnownClaim;
  readonly said: AccountAnswer;
}

/** Nothing renews what a call holds while it goes on: it must outlast the call. Milliseconds. */
const TTL_MS = 300_000;
const MAX_ACCOUNTS = 10_000;
const MAX_TRIES = 3;
/** A store that gave no answer is left alone for so long, but for one call at a time. Milliseconds. */
const PAUSE_MS = 250;
const FIRST_PATIENCE_MS = 1_000;
const MEMORY_MS = 100;

/**
 * Limits of a Gateway for an instance that lives only while a call does: nothing is held between calls, each asks the store once, and once more when it is settled.
 * No promise of one call is awaited by another, which Workers would not allow.
 */
export function createDirectRealm(options: LimitRealmOptions): LimitRealm {
  const { gateway, clock, news } = options;
  const storeClock = createStoreClock(clock);
  const table = createAccountTable<SeenAccount>({
    maxAccounts: MAX_ACCOUNTS,
    open: (identity, rule) => ({ identity, rule, gone: false, taken: null, refusedUntil: 0, refusedRoom: 0, roomAt: null, local: null }),
    // Those that were seen first go: what they remember is old, or a share that an outage counts.
    spare: findSpare,
  });
  const settlements = createSettlements(options);
  let answered = false;
  let downUntil = 0;

  function begin(claims: readonly LimitClaim[], now: number): readonly DirectClaim[] {
    const storeTime = storeClock.at(now);
    return claims.map((claim) => ({ claim, account: table.find(claim, storeTime), amount: wholeAmount(claim.amount) }));
  }

  function shortageOf({ claim, account }: KnownClaim, now: number): Shortage {
    const storeTime = storeClock.at(now);
    if (claim.amount <= claim.rule.limit) news.exceeded(claim, account.identity, storeTime);
    return exceeded(claim, remainingOf(account), account.roomAt === null ? null : account.roomAt - now, resetOf(account, now));
  }

  function resetOf({ identity, rule }: SeenAccount, now: number): number {
    if (identity.period !== null) return Math.max(1, identity.period.end - storeClock.at(now));
    return rule.window?.kind === "sliding" ? rule.window.ms : 0;
  }

  /** Claims that are larger than the limit, or than what the store left a moment ago. */
  function hopeless(call: readonly DirectClaim[], now: number): readonly Shortage[] {
    return call
      .filter(isKnown)
      .filter(({ claim, account, amount }) => {
        if (claim.rule.onExceeded === "shadow") return false;
        return amount > claim.rule.limit || (now < account.refusedUntil && amount > account.refusedRoom);
      })
      .map((one) => shortageOf(one, now));
  }

  /** `holder`: the store may have carried out what it did not answer. */
  function withoutStore(call: readonly DirectClaim[], holder: string | null, now: number): HoldResult {
    news.unavailable(gateway, now);
    const storeTime = storeClock.at(now);
    const shortage = tightest(call.map((one) => shortageWithoutStore(one, now, storeTime)).filter((lacking) => lacking !== null));
    if (shortage !== null) {
      if (holder !== null) settlements.add(holder, changesOf(call, NOTHING_USED));
      return { ok: false, shortage };
    }
    const local = call.map(({ account, amount }) => account !== null && holdLocally(account, amount));
    return { ok: true, hold: holdOf(call, holder ?? settlements.holder(), true, local), exceededShadows: [] };
  }

  function holdOf(call: readonly DirectClaim[], holder: string, unavailableAll: boolean, local: readonly boolean[]): Hold {
    let open = true;
    const settle = (used: readonly number[]): void => {
      if (!open) return;
      open = false;
      for (const [at, { account, amount }] of call.entries()) {
        if (account === null) continue;
        const really = wholeAmount(used[at] ?? 0);
        if (local[at] === true) account.local?.settle(amount, really, clock.monotonic());
        if (account.taken !== null) account.taken = Math.max(0, account.taken - amount + (account.identity.window.kind === "none" ? 0 : really));
        // Whatever came back may be what the next call waits for.
        if (really < amount) account.refusedUntil = 0;
      }
      settlements.add(holder, changesOf(call, used));
    };
    return { unavailable: call.map(() => unavailableAll), settle, release: () => settle(NOTHING_USED) };
  }

  async function ask(claims: readonly LimitClaim[], signal: CallSignal): Promise<HoldResult> {
    for (let tries = 1; ; tries += 1) {
      const now = clock.monotonic();
      const call = begin(claims, now);
      const changes = changesOf(call, "hold");
      if (changes.length > MAX_CHANGES || !call.every(isKnown)) return withoutStore(call, null, now);
      const holder = settlements.holder();
      const exchange: AccountExchange = { realm: gateway, holder, sequence: options.nextSequence(), ttlMs: TTL_MS, changes };
      const patienceMs = answered ? options.patienceMs : Math.max(options.patienceMs, FIRST_PATIENCE_MS);
      const answer = await askOnce(options, exchange, patienceMs, signal);
      const later = clock.monotonic();
      if (signal.aborted) {
        settlements.add(holder, changesOf(call, NOTHING_USED));
        throw signal.reason;
      }
      if (answer === null) {
        downUntil = later + PAUSE_MS;
        return withoutStore(call, holder, later);
      }
      answered = true;
      downUntil = 0;
      news.available(gateway, later);
      storeClock.learn(answer.now, now, later, false);
      const told = toldOf(call, changes, answer);
      for (const one of told) note(one, later);
      const stale = call.some(({ account }) => !belongs(account.identity.period, storeClock.at(later)));
      if (stale && tries < MAX_TRIES) {
        if (answer.granted) settlements.add(holder, changesOf(call, NOTHING_USED));
        else settlements.reuse(holder);
        continue;
      }
      if (answer.granted) return letIn(call, holder, later);
      const shortage = tightest(told.filter(({ said }) => said.roomInMs !== 0).map(({ known }) => shortageOf(known, later)));
      // A refusal for want of nothing is no proper answer.
      if (shortage === null) return withoutStore(call, holder, later);
      settlements.reuse(holder);
      return { ok: false, shortage };
    }
  }

  function note({ known: { account }, said }: ToldClaim, now: number): void {
    account.taken = said.used + said.heldByOthers + said.held;
    account.refusedRoom = Math.max(0, remainingOf(account));
    account.roomAt = said.roomInMs === null ? null : now + said.roomInMs;
    account.refusedUntil = now + Math.min(MEMORY_MS, said.roomInMs ?? MEMORY_MS, slidingMs(account) / 100);
  }

  function letIn(call: readonly KnownClaim[], holder: string, now: number): HoldResult {
    const over = call.filter(({ claim, account }) => claim.rule.onExceeded === "shadow" && remainingOf(account) < 0);
    for (const { claim, account } of over) news.exceeded(claim, account.identity, storeClock.at(now));
    return { ok: true, hold: holdOf(call, holder, false, []), exceededShadows: over.map(({ claim }) => claim) };
  }

  return {
    hold(claims, signal) {
      if (signal.aborted) return Promise.reject(signal.reason);
      const now = clock.monotonic();
      const call = begin(claims, now);
      const shortages = hopeless(call, now);
      const shortage = tightest(shortages);
      if (shortage !== null) return { ok: false, shortage };
      if (now < downUntil) return withoutStore(call, null, now);
      // One call finds out whether the store is back; those that come meanwhile need not wait for it.
      if (downUntil > 0) downUntil = now + PAUSE_MS;
      return ask(claims, signal);
    },
    standing(claim): Standing {
      const now = clock.monotonic();
      const account = table.find(claim, storeClock.at(now));
      return account === null ? { claim, remaining: 0, resetMs: 0 } : { claim, remaining: Math.max(0, remainingOf(account)), resetMs: resetOf(account, now) };
    },
    flush: (ms) => settlements.flush(ms),
    census: () => ({ accounts: table.size, leases: 0 }),
  };
}

const MAX_LOOKED_AT = 200;

function findSpare(accounts: Iterable<SeenAccount>): SeenAccount | null {
  let looked = 0;
  for (const account of accounts) {
    if (looked++ >= MAX_LOOKED_AT) return null;
    if (account.local === null) return account;
  }
  return null;
}

function slidingMs({ rule }: SeenAccount): number {
  return rule.window?.kind === "sliding" ? rule.window.ms : Number.POSITIVE_INFINITY;
}

/** Negative: more is taken than the limit allows. */
function remainingOf({ rule, taken }: SeenAccount): number {
  return taken === null ? 0 : rule.limit - taken;
}

function isKnown(one: DirectClaim): one is KnownClaim {
  return one.account !== null;
}

function toldOf(call: readonly KnownClaim[], changes: readonly AccountChange[], { accounts }: ExchangeAnswer): readonly ToldClaim[] {
  const answers = new Map(changes.map(({ account }, at) => [account, accounts[at]]));
  return call.flatMap((known) => {
    const said = answers.get(known.account.identity.name);
    return said === undefined ? [] : [{ known, said }];
  });
}

const NOTHING_USED: readonly never[] = [];

/** One change an account, however many claims are for it. `hold` asks for the claims, a list tells what was used of them. */
function changesOf(call: readonly DirectClaim[], what: "hold" | readonly number[]): readonly AccountChange[] {
  const changes = new Map<string, AccountChange>();
  for (const [at, { claim, account, amount }] of call.entries()) {
    if (account === null) continue;
    const { name, window } = account.identity;
    const before = changes.get(name);
    const need = (before?.need ?? 0) + (what === "hold" ? amount : 0);
    const more = what === "hold" || window.kind === "none" ? 0 : wholeAmount(what[at] ?? 0);
    const limit = claim.rule.onExceeded === "shadow" ? null : claim.rule.limit;
    changes.set(name, {
      account: name,
      window,
      limit,
      used: wholeAmount((before?.used ?? 0) + more),
      keep: 0,
      need: wholeAmount(need),
      want: wholeAmount(need),
    });
  }
  return [...changes.values()];
}
