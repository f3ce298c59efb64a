import type { LimitRule } from "../../model/limit.ts";
import type { AccountWindow } from "../../model/usage-store.ts";
import { accountName } from "./account-name.ts";
import { type Period, periodAt } from "./calendar-period.ts";
import type { LimitClaim } from "./limit-desk.ts";

/** What an account is, whoever counts it. */
export interface AccountIdentity {
  readonly name: string;
  readonly window: AccountWindow;
  /** When a calendar window's account counts, in the store's time. */
  readonly period: Period | null;
}

/** The least that a table asks of what it holds. */
export interface TabledAccount {
  readonly identity: AccountIdentity;
  /** The latest of its id: a changed amount takes effect with the next call. */
  rule: LimitRule;
  /** No longer in the table. */
  gone: boolean;
}

/** The accounts of one realm that this instance knows: bounded, found without building a name. */
export interface AccountTable<Account extends TabledAccount> {
  /** The claim's account at this time of the store; null: there are too many, and none that can be spared. */
  find(claim: LimitClaim, storeTime: number): Account | null;
  remove(account: Account): void;
  all(): Iterable<Account>;
  readonly size: number;
}

/** Found by their values, for as long as their period lasts: a name takes a microsecond to build. */
interface RuleAccounts<Account> {
  readonly window: string;
  readonly accountWindow: AccountWindow;
  readonly period: Period | null;
  readonly found: Map<string, Account>;
}

const MAX_FOUND = 1_000;

/** `spare` is asked for an account that can go when there are `maxAccounts`. */
export function createAccountTable<Account extends TabledAccount>(options: {
  readonly maxAccounts: number;
  readonly open: (identity: AccountIdentity, rule: LimitRule) => Account;
  readonly spare: (accounts: Iterable<Account>) => Account | null;
}): AccountTable<Account> {
  const byName = new Map<string, Account>();
  const byRule = new WeakMap<LimitRule, RuleAccounts<Account>>();

  function remove(account: Account): void {
    account.gone = true;
    byName.delete(account.identity.name);
  }

  function accountsOf(rule: LimitRule, storeTime: number): RuleAccounts<Account> {
    const known = byRule.get(rule);
    if (known !== undefined && belongs(known.period, storeTime)) return known;
    const fresh = { ...windowOf(rule, storeTime), found: new Map<string, Account>() };
    byRule.set(rule, fresh);
    return fresh;
  }

  return {
    find(claim, storeTime) {
      const { rule, of } = claim;
      const accounts = accountsOf(rule, storeTime);
      const key = keyOf(of);
      let account = accounts.found.get(key);
      if (account === undefined || account.gone) {
        const name = accountName({ limit: rule.id, window: accounts.window, of });
        account = byName.get(name);
        if (account === undefined) {
          if (byName.size >= options.maxAccounts) {
            const spared = options.spare(byName.values());
            if (spared === null) return null;
            remove(spared);
          }
          account = options.open({ name, window: accounts.accountWindow, period: accounts.period }, rule);
          byName.set(name, account);
        }
        if (accounts.found.size >= MAX_FOUND) accounts.found.clear();
        accounts.found.set(key, account);
      }
      if (account.rule !== rule) account.rule = rule;
      return account;
    },
    remove,
    all: () => byName.values(),
    get size() {
      return byName.size;
    },
  };
}

/** Whether a moment of the store's time is in this period. */
export function belongs(period: Period | null, storeTime: number): boolean {
  return period === null || (storeTime < period.end && storeTime >= period.start);
}

function windowOf({ window }: LimitRule, storeTime: number): Pick<RuleAccounts<unknown>, "window" | "accountWindow" | "period"> {
  if (window === null) return { window: "none", accountWindow: { kind: "none" }, period: null };
  if (window.kind === "sliding") return { window: `sliding:${window.ms}`, accountWindow: { kind: "sliding", ms: window.ms }, period: null };
  const period = periodAt(window, storeTime);
  // The zone is not part of the name: where another one has the same period, what was used in it stays.
  return { window: `${window.period}:${period.start}`, accountWindow: { kind: "until", from: period.start, at: period.end }, period };
}

/** Their lengths stand before them, so that no two lists of values share a key. */
function keyOf(of: readonly string[]): string {
  if (of.length === 1) return of[0] ?? "";
  let key = "";
  for (const value of of) key += `${value.length}:${value}`;
  return key;
}
