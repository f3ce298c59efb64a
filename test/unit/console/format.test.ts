import { describe, expect, it } from "vitest";
import { clockTime, cost, money, nameCountries, percent, span } from "../../../console/format.ts";

describe("what the page writes", () => {
  it.each([
    [0, "$0.00"],
    [1_234_560_000_000, "$1,234.56"],
    [200_000_000, "$0.20"],
    [420_000, "$0.00042"],
    [1, "$0.000000001"],
  ])("money: %d nanos are %s", (nanos, text) => {
    expect(money(nanos)).toBe(text);
  });

  it("a cost that is not known is not 0, and one that is known in part says so", () => {
    expect(cost(0, 0)).toBe("$0.00");
    expect(cost(0, 3)).toBe("unknown");
    expect(cost(2_500_000_000, 3)).toBe("≥ $2.50");
  });

  it.each([
    [0, "0s"],
    [59_400, "59s"],
    [125_000, "2m 5s"],
    [90_061_000, "1d 1h"],
    [-5, "0s"],
  ])("%d ms are %s", (milliseconds, text) => {
    expect(span(milliseconds)).toBe(text);
  });

  it("times in UTC, as the days of usage are", () => {
    expect(clockTime(Date.UTC(2026, 10, 23, 7, 5), false)).toBe("07:05");
    expect(clockTime(Date.UTC(2026, 10, 23), true)).toBe("23 Nov");
  });

  it("shares, of nothing too", () => {
    expect(percent(1, 3)).toBe("33.3%");
    expect(percent(0, 0)).toBe("0%");
  });

  it("countries by their common name, by their codes, or by their number", () => {
    expect(nameCountries(["DE", "FR"], { "DE,FR": "Both" })).toBe("Both (2 countries)");
    expect(nameCountries(["DE", "FR"], {})).toBe("DE FR");
    expect(
      nameCountries(
        Array.from({ length: 10 }, (_, index) => `C${index}`),
        {},
      ),
    ).toBe("C0 C1 C2 C3 C4 C5 C6 C7 and 2 more");
  });
});
