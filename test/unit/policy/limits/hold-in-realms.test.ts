import { expect, it } from "vitest";
import { holdInRealms } from "../../../../src/policy/limits/hold-in-realms.ts";
import type { HoldResult, LimitClaim } from "../../../../src/policy/limits/limit-desk.ts";
import type { LimitRealm } from "../../../../src/policy/limits/limit-realm.ts";
import { unavailable } from "../../../../src/policy/limits/shortage.ts";
import { claim, held, makeLimit, PATIENT } from "../../../fakes/limit-world.ts";

const A1 = claim(makeLimit({ id: "a1", gateway: "a" }), 1);
const A2 = claim(makeLimit({ id: "a2", gateway: "a" }), 2);
const B = claim(makeLimit({ id: "b", gateway: "b" }), 3);
const C = claim(makeLimit({ id: "c", gateway: "c", onExceeded: "shadow" }), 4);

/** Realms that let in but for what `fate` says of them, and tell what they were asked. */
function createRealms(fate: Readonly<Record<string, "short" | "broken">> = {}) {
  const told: string[] = [];
  const realmOf = (gateway: string): LimitRealm => ({
    hold(claims: readonly LimitClaim[], signal): HoldResult {
      told.push(`${gateway} hold ${claims.map(({ rule }) => rule.id).join()}${signal === PATIENT ? "" : " of somebody else"}`);
      const [first] = claims;
      if (first === undefined || fate[gateway] === "broken") throw new RangeError(`${gateway} is broken`);
      if (fate[gateway] === "short") return { ok: false, shortage: unavailable(first) };
      return {
        ok: true,
        hold: {
          unavailable: claims.map(({ rule }) => rule.id === "a2"),
          settle: (used) => told.push(`${gateway} settle ${used.join()}`),
          release: () => told.push(`${gateway} release`),
        },
        exceededShadows: claims.filter(({ rule }) => rule.onExceeded === "shadow"),
      };
    },
    standing: (of) => ({ claim: of, remaining: 0, resetMs: 0 }),
    flush: () => Promise.resolve(),
    census: () => ({ accounts: 0, leases: 0 }),
  });
  return { told, realmOf };
}

it("a call without claims asks nobody", () => {
  const { told, realmOf } = createRealms();
  const result = holdInRealms([], PATIENT, realmOf);
  if (result instanceof Promise) throw new Error("there was nothing to wait for");
  const hold = held(result);
  hold.settle([]);
  hold.release();
  expect(result).toMatchObject({ exceededShadows: [], hold: { unavailable: [] } });
  expect(told).toEqual([]);
});

it("claims of one Gateway are held at once", () => {
  const { told, realmOf } = createRealms();
  expect(holdInRealms([A1, A2], PATIENT, realmOf)).not.toBeInstanceOf(Promise);
  expect(told).toEqual(["a hold a1,a2"]);
});

it("each Gateway hears of its own claims, and the answer is in their order", async () => {
  const { told, realmOf } = createRealms();
  const result = await holdInRealms([A1, B, A2, C], PATIENT, realmOf);
  const hold = held(result);
  expect(hold.unavailable).toEqual([false, false, true, false]);
  expect(result).toMatchObject({ exceededShadows: [C] });
  expect(told.splice(0)).toEqual(["a hold a1,a2", "b hold b", "c hold c"]);
  hold.settle([10, 20, 30]);
  expect(told.splice(0)).toEqual(["a settle 10,30", "b settle 20", "c settle 0"]);
  hold.release();
  expect(told).toEqual(["a release", "b release", "c release"]);
});

it("where one has no room the others give back, and those after it are not asked", async () => {
  const { told, realmOf } = createRealms({ b: "short" });
  expect(await holdInRealms([A1, B, C], PATIENT, realmOf)).toEqual({ ok: false, shortage: unavailable(B) });
  expect(told).toEqual(["a hold a1", "b hold b", "a release"]);
});

it("where one fails, as for a caller that has left, the others give back", async () => {
  const { told, realmOf } = createRealms({ b: "broken" });
  await expect(holdInRealms([A1, B, C], PATIENT, realmOf)).rejects.toThrow("b is broken");
  expect(told).toEqual(["a hold a1", "b hold b", "a release"]);
});
