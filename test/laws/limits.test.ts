import fc from "fast-check";
import { expect, it } from "vitest";
import type { LimitRule } from "../../src/model/limit.ts";
import type { Hold, HoldResult, LimitClaim } from "../../src/policy/limits/limit-desk.ts";
import { claim, createLimitWorld, type LimitWorld, makeLimit, PATIENT } from "../fakes/limit-world.ts";
import type { Fate } from "../fakes/unsteady-usage-store.ts";

const LONG = process.env["SPILLWAY_LONG"] === "1";
const RUNS = LONG ? 1_000 : 120;
const TTL = 30_000;

const TOKENS = makeLimit({ id: "a/p/tokens", unit: "tokens", limit: 300, window: { kind: "sliding", ms: 6_000 } });
const REQUESTS = makeLimit({ id: "a/p/requests", limit: 20, window: { kind: "sliding", ms: 6_000 }, per: ["namespace"] });
const DAY = makeLimit({ id: "a/p/day", unit: "tokens", limit: 1_500, window: { kind: "calendar", period: "day", timeZone: "Europe/Berlin" } });
const CALLS = makeLimit({ id: "a/p/calls", unit: "concurrency", limit: 8, window: null });
const RULES = [TOKENS, REQUESTS, DAY, CALLS];

type Step =
  | {
      readonly kind: "hold";
      readonly desk: number;
      readonly times: number;
      readonly rules: readonly LimitRule[];
      readonly amount: number;
      readonly namespace: string;
    }
  | { readonly kind: "settle"; readonly which: number; readonly times: number; readonly share: number; readonly twice: boolean }
  | { readonly kind: "wait"; readonly ms: number }
  | { readonly kind: "jump"; readonly ms: number }
  | { readonly kind: "crash"; readonly desk: number }
  | { readonly kind: "network"; readonly fates: readonly Fate[]; readonly delayMs: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 36,
    arbitrary: fc.record({
      kind: fc.constant("hold" as const),
      desk: fc.nat(3),
      times: fc.integer({ min: 1, max: 12 }),
      rules: fc.subarray(RULES, { minLength: 1, maxLength: 2 }),
      amount: fc.constantFrom(1, 7, 20, 60, 150, 310),
      namespace: fc.constantFrom("one", "two"),
    }),
  },
  {
    weight: 30,
    arbitrary: fc.record({
      kind: fc.constant("settle" as const),
      which: fc.nat(20),
      times: fc.integer({ min: 1, max: 10 }),
      share: fc.constantFrom(0, 0.3, 1, 1, 1.5),
      twice: fc.boolean(),
    }),
  },
  { weight: 24, arbitrary: fc.record({ kind: fc.constant("wait" as const), ms: fc.constantFrom(0, 1, 3, 20, 60, 60, 250, 1_000, 2_500, 7_000) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("jump" as const), ms: fc.constantFrom(-3_600_000, -300_000, 300_000, 86_400_000) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("crash" as const), desk: fc.nat(3) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("network" as const),
      fates: fc.array(fc.constantFrom<Fate>("carried", "carried", "carried", "carried", "refused", "lost", "deaf"), { minLength: 1, maxLength: 4 }),
      delayMs: fc.constantFrom(0, 0, 2, 40, 90),
    }),
  },
);

interface Admitted {
  readonly desk: number;
  readonly claims: readonly LimitClaim[];
  readonly hold: Hold;
  readonly from: number;
  /** Null: under way. */
  until: number | null;
  used: readonly number[];
}

/** In Berlin, where the day after has 25 hours. */
const MIDNIGHT = Date.parse("2026-10-24T22:00:00Z");
const START = Date.parse("2026-10-24T21:59:30Z");

/** What was admitted, by the test's own book. */
class Book {
  readonly calls: Admitted[] = [];
  readonly crashed = new Set<number>();
  /** What an answer finds cannot be thrown: nobody waits for it. */
  readonly faults = new Set<string>();
  readonly world: LimitWorld;

  constructor(world: LimitWorld) {
    this.world = world;
  }

  /** Store time: the wall clock may jump. */
  now(): number {
    return START + this.world.clock.monotonic() - 5_000;
  }

  /** No account of a living desk ever has more used and under way than its limit, but for what calls used beyond their claims. */
  check(): void {
    const now = this.now();
    for (const rule of RULES) {
      for (const of of rule.per.length === 0 ? [[]] : [["one"], ["two"]]) {
        let taken = 0;
        let beyond = 0;
        for (const call of this.calls) {
          const at = call.claims.findIndex((one) => one.rule.id === rule.id && one.of.join() === of.join());
          const one = call.claims[at];
          if (one === undefined || this.crashed.has(call.desk)) continue;
          const used = call.used[at] ?? 0;
          if (rule === REQUESTS) {
            // What is given back soon counts no longer, what goes on for long no more than its window.
            if (now < call.from + 6_000 && (call.until === null || used > 0)) taken += 1;
          } else if (rule === DAY && call.from < MIDNIGHT !== now < MIDNIGHT) continue;
          else if (call.until === null) taken += one.amount;
          else if (counts(rule, call, now)) {
            taken += used;
            beyond += Math.max(0, used - one.amount);
          }
        }
        if (taken > rule.limit + beyond) this.faults.add(`${rule.id} ${of.join()} at ${now}: ${taken} of ${rule.limit + beyond}`);
      }
    }
  }
}

/** Whether what an ended call used counts now, at least. */
function counts(rule: LimitRule, call: Admitted, now: number): boolean {
  if (rule.window === null) return false;
  if (rule.window.kind === "sliding") return now < (call.until ?? now) + rule.window.ms;
  return true;
}

async function play(world: LimitWorld, steps: readonly Step[], failure: LimitRule["onStoreFailure"]): Promise<Book> {
  // One object a limit, as in a snapshot.
  const ruleOf = new Map(RULES.map((rule) => [rule, { ...rule, onStoreFailure: failure }]));
  const book = new Book(world);
  for (const one of steps) {
    switch (one.kind) {
      case "hold": {
        const claims = one.rules.map((rule) =>
          claim(ruleOf.get(rule) ?? rule, rule === TOKENS || rule === DAY ? one.amount : 1, ...(rule.per.length > 0 ? [one.namespace] : [])),
        );
        const note = (desk: number, result: HoldResult): void => {
          if (!result.ok) return;
          book.calls.push({ desk, claims, hold: result.hold, from: book.now(), until: null, used: [] });
          book.check();
        };
        for (let time = 0; time < one.times; time += 1) {
          // Every other call comes by another instance.
          const desk = time % 2 === 0 ? one.desk : (one.desk + time) % 4;
          if (book.crashed.has(desk)) continue;
          const result = world.desk(desk).hold(claims, PATIENT);
          if (result instanceof Promise) result.then((found) => note(desk, found));
          else note(desk, result);
        }
        break;
      }
      case "settle": {
        for (let time = 0; time < one.times; time += 1) {
          const open = book.calls.filter(({ until, desk }) => until === null && !book.crashed.has(desk));
          const call = open[one.which % Math.max(1, open.length)];
          if (call === undefined) break;
          call.used = call.claims.map(({ rule, amount }) => (rule.unit === "tokens" ? Math.floor(amount * one.share) : 1));
          call.until = book.now();
          call.hold.settle(call.used);
          if (one.twice) call.hold.settle(call.used.map((used) => used + 7));
        }
        book.check();
        break;
      }
      case "wait":
        await world.clock.advance(one.ms);
        book.check();
        break;
      case "jump":
        world.clock.jump(one.ms);
        break;
      case "crash":
        // One survives, so that something can be said at the end.
        if (one.desk === 0) break;
        book.crashed.add(one.desk);
        world.crash(one.desk);
        break;
      case "network": {
        let at = 0;
        world.store.fate = () => one.fates[at++ % one.fates.length] ?? "carried";
        world.store.delayMs = one.delayMs;
      }
    }
  }
  // All ends well: the network heals, calls end, instances tell what they know.
  world.store.fate = () => "carried";
  world.store.delayMs = 0;
  await world.clock.advance(5_000);
  for (const call of book.calls) {
    if (call.until !== null || book.crashed.has(call.desk)) continue;
    call.used = call.claims.map(({ amount }) => amount);
    call.until = book.now();
    call.hold.settle(call.used);
  }
  await world.clock.advance(5_000);
  return book;
}

/** What the store was told of each limit, each exchange once. */
function toldOf(world: LimitWorld, desk: number): Map<string, number> {
  const told = new Map<string, number>();
  const seen = new Set<string>();
  for (const { exchange } of world.store.carried) {
    const key = `${exchange.holder} ${exchange.sequence}`;
    if (seen.has(key) || !new RegExp(`^instance-${desk}(\\.|$)`).test(exchange.holder)) continue;
    seen.add(key);
    for (const { account, used } of exchange.changes) {
      const [limit = ""] = JSON.parse(account) as string[]; // as: the desk writes account names so
      told.set(limit, (told.get(limit) ?? 0) + used);
    }
  }
  return told;
}

const CLOSED = { kind: "failClosed" } as const;
const failures = fc.constantFrom<LimitRule["onStoreFailure"]>(CLOSED, CLOSED, { kind: "failOpen" }, { kind: "local", share: 0.2 });

it.each([true, false])("holds its laws whatever happens (leases: %s)", { timeout: LONG ? 3_600_000 : 60_000 }, async (leases) => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 120, size: "max" }), failures, async (steps, failure) => {
      const world = createLimitWorld({ desks: 4, leases, start: START, skews: [0, 200, -300_000, 86_400_000] });
      const book = await play(world, steps, failure);
      // What passes while the store is silent may be more than the limit; it is told all the same, to the unit.
      if (failure === CLOSED) expect([...book.faults]).toEqual([]);
      for (const desk of [0, 1, 2, 3]) {
        if (book.crashed.has(desk)) continue;
        if (!leases) {
          const flushed = world.desk(desk).flush(5_000);
          await world.clock.advance(5_000);
          await flushed;
        }
        const told = toldOf(world, desk);
        for (const rule of RULES) {
          const used = book.calls
            .filter((call) => call.desk === desk && rule.window !== null)
            .reduce((sum, call) => sum + call.claims.reduce((part, one, at) => part + (one.rule.id === rule.id ? (call.used[at] ?? 0) : 0), 0), 0);
          expect(told.get(rule.id) ?? 0, `${rule.id} of desk ${desk}`).toBe(used);
        }
      }
      await world.clock.advance(leases ? TTL + 1_000 : 300_000 + 1_000);
      const accounts = await world.store.accounts(TOKENS.gateway, 1_000, PATIENT);
      expect(accounts.map(({ held }) => held)).toEqual(accounts.map(() => 0));
    }),
    { numRuns: RUNS },
  );
});
