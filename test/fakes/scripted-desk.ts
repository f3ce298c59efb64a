import type { Hold, HoldResult, LimitClaim, LimitDesk } from "../../src/policy/limits/limit-desk.ts";

/** A hold as it was settled. */
export interface SettledHold {
  readonly claims: readonly LimitClaim[];
  /** What was used, in the order of the claims; null: it was given back. */
  readonly used: readonly number[] | null;
}

/** A desk without store, windows and time: counts exactly, and remembers all that it was told. */
export interface ScriptedDesk extends LimitDesk {
  readonly settled: readonly SettledHold[];
  /** Holds that are not settled yet. */
  open(): number;
  /** Used and held of the account, by the name of its limit and its values. */
  taken(limit: string, ...of: readonly string[]): number;
  /** What was used. */
  used(limit: string, ...of: readonly string[]): number;
  /** The store gives no answer from now on, or does again. */
  lose(lost: boolean): void;
}

/** `slowly`: each answer comes by a promise. */
export function createScriptedDesk({
  slowly = false,
  retryAfterMs = 30_000,
}: {
  readonly slowly?: boolean;
  readonly retryAfterMs?: number;
} = {}): ScriptedDesk {
  const accounts = new Map<string, { used: number; held: number }>();
  const settled: SettledHold[] = [];
  let open = 0;
  let lost = false;
  const keyOf = (limit: string, of: readonly string[]) => JSON.stringify([limit, ...of]);
  const accountOf = ({ rule, of }: LimitClaim) => {
    const key = keyOf(rule.id.split("/").at(-1) ?? "", of);
    const account = accounts.get(key) ?? { used: 0, held: 0 };
    accounts.set(key, account);
    return account;
  };
  const remaining = (claim: LimitClaim) => Math.max(0, claim.rule.limit - accountOf(claim).used - accountOf(claim).held);

  function hold(claims: readonly LimitClaim[]): HoldResult {
    if (lost) {
      const closed = claims.find(({ rule }) => rule.onStoreFailure.kind === "failClosed");
      if (closed !== undefined) return { ok: false, shortage: { claim: closed, reason: "unavailable", remaining: 0, retryAfterMs: 1_000 } };
      return { ok: true, hold: nothing(claims), exceededShadows: [] };
    }
    const short = claims.filter((claim) => claim.amount > remaining(claim));
    const binding = short.find(({ rule }) => rule.onExceeded !== "shadow");
    if (binding !== undefined) {
      const never = binding.amount > binding.rule.limit;
      return { ok: false, shortage: { claim: binding, reason: "exceeded", remaining: remaining(binding), retryAfterMs: never ? null : retryAfterMs } };
    }
    for (const claim of claims) accountOf(claim).held += claim.amount;
    open += 1;
    let done = false;
    const settle = (used: readonly number[] | null): void => {
      if (done) return;
      done = true;
      open -= 1;
      settled.push({ claims, used });
      for (const [index, claim] of claims.entries()) {
        const account = accountOf(claim);
        account.held -= claim.amount;
        account.used += used?.[index] ?? 0;
      }
    };
    return { ok: true, hold: { unavailable: claims.map(() => false), settle, release: () => settle(null) }, exceededShadows: short };
  }

  function nothing(claims: readonly LimitClaim[]): Hold {
    return { unavailable: claims.map(() => true), settle: () => {}, release: () => {} };
  }

  return {
    settled,
    open: () => open,
    taken: (limit, ...of) => {
      const account = accounts.get(keyOf(limit, of));
      return account === undefined ? 0 : account.used + account.held;
    },
    used: (limit, ...of) => accounts.get(keyOf(limit, of))?.used ?? 0,
    lose: (now) => {
      lost = now;
    },
    hold: (claims) => (slowly ? Promise.resolve().then(() => hold(claims)) : hold(claims)),
    standing: (claims) => claims.map((claim) => ({ claim, remaining: remaining(claim), resetMs: retryAfterMs })),
    flush: async () => {},
  };
}
