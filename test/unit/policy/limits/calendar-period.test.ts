import fc from "fast-check";
import { expect, it } from "vitest";
import { type Period, periodAt } from "../../../../src/policy/limits/calendar-period.ts";

const HOUR = 3_600_000;
const at = (text: string): number => Date.parse(text);
const calendar = (period: "minute" | "hour" | "day" | "week" | "month", timeZone: string) => ({ kind: "calendar" as const, period, timeZone });
const told = ({ start, end }: Period): readonly string[] => [new Date(start).toISOString(), new Date(end).toISOString()];

it.each([
  ["a day of 23 hours", "day", "Europe/Berlin", "2026-03-29T12:00:00Z", "2026-03-28T23:00:00.000Z", "2026-03-29T22:00:00.000Z"],
  ["a day of 25 hours", "day", "Europe/Berlin", "2026-10-25T12:00:00Z", "2026-10-24T22:00:00.000Z", "2026-10-25T23:00:00.000Z"],
  ["a day of 23 hours in New York", "day", "America/New_York", "2026-03-08T12:00:00Z", "2026-03-08T05:00:00.000Z", "2026-03-09T04:00:00.000Z"],
  ["a day of 25 hours in New York", "day", "America/New_York", "2026-11-01T12:00:00Z", "2026-11-01T04:00:00.000Z", "2026-11-02T05:00:00.000Z"],
  ["a week with a change of clocks", "week", "Europe/Berlin", "2026-03-27T12:00:00Z", "2026-03-22T23:00:00.000Z", "2026-03-29T22:00:00.000Z"],
  ["a Sunday belongs to the week before", "week", "UTC", "2026-11-22T23:59:59Z", "2026-11-16T00:00:00.000Z", "2026-11-23T00:00:00.000Z"],
  ["a month with a change of clocks", "month", "Europe/Berlin", "2026-10-31T22:30:00Z", "2026-09-30T22:00:00.000Z", "2026-10-31T23:00:00.000Z"],
  ["the last month of a year", "month", "UTC", "2026-12-31T23:59:59Z", "2026-12-01T00:00:00.000Z", "2027-01-01T00:00:00.000Z"],
  ["an hour where the clocks are 45 minutes apart", "hour", "Asia/Kathmandu", "2026-01-01T00:20:00Z", "2026-01-01T00:15:00.000Z", "2026-01-01T01:15:00.000Z"],
  ["a day that has no midnight", "day", "Africa/Cairo", "2026-04-24T12:00:00Z", "2026-04-23T22:00:00.000Z", "2026-04-24T21:00:00.000Z"],
  ["a day that was left out", "day", "Pacific/Apia", "2011-12-30T09:00:00Z", "2011-12-29T10:00:00.000Z", "2011-12-30T10:00:00.000Z"],
] as const)("knows %s", (_, period, zone, time, start, end) => {
  expect(told(periodAt(calendar(period, zone), at(time)))).toEqual([start, end]);
});

it("takes an hour that the clocks repeat for two", () => {
  const hour = calendar("hour", "Europe/Berlin");
  expect(told(periodAt(hour, at("2026-10-25T00:30:00Z")))).toEqual(["2026-10-25T00:00:00.000Z", "2026-10-25T01:00:00.000Z"]);
  expect(told(periodAt(hour, at("2026-10-25T01:30:00Z")))).toEqual(["2026-10-25T01:00:00.000Z", "2026-10-25T02:00:00.000Z"]);
});

it("begins and ends at whole milliseconds, also for a time in fractions", () => {
  for (const period of ["minute", "hour", "day", "week", "month"] as const) {
    for (const zone of ["UTC", "Europe/Berlin", "Asia/Kathmandu"]) {
      const time = at("2026-11-22T12:00:00Z");
      const { start, end } = periodAt(calendar(period, zone), time + 0.123456789);
      expect({ start, end }).toEqual(periodAt(calendar(period, zone), time));
      expect(Number.isInteger(start) && Number.isInteger(end)).toBe(true);
      expect(periodAt(calendar(period, zone), end - 0.000_3)).toEqual({ start, end });
    }
  }
});

it("refuses a zone that nobody knows", () => {
  expect(() => periodAt(calendar("day", "Europe/Nowhere"), 0)).toThrow(RangeError);
});

const zones = [
  "Europe/Berlin",
  "America/New_York",
  "Africa/Cairo",
  "Australia/Lord_Howe",
  "Asia/Kathmandu",
  "America/Havana",
  "America/Sao_Paulo",
  "Pacific/Apia",
  "UTC",
];

it("gives periods that follow each other without gaps, each the same for all of its moments", () => {
  fc.assert(
    fc.property(
      fc.constantFrom("day" as const, "week" as const, "month" as const),
      fc.constantFrom(...zones),
      fc.integer({ min: at("2005-01-01T00:00:00Z"), max: at("2037-01-01T00:00:00Z") }),
      fc.nat(),
      (period, zone, time, later) => {
        const window = calendar(period, zone);
        const { start, end } = periodAt(window, time);
        expect(start).toBeLessThanOrEqual(time);
        expect(end).toBeGreaterThan(time);
        expect(end - start).toBeGreaterThan(22 * HOUR);
        expect(periodAt(window, start + (later % (end - start)))).toEqual({ start, end });
        expect(periodAt(window, end).start).toBe(end);
        expect(periodAt(window, start - 1).end).toBe(start);
      },
    ),
    { numRuns: 300 },
  );
});
