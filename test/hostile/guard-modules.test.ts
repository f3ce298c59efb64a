import { globSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { GUARD_MODULES } from "../../scripts/guard-modules.ts";
import passesOver from "../../scripts/mutate-passes-over.ts";

const root = resolve(import.meta.dirname, "../..");
const filesOf = (globs: readonly string[]) => globs.map((glob) => [glob, globSync(glob, { cwd: root })] as const);

describe("B21: mutation of the guard modules", () => {
  it.each(GUARD_MODULES)("$name: its sources and the tests that look at them are there, so that nothing is left out in silence", ({ sources, tests }) => {
    for (const [glob, files] of [...filesOf(sources), ...filesOf(tests)]) expect(files, glob).not.toEqual([]);
    for (const [, files] of filesOf(tests)) for (const file of files) expect(file).toMatch(/\.test\.ts$/);
  });

  it("breaks no source twice: each is in one module", () => {
    const all = GUARD_MODULES.flatMap(({ sources }) => filesOf(sources).flatMap(([, files]) => files));
    expect(new Set(all).size).toBe(all.length);
  });

  it("the last run that was kept is above the bar, module by module", () => {
    // `as`: only `npm run figures` writes this file.
    const { figures } = JSON.parse(readFileSync(resolve(root, "test/hostile/figures.json"), "utf8")) as {
      figures: { row: string; what: string; value: number }[];
    };
    expect(figures.filter(({ row, value }) => row === "B21" && value < 90)).toEqual([]);
  });

  it("passes over sentences and what is there for the compiler, and over nothing else", () => {
    const other = { type: "CallExpression" };
    const text = (value: string) => passesOver.shouldIgnore({ node: { type: "StringLiteral", value }, parent: other });
    expect(["x-api-key", "internal_error", "Bearer ", "parent.promise", "host, port", ""].map(text)).toEqual(Array(6).fill(undefined));
    expect(text("the secret is empty")).toBe("a sentence for people");
    const template = (...quasis: string[]) => ({ type: "TemplateLiteral", quasis: quasis.map((raw) => ({ value: { raw } })) });
    expect(passesOver.shouldIgnore({ node: template("", " was not found"), parent: other })).toBe("a sentence for people");
    expect(passesOver.shouldIgnore({ node: template("control|", "://", ""), parent: other })).toBeUndefined();
    expect(passesOver.shouldIgnore({ node: other, parent: other })).toBeUndefined();
    const fallback = (computed: boolean, operator: string) => ({ type: "LogicalExpression", operator, left: { type: "MemberExpression", computed } });
    const empty = (parent: Parameters<typeof passesOver.shouldIgnore>[0]["parent"], value = "") =>
      passesOver.shouldIgnore({ node: { type: "StringLiteral", value }, parent });
    expect(empty(fallback(true, "??"))).toBe("a fallback for the compiler");
    expect([empty(fallback(false, "??")), empty(fallback(true, "||")), empty(fallback(true, "??"), "x"), empty(other)]).toEqual(Array(4).fill(undefined));
  });
});
