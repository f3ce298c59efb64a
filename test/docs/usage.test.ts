import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readUsageRequest } from "../../src/ledger/usage-request.ts";
import { COUNT_NAMES, KEY_NAMES } from "../../src/model/usage-counts.ts";

const text = readFileSync(join(import.meta.dirname, "../../docs/usage.md"), "utf8");
const firstCells = text.split("\n").flatMap((line) => (line.startsWith("| `") ? [line.split("|")[1] ?? ""] : []));

function faultOf(query: string): string {
  try {
    readUsageRequest(new URLSearchParams(query), 0);
    return "";
  } catch (error) {
    return String(error);
  }
}

describe("docs/usage.md", () => {
  it("explains every member of a row", () => {
    const told = new Set(firstCells.flatMap((cell) => [...cell.matchAll(/`(\w+)`/g)].map((match) => match[1])));
    expect([...KEY_NAMES, ...COUNT_NAMES, "costUsd"].filter((name) => !told.has(name))).toEqual([]);
  });

  it("has every parameter, and every example can be asked", () => {
    const told = new Set([...(/^\| `\/-\/usage` \|(.*)\|$/m.exec(text)?.[1] ?? "").matchAll(/`(\w+)`/g)].map((match) => match[1] ?? ""));
    // The fault names all that there are.
    const all = /there are (.+)\.$/.exec(faultOf("none=1"))?.[1]?.split(", ");
    expect([...told].sort()).toEqual([...(all ?? [])].sort());
    const asked = [...text.matchAll(/\/-\/usage\?([^"\s`]+)/g)].map((match) => match[1] ?? "");
    expect(asked.length).toBeGreaterThan(0);
    for (const query of asked) expect(readUsageRequest(new URLSearchParams(query), Date.UTC(2026, 10, 23)).by.length).toBeGreaterThan(0);
  });
});
