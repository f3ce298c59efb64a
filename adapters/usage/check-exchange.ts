import { type AccountExchange, type AccountWindow, MAX_CHANGES, UsageStoreError } from "../../src/index.ts";
import { MAX_TTL_MS } from "./account-book.ts";

const MAX_ACCOUNT_UNITS = 1_024;
const MAX_HOLDER_UNITS = 200;
/** `namespace/name`: a label and a subdomain. */
const MAX_REALM_UNITS = 400;
/** 400 days. */
const MAX_WINDOW_MS = 400 * 86_400_000;

/** Throws `UsageStoreError` on what no store may take: all refuse alike, and nothing of it is booked. */
export function checkExchange({ realm, holder, sequence, ttlMs, changes }: AccountExchange, signal: AbortSignal): void {
  checkRealm(realm, signal);
  check(holder !== "" && holder.length <= MAX_HOLDER_UNITS, `a holder has 1 to ${MAX_HOLDER_UNITS} units`);
  check(isAmount(sequence), "a sequence is a whole number");
  check(isAmount(ttlMs) && ttlMs > 0 && ttlMs <= MAX_TTL_MS, `what is held ends after 1 to ${MAX_TTL_MS} milliseconds`);
  check(changes.length > 0 && changes.length <= MAX_CHANGES, `an exchange has 1 to ${MAX_CHANGES} changes`);
  check(new Set(changes.map(({ account }) => account)).size === changes.length, "an exchange names no account twice");
  for (const { account, window, limit, used, keep, need, want } of changes) {
    check(account !== "" && account.length <= MAX_ACCOUNT_UNITS, `an account's name has 1 to ${MAX_ACCOUNT_UNITS} units`);
    check([limit ?? 0, used, keep, need, want].every(isAmount), "amounts are whole, not negative and below 2^53");
    check(keep <= need && need <= want, "what is kept is at most what is needed, and that at most what is wanted");
    check(isWindow(window), "a window has whole milliseconds, and ends after it began");
  }
}

/** Throws `UsageStoreError` unless it can be a realm and somebody still waits. */
export function checkRealm(realm: string, signal: AbortSignal): void {
  if (signal.aborted) throw new UsageStoreError("the asker has left");
  check(realm !== "" && realm.length <= MAX_REALM_UNITS, `a realm has 1 to ${MAX_REALM_UNITS} units`);
}

/** A whole number that is exact in every store. */
export function isAmount(amount: number): boolean {
  return Number.isSafeInteger(amount) && amount >= 0;
}

function isWindow(window: AccountWindow): boolean {
  switch (window.kind) {
    case "none":
      return true;
    case "sliding":
      return isAmount(window.ms) && window.ms > 0 && window.ms <= MAX_WINDOW_MS;
    case "until":
      return isAmount(window.from) && isAmount(window.at) && window.from < window.at;
  }
}

export function check(holds: boolean, law: string): void {
  if (!holds) throw new UsageStoreError(law);
}
