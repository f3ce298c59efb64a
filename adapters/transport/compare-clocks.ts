import type { DegradedPort } from "../../src/index.ts";

/** More than what tokens are forgiven (`clockSkew` of an issuer, 30 s where it says nothing). */
const FORGIVEN_MS = 30_000;

/** Told of the `Date` and `Age` of an answer. */
export type CompareClocks = (host: string, date: unknown, age: unknown) => void;

/**
 * Compares this machine's clock with that of whoever answers, such as the issuer of callers' tokens: it is they whose times count. `now` in milliseconds
 * since the Unix epoch.
 */
export function createCompareClocks(degraded: DegradedPort, now: () => number): CompareClocks {
  return (host, date, age) => {
    if (typeof date !== "string") return;
    // What a cache hands on was dated when it was made (RFC 9111 section 5.1).
    const theirs = Date.parse(date) + (typeof age === "string" && /^\d{1,9}$/.test(age) ? Number(age) * 1_000 : 0);
    if (!Number.isFinite(theirs)) return;
    const ahead = now() - theirs;
    if (Math.abs(ahead) <= FORGIVEN_MS) degraded.leave("clock", host);
    else
      degraded.enter("clock", host, "off", {
        detail: `this clock is ${Math.round(Math.abs(ahead) / 1_000)} s ${ahead > 0 ? "ahead of" : "behind"} that of ${host}`,
      });
  };
}
