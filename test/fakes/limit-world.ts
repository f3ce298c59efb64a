import { createMemoryUsageStore } from "../../adapters/usage/memory-store.ts";
import type { AccountState, EgressEvent } from "../../src/index.ts";
import type { LimitRule } from "../../src/model/limit.ts";
import { createLimitDesk, type OwnedLimitDesk } from "../../src/policy/limits/create-limit-desk.ts";
import type { Hold, HoldResult, LimitClaim, Shortage } from "../../src/policy/limits/limit-desk.ts";
import { createFakeClock, type FakeClock } from "./clock.ts";
import { createUnsteadyUsageStore, type UnsteadyUsageStore } from "./unsteady-usage-store.ts";

export const GATEWAY = "egress/gateway";

/** A limit of 100 requests a minute, sliding, for all calls together, that fails closed; what differs is given. */
export function makeLimit(differs: Partial<LimitRule> = {}): LimitRule {
  return {
    id: "team/policy/limit",
    gateway: GATEWAY,
    unit: "requests",
    limit: 100,
    currency: null,
    measure: null,
    window: { kind: "sliding", ms: 60_000 },
    per: [],
    match: { namespaces: null, serviceAccounts: null, models: null },
    scope: "call",
    reserve: { kind: "inputPlusMaxOutput", output: 4_096 },
    onExceeded: "reject",
    onStoreFailure: { kind: "failClosed" },
    ...differs,
  };
}

export function claim(rule: LimitRule, amount = 1, ...of: readonly string[]): LimitClaim {
  return { rule, amount, of };
}

/** Instances with desks of their own over one store, under one clock that a test moves. */
export interface LimitWorld {
  readonly clock: FakeClock;
  readonly store: UnsteadyUsageStore;
  readonly desks: readonly OwnedLimitDesk[];
  readonly events: EgressEvent[];
  readonly exchanges: ("granted" | "refused" | "failed")[];
  desk(at: number): OwnedLimitDesk;
  /** Another instance; its wall clock is wrong by `skewMs`. */
  join(skewMs?: number): OwnedLimitDesk;
  /** The instance is gone at once: nothing that it has not said is ever said. */
  crash(at: number): void;
  /** What the store knows of the account of these values; null: nothing that still counts. */
  account(rule: LimitRule, ...of: readonly string[]): Promise<AccountState | null>;
}

export function createLimitWorld({
  desks: count = 1,
  leases = true,
  skews = [],
  start,
}: {
  readonly desks?: number;
  readonly leases?: boolean;
  readonly skews?: readonly number[];
  readonly start?: number;
} = {}): LimitWorld {
  const clock = createFakeClock(start);
  // The store's wall clock never jumps: its time is the test's own.
  const began = clock.now() - clock.monotonic();
  const store = createUnsteadyUsageStore(createMemoryUsageStore({ now: () => Math.floor(began + clock.monotonic()) }), clock);
  const events: EgressEvent[] = [];
  const exchanges: ("granted" | "refused" | "failed")[] = [];
  const desks: OwnedLimitDesk[] = [];
  const alive: boolean[] = [];
  function join(skewMs = 0): OwnedLimitDesk {
    const at = desks.length;
    alive.push(true);
    const desk = createLimitDesk({
      clock: {
        now: () => clock.now() + skewMs,
        monotonic: () => clock.monotonic() + at * 1_000,
        after: (ms, callback) => clock.after(ms, () => alive[at] === true && callback()),
      },
      random: () => 0.5,
      stores: () => (alive[at] === true ? store : new Promise(() => {})),
      holder: `instance-${at}`,
      leases,
      events: { emit: (event) => events.push(event) },
      onExchange: (_, outcome) => exchanges.push(outcome),
    });
    desks.push(desk);
    return desk;
  }
  for (let made = 0; made < count; made += 1) join(skews[made]);
  return {
    clock,
    store,
    desks,
    events,
    exchanges,
    join,
    desk: (at) => desks[at] ?? join(),
    crash(at) {
      alive[at] = false;
    },
    async account(rule, ...of) {
      const accounts = await store.accounts(rule.gateway, 10_000, new AbortController().signal);
      return accounts.find(({ account }) => matches(account, rule, of)) ?? null;
    },
  };
}

function matches(account: string, { id }: LimitRule, of: readonly string[]): boolean {
  const [limit, , ...values] = JSON.parse(account) as string[]; // as: the desk writes account names so
  return limit === id && JSON.stringify(values) === JSON.stringify(of);
}

export const PATIENT = new AbortController().signal;

/** Holds, and moves the clock until there is an answer. */
export async function holdNow(world: LimitWorld, desk: OwnedLimitDesk, ...claims: readonly LimitClaim[]): Promise<HoldResult> {
  const result = desk.hold(claims, PATIENT);
  if (!(result instanceof Promise)) return result;
  let answer: HoldResult | null = null;
  result.then((found) => {
    answer = found;
  });
  for (let moved = 0; answer === null && moved < 5_000; moved += 1) await world.clock.advance(moved === 0 ? 0 : 1);
  return result;
}

export function held(result: HoldResult): Hold {
  if (!result.ok) throw new Error(`refused: ${JSON.stringify(result.shortage)}`);
  return result.hold;
}

export function short(result: HoldResult): Shortage {
  if (result.ok) throw new Error("it was let in");
  return result.shortage;
}
