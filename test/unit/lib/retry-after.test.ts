import { expect, it } from "vitest";
import { parseRetryAfter } from "../../../src/lib/retry-after.ts";

const NOW = Date.parse("Sun, 22 Nov 2026 12:00:00 GMT");

it.each([
  ["0", 0],
  ["30", 30_000],
  [" 7 ", 7_000],
  ["600", 600_000],
  ["86400", 600_000],
  ["999999999999999", 600_000],
  ["Sun, 22 Nov 2026 12:00:05 GMT", 5_000],
  ["Sun, 22 Nov 2026 12:00:00 GMT", 0],
  ["Mon, 23 Nov 2026 12:00:00 GMT", 600_000],
])("%j is %i ms", (value, expected) => {
  expect(parseRetryAfter(value, NOW)).toBe(expected);
});

it.each([
  "",
  "-1",
  "1.5",
  "1e3",
  "soon",
  "0x10",
  "30, 60",
  "Sun, 22 Nov 2026 11:59:59 GMT",
  "Sun, 99 Nov 2026 12:00:05 GMT",
  "2026-11-22T12:00:05Z",
  "١٢",
  "9".repeat(400),
])("%j is garbage", (value) => {
  expect(parseRetryAfter(value, NOW)).toBeNull();
});
