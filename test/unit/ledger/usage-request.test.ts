import { describe, expect, it } from "vitest";
import type { ParameterFault } from "../../../src/ledger/page-parameters.ts";
import { readUsageRequest } from "../../../src/ledger/usage-request.ts";

const NOW = Date.UTC(2026, 10, 23, 12, 34, 56);
const HOUR = 3_600_000;
const read = (query: string) => readUsageRequest(new URLSearchParams(query), NOW);
const at = (text: string) => Date.parse(text);

describe("what is asked for", () => {
  it("is the last day by namespace, where nothing is said", () => {
    expect(read("")).toEqual({
      from: at("2026-11-22T12:00:00Z"),
      to: at("2026-11-23T13:00:00Z"),
      interval: "hour",
      by: ["namespace"],
      only: {},
      gateway: null,
      limit: 1_000,
      format: null,
    });
  });

  it.each([
    ["since=90m", "2026-11-23T11:00:00Z", "hour"],
    ["since=7d", "2026-11-16T12:00:00Z", "hour"],
    ["since=1w", "2026-11-16T12:00:00Z", "hour"],
    // The first hour of the eighth day back may be gone already.
    ["since=8d", "2026-11-15T00:00:00Z", "day"],
    ["since=30d", "2026-10-24T00:00:00Z", "day"],
    ["since=2026-11-20", "2026-11-20T00:00:00Z", "hour"],
    ["since=2026-11-20T10:59:59%2B02:00", "2026-11-20T08:00:00Z", "hour"],
    ["since=2026-01-02T10:00Z", "2026-01-02T00:00:00Z", "day"],
  ])("%s begins at %s, by %s", (query, from, interval) => {
    expect(read(query)).toMatchObject({ from: at(from), interval });
  });

  it("until is the beginning of nothing that it holds", () => {
    expect(read("since=2026-11-20&until=2026-11-21").to).toBe(at("2026-11-21T00:00:00Z"));
    expect(read("since=2026-11-20&until=2026-11-20T10:00:01Z").to).toBe(at("2026-11-20T11:00:00Z"));
    expect(read("since=30d&until=1h").to).toBe(at("2026-11-24T00:00:00Z"));
  });

  it("by, only, limit, format and gateway", () => {
    expect(read("by=model,hour&namespace=team-a&model=&limit=10000&format=csv&gateway=a/b")).toMatchObject({
      by: ["model", "hour"],
      only: { namespace: "team-a", model: "" },
      limit: 10_000,
      format: "csv",
      gateway: "a/b",
    });
    expect(read("by=").by).toEqual([]);
  });
});

describe("what cannot be honoured is named", () => {
  it.each([
    ["sinse=1d", "sinse"],
    ["since=1d&since=2d", "since"],
    ["since=yesterday", "since"],
    ["since=-1d", "since"],
    ["since=1.5d", "since"],
    ["since=2026-13-01", "since"],
    ["since=2026-11-20T10:00:00", "since"],
    ["since=401d", "since"],
    ["since=999999w", "since"],
    ["since=0h", "since"],
    ["since=1h&until=2h", "since"],
    ["until=2020-01-01", "until"],
    ["until=soon", "until"],
    ["by=name", "by"],
    ["by=model,model", "by"],
    ["by=model,", "by"],
    ["by=Namespace", "by"],
    ["by=hour&since=30d", "by"],
    ["limit=0", "limit"],
    ["limit=10001", "limit"],
    ["limit=1e3", "limit"],
    ["format=xml", "format"],
    ["__proto__=1", "__proto__"],
  ])("%s", (query, parameter) => {
    expect(() => read(query)).toThrow(expect.objectContaining({ name: "ParameterFault", parameter }) as ParameterFault);
  });

  it("400 days back and one hour is still a day that is kept", () => {
    expect(read("since=400d").from).toBe(Math.floor((NOW - 400 * 24 * HOUR) / (24 * HOUR)) * 24 * HOUR);
  });
});
