import fc from "fast-check";
import { expect, it } from "vitest";
import { Refusal } from "../../src/model/errors.ts";
import type { AttemptFailure } from "../../src/model/outcome.ts";
import type { Planned } from "../../src/model/planned.ts";
import { DEFAULT_HEALTH } from "../../src/model/snapshot.ts";
import { createHealth, EVERYTHING } from "../../src/plan/health.ts";
import { type AttemptOutcome, judge } from "../../src/plan/judge.ts";
import { plan } from "../../src/plan/plan.ts";
import { createFakeClock } from "../fakes/clock.ts";
import { makeGroup, makeLock, makeRouted, makeTarget, weighted } from "../unit/plan/make-target.ts";

const LONG = process.env["SPILLWAY_LONG"] === "1";
const CALLS_PER_RULE = 10;
const RULES = LONG ? 100_000 : 600;

/** Written by hand from the providers' pages, not read from the table under test. `moon-1` is nowhere. */
const COUNTRIES: Readonly<Record<string, readonly string[]>> = {
  "eu-central-1": ["DE"],
  "europe-west4": ["NL"],
  westeurope: ["NL"],
  "us-east-1": ["US"],
  us: ["US"],
  "moon-1": [],
};
const REGIONS = Object.keys(COUNTRIES);

const constraint = fc.record({
  regions: fc.uniqueArray(fc.constantFrom(...REGIONS), { maxLength: 2 }),
  countries: fc.uniqueArray(fc.constantFrom("DE", "NL", "US"), { minLength: 1, maxLength: 3 }),
});
const region = fc.constantFrom(null, null, ...REGIONS);
const backend = fc.record({
  declared: region,
  fromHost: fc.oneof({ weight: 3, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: region }),
  weight: fc.constantFrom(0, 1, 1, 5),
});
const rule = fc.record({
  locks: fc.array(constraint, { maxLength: 2 }),
  flat: fc.boolean(),
  tiers: fc.array(fc.array(backend, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 3 }),
  attemptsPerTier: fc.constantFrom(null, 0, 1, 2),
});

const failure: fc.Arbitrary<AttemptFailure> = fc.constantFrom<AttemptFailure>(
  { kind: "connect", detail: "refused", message: "" },
  { kind: "untrusted", reason: "wrong_ca", message: "" },
  { kind: "timeout", phase: "first_byte", message: "" },
  { kind: "reset", sent: false, message: "" },
  { kind: "reset", sent: true, message: "" },
  { kind: "protocol", message: "" },
);
const outcome: fc.Arbitrary<AttemptOutcome> = fc.oneof(
  failure,
  fc.constant<AttemptOutcome>({ kind: "credential_unavailable" }),
  fc.record({
    kind: fc.constant("answer" as const),
    status: fc.constantFrom(200, 302, 400, 401, 404, 408, 429, 500, 503, 529),
    retryAfterMs: fc.constantFrom(null, 0, 50, 5_000),
    firstEventIsError: fc.boolean(),
  }),
);
const call = fc.record({
  outcomes: fc.array(outcome, { minLength: 12, maxLength: 12 }),
  draws: fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 1, maxLength: 5 }),
  inference: fc.boolean(),
  method: fc.constantFrom("GET", "POST"),
  quietMs: fc.constantFrom(0, 0, 1_000, 40_000),
});

/** RegionPolicy in one sentence: the place is known, nothing contradicts it, and every policy names it or all of its countries. */
function inside(
  facts: { readonly declared: string | null; readonly fromHost: string | null },
  locks: readonly { readonly regions: readonly string[]; readonly countries: readonly string[] }[],
): boolean {
  if (locks.length === 0) return true;
  const place = facts.declared ?? facts.fromHost;
  if (place === null || (facts.fromHost !== null && facts.fromHost !== place)) return false;
  const countries = COUNTRIES[place] ?? [];
  return locks.every((one) => one.regions.includes(place) || (countries.length > 0 && countries.every((country) => one.countries.includes(country))));
}

it("T16: calls no backend outside the lock, whatever fails, and not one more than there is room for", { timeout: 3_600_000 }, async () => {
  let attempts = 0;
  let denied = 0;
  await fc.assert(
    fc.asyncProperty(rule, fc.array(call, { minLength: CALLS_PER_RULE, maxLength: CALLS_PER_RULE }), async ({ locks, flat, tiers, attemptsPerTier }, calls) => {
      const clock = createFakeClock();
      const health = createHealth(
        clock,
        () => 0.5,
        () => {},
      );
      const members = tiers.map((tier, at) =>
        tier.map((one, place): readonly [number, ReturnType<typeof makeTarget>] => [
          one.weight,
          makeTarget(`backend-${at}-${place}`, { region: one.declared, fromHost: one.fromHost }),
        ]),
      );
      const allowed = new Set(
        tiers.flatMap((tier, at) => tier.flatMap((one, place) => (one.weight > 0 && inside(one, locks) ? [`backend-${at}-${place}`] : []))),
      );
      const targets = flat ? members.flat().map(([weight, target]) => weighted(weight, target)) : [weighted(1, makeGroup(members, attemptsPerTier))];
      for (const { outcomes, draws, inference, method, quietMs } of calls) {
        if (quietMs > 0) await clock.advance(quietMs);
        let draw = 0;
        const random = () => draws[draw++ % draws.length] ?? 0;
        let planned: Planned;
        try {
          planned = plan(makeRouted(targets, { lock: makeLock(...locks), inference }), { model: null, serves: () => true }, health, random);
        } catch (error) {
          if (!(error instanceof Refusal)) throw error;
          // Refused as outside the lock only when nothing is inside it, and for want of weights only when there are none.
          if (error.code === "region_locked") {
            expect(allowed.size).toBe(0);
            denied += 1;
          } else {
            expect(error.code).toBe("route_rejected");
            expect(tiers.flat().every((one) => one.weight === 0)).toBe(true);
          }
          continue;
        }
        expect(allowed.size).toBeGreaterThan(0);
        const tried = new Map<string, number>();
        let at = 0;
        let sameBackendTries = 0;
        let refetched = false;
        for (let extraTries = 0; ; extraTries += 1) {
          const cleared = planned.candidates[at];
          const result = outcomes[extraTries % outcomes.length];
          if (cleared === undefined || result === undefined) throw new Error("the law went on to a candidate that is not there");
          const { key } = cleared.target.backend;
          expect(allowed).toContain(key);
          attempts += 1;
          tried.set(key, (tried.get(key) ?? 0) + 1);
          const verdict = judge({
            outcome: result,
            inference,
            method,
            retry: null,
            failover: cleared.failover,
            isLast: at === planned.candidates.length - 1,
            sameBackendTries,
            extraTries,
            credentialOwned: true,
            alreadyRefetched: refetched,
            parent: null,
            replayable: true,
            budgetAllows: true,
            budgetWritten: false,
            msLeft: 10_000,
            random: 0,
          });
          if (verdict.health === "good") health.succeeded(key);
          else if (verdict.health !== "none") {
            const retryAfterMs = result.kind === "answer" ? result.retryAfterMs : null;
            health.failed(key, DEFAULT_HEALTH, verdict.health, { retryAfterMs, waits: EVERYTHING, status: 503, slow: false });
          }
          if (verdict.action === "deliver" || verdict.action === "give_up") break;
          if (result.kind === "answer" && [302, 400, 404].includes(result.status)) expect(result.firstEventIsError).toBe(true);
          if (verdict.action === "again") sameBackendTries += 1;
          else if (verdict.action === "refetch_credential") refetched = true;
          else {
            at += 1;
            sameBackendTries = 0;
            refetched = false;
          }
        }
        // Once, once more after overload or a stale connection, once more with a fresh credential.
        for (const count of tried.values()) expect(count).toBeLessThanOrEqual(3);
      }
    }),
    { numRuns: RULES },
  );
  console.log(`region law: ${RULES * CALLS_PER_RULE} calls, ${attempts} attempts, ${denied} calls refused`);
  expect(attempts).toBeGreaterThan(RULES);
  expect(denied).toBeGreaterThan(0);
});
