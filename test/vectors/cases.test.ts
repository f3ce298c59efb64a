import { describe, expect, it } from "vitest";
import { VECTORS } from "./cases.ts";
import { compare } from "./compare.ts";
import type { RawAnswer } from "./raw-client.ts";
import { AREAS, expectationOn, type Platform } from "./vector.ts";

const PLATFORMS: readonly Platform[] = ["node", "workers", "lambda"];

/** Brokers that have understood nothing. */
const YES: RawAnswer = { status: 200, headers: ["x-request-id", "1"], body: Buffer.from('{"well":true}'), whole: true };
const NO: RawAnswer = { status: 404, headers: ["x-egress-error", "route_not_found"], body: Buffer.alloc(0), whole: true };

describe("the vectors", () => {
  it("are at least 150, each with a name of its own", () => {
    expect(VECTORS.length).toBeGreaterThanOrEqual(150);
    expect(new Set(VECTORS.map(({ name }) => name)).size).toBe(VECTORS.length);
  });

  it.each(AREAS)("are about %s too", (area) => {
    expect(VECTORS.filter((vector) => vector.area === area).length).toBeGreaterThanOrEqual(5);
  });

  it("say why a platform differs, and the difference is one", () => {
    for (const { name, differs = {}, expect: same } of VECTORS) {
      for (const { why, expect: other } of Object.values(differs)) {
        expect(why, name).toMatch(/^[A-Z].{30,}\.$/);
        expect({ ...same, ...other }, name).not.toEqual(same);
      }
    }
  });

  it.each(PLATFORMS)("cannot be passed on %s by a broker that answers 200 to all and calls nobody", (platform) => {
    expect(VECTORS.filter((vector) => compare(expectationOn(platform, vector), YES, []).length === 0).map(({ name }) => name)).toEqual([]);
  });

  it("cannot be passed by a broker that refuses all, but for what no route takes", () => {
    const passed = VECTORS.filter((vector) => compare(vector.expect, NO, []).length === 0);
    expect(passed.filter(({ expect: { status } }) => status !== 404).map(({ name }) => name)).toEqual([]);
    expect(passed.length).toBeLessThan(12);
  });

  it("are no two the same call in the same world", () => {
    const calls = VECTORS.map(({ before, request, world }) => JSON.stringify([before, request, world]));
    expect(calls.filter((call, index) => calls.indexOf(call) !== index)).toEqual([]);
  });
});
