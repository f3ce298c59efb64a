import { describe, expect, it } from "vitest";
import { linkTo, readPlace } from "../../../console/route.ts";
import { fragmentOf, readUsageQuery, timesOf, usagePath } from "../../../console/usage-query.ts";
import { readUsageRequest } from "../../../src/ledger/usage-request.ts";

const NOW = Date.UTC(2026, 10, 23, 7, 30);
const query = (text: string) => readUsageQuery(new URLSearchParams(text));

describe("the usage that is asked for", () => {
  it("is today's by namespace where the address says nothing, or nonsense", () => {
    for (const text of ["", "since=1y&by=secret&measure=x"])
      expect(query(text)).toMatchObject({ range: { id: "today" }, by: ["namespace"], measure: "requests" });
  });

  it("goes into the address and comes back", () => {
    const asked = query("since=30d&by=model,backend&measure=cost&namespace=team-a");
    const { view, query: again } = readPlace(linkTo("usage", fragmentOf(asked)));
    expect(view).toBe("usage");
    expect(readUsageQuery(again)).toEqual(asked);
    expect(asked).toMatchObject({ by: ["model", "backend"], namespace: "team-a", model: null });
  });

  it.each(["today", "7d", "30d"])("is a question that /-/usage takes, for %s, with the very hours or days that the chart shows", (since) => {
    const asked = query(`since=${since}&namespace=a%20b&model=x`);
    for (const by of [asked.by, [asked.range.interval]]) {
      const request = readUsageRequest(new URL(usagePath(asked, by, NOW), "http://a").searchParams, NOW);
      expect(request.from).toBe(timesOf(asked, NOW)[0]);
      expect(request.only).toEqual({ namespace: "a b", model: "x" });
      expect(request.by).toEqual(by);
    }
  });

  it("has as many times as there were hours or days", () => {
    expect(timesOf(query("since=today"), NOW)).toHaveLength(8);
    expect(timesOf(query("since=7d"), NOW)).toHaveLength(6 * 24 + 8);
    expect(timesOf(query("since=30d"), NOW)).toHaveLength(30);
  });
});
