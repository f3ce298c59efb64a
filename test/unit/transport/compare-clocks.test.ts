import { describe, expect, it } from "vitest";
import { createCompareClocks } from "../../../adapters/transport/compare-clocks.ts";
import { createDegradations } from "../../../src/index.ts";
import { createFakeClock } from "../../fakes/clock.ts";

function compared(date: unknown, age: unknown, skewMs: number): readonly (string | null)[] {
  const clock = createFakeClock();
  const degraded = createDegradations(clock, null);
  const compare = createCompareClocks(degraded, () => clock.now() + skewMs);
  compare("issuer.example", date, age);
  return degraded.list().map(({ part, subject, reason, detail }) => [part, subject, reason, detail].join("; "));
}

const now = new Date(createFakeClock().now()).toUTCString();

describe("F31: this clock beside that of an issuer", () => {
  it("is told of when it is off by more than tokens are forgiven, in either direction", () => {
    expect(compared(now, undefined, 300_000)).toEqual(["clock; issuer.example; off; this clock is 300 s ahead of that of issuer.example"]);
    expect(compared(now, undefined, -300_000)).toEqual(["clock; issuer.example; off; this clock is 300 s behind that of issuer.example"]);
    expect(compared(now, undefined, 29_000)).toEqual([]);
  });

  it("is not told of for what a cache has kept, nor for what is no date", () => {
    expect(compared(now, "300", 300_000)).toEqual([]);
    expect(compared(now, "-300", 300_000)).toHaveLength(1);
    for (const date of [undefined, "", "soon", "Mon, 99 Nov 2026 00:00:00 GMT", ["a", "b"]]) expect(compared(date, undefined, 300_000)).toEqual([]);
  });

  it("is well again with the next answer that agrees", () => {
    const clock = createFakeClock();
    const degraded = createDegradations(clock, null);
    let skewMs = 60_000;
    const compare = createCompareClocks(degraded, () => clock.now() + skewMs);
    compare("issuer.example", now, undefined);
    expect(degraded.list()).toHaveLength(1);
    skewMs = 0;
    compare("issuer.example", now, undefined);
    expect(degraded.list()).toEqual([]);
  });
});
