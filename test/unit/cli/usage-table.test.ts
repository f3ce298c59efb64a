import { describe, expect, it } from "vitest";
import { describeUsage } from "../../../cli/usage-table.ts";
import { emptySum } from "../../../src/model/usage-counts.ts";
import type { PricedCounts, UsageReport } from "../../../src/offline.ts";

const counts = (changes: Partial<PricedCounts> = {}): PricedCounts => ({ ...emptySum(), costUsd: (changes.costNanos ?? 0) / 1e9, ...changes });

function reportOf(changes: Partial<UsageReport> = {}): UsageReport {
  const rows = [
    {
      namespace: "team-a",
      model: "gpt-5",
      ...counts({ requests: 1_234, inputTokens: 1_000_000, cacheReadTokens: 4_096, outputTokens: 25_000, costNanos: 12_345_678_900 }),
    },
    { namespace: "", model: "claude", ...counts({ requests: 2, errors: 1, inputTokens: 10, outputTokens: 2, unpriced: 1, costUsd: null }) },
  ];
  return {
    from: "2026-11-22T12:00:00Z",
    to: "2026-11-23T12:34:56Z",
    interval: "hour",
    by: ["namespace", "model"],
    rows,
    total: counts({ requests: 1_236, errors: 1, inputTokens: 1_000_010, cacheReadTokens: 4_096, outputTokens: 25_002, costNanos: 12_345_678_900, unpriced: 1 }),
    truncated: false,
    ...changes,
  };
}

describe("the table of spillway usage", () => {
  it("has names to the left, numbers to the right, and a total", () => {
    expect(describeUsage(reportOf(), null, false)).toBe(
      [
        "namespace  model   calls  errors      input  cached  output      cost",
        "team-a     gpt-5   1,234       0  1,000,000   4,096  25,000    $12.35",
        "-          claude      2       1         10       0       2   unknown",
        "─────────────────────────────────────────────────────────────────────",
        "total              1,236       1  1,000,010   4,096  25,002  ≥ $12.35",
        "",
        "≥: 1 call used tokens whose price is not known, and is not in the cost.",
        "Cost in US dollars, by the prices of AIBackendPolicy, else list prices: an estimate, not a bill.",
        "2026-11-22 12:00 to 2026-11-23 12:34 UTC, by hour.",
      ].join("\n"),
    );
  });

  it("small amounts can be seen, and 0 is 0", () => {
    const rows = [
      { namespace: "a", model: "m", ...counts({ requests: 1, costNanos: 1_234 }) },
      { namespace: "b", model: "m", ...counts({ requests: 1 }) },
    ];
    const lines = describeUsage(reportOf({ rows, total: counts({ requests: 2, costNanos: 1_234 }) }), null, false).split("\n");
    expect(lines.slice(1, 3).map((line) => line.split("  ").at(-1)?.trim())).toEqual(["$0.000001", "$0"]);
  });

  it("says what was estimated and left out", () => {
    const text = describeUsage(reportOf({ truncated: true, total: counts({ requests: 9_000, estimated: 3 }) }), null, false);
    expect(text).toContain("Only the first 2 rows; the total is of all.");
    expect(text).toContain("Tokens of 3 calls are estimates");
    expect(text).not.toContain("≥");
  });

  it("nothing is said in a sentence", () => {
    expect(describeUsage(reportOf({ rows: [], total: counts() }), 80, true)).toBe("No calls from 2026-11-22 12:00 to 2026-11-23 12:34 UTC, by hour.");
  });

  it.each([40, 60, 79, 100, 200])("fits %i columns as far as it can, without a word too much", (width) => {
    const rows = [
      {
        namespace: "a-namespace-with-a-rather-long-name",
        model: "publishers/anthropic/models/claude-sonnet-4-5-20250929-and-more",
        ...counts({
          requests: 5,
          errors: 1,
          limited: 1,
          cacheWriteTokens: 1,
          cacheReadTokens: 1,
          reasoningTokens: 1,
          audioTokens: 1,
          inputTokens: 9,
          outputTokens: 9,
          costNanos: 5e9,
        }),
      },
    ];
    const lines = describeUsage(reportOf({ rows, total: rows[0] ?? counts() }), width, false).split("\n");
    const table = lines.slice(0, lines.indexOf(""));
    expect(table).toHaveLength(4);
    // Two names of eight and the four columns that are always shown.
    for (const line of table) expect([...line].length).toBeLessThanOrEqual(Math.max(width, 52));
    expect(lines.some((line) => line.includes("too narrow"))).toBe(width < 200);
  });

  it("a name cannot command the terminal", () => {
    const evil = { namespace: "a\u001b[2Jb\u202ec", model: "_OTHER", ...counts({ requests: 1 }) };
    const text = describeUsage(reportOf({ rows: [evil], total: counts({ requests: 1 }) }), null, false);
    expect(text).toContain("a?[2Jb?c");
    expect(text).toContain("(others)");
    expect(text).not.toContain("\u001b");
  });
});
