import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { compileExpression } from "../../src/routing/compile-expression.ts";
import { expressionTest } from "../../src/routing/expression-program.ts";
import { fullMatch } from "../../src/routing/full-match.ts";
import { recordFigure } from "../hostile/figure.ts";

/** An operator writes a pattern that a backtracking engine needs ages for, and a caller the subject. 30 characters hold such an engine for seconds; these are 16,000. */
const SUBJECT = `${"a".repeat(16_000)}!`;
const PATTERNS = ["(a+)+", "([a-z]+)*", "(a|aa)+", "(.*a){12}", "^(([a-z])+.)+[A-Z]([a-z])+$"];
/** Of a loaded machine. The bar is 50 ms, the figure is what counts; a backtracking engine would not be done today. */
const PATIENCE_MS = 20_000;

function slowest(test: (pattern: string) => boolean): number {
  let worst = 0;
  for (const pattern of PATTERNS) {
    const started = performance.now();
    expect([pattern, test(pattern)]).toEqual([pattern, false]);
    worst = Math.max(worst, performance.now() - started);
  }
  return worst;
}

describe("patterns of manifests", () => {
  it("T20: five patterns that stall a backtracking engine stall neither RE2 nor its automaton in a bundle", () => {
    const compiled = new Map(PATTERNS.map((pattern) => [pattern, { re2: fullMatch(pattern), program: expressionTest(compileExpression(pattern)) }]));
    const byRe2 = slowest((pattern) => {
      const re2 = compiled.get(pattern)?.re2;
      if (re2?.ok !== true) throw new Error(pattern);
      return re2.test(SUBJECT);
    });
    const byProgram = slowest((pattern) => {
      const program = compiled.get(pattern)?.program;
      if (program === undefined) throw new Error(pattern);
      return program(SUBJECT);
    });
    recordFigure({ row: "T20", what: "slowest of five patterns on 16,000 characters, RE2", value: Math.round(byRe2), unit: "ms", bar: "< 50 ms" });
    recordFigure({ row: "T20", what: "the same, from a bundle", value: Math.round(byProgram), unit: "ms", bar: "< 50 ms" });
    expect(Math.max(byRe2, byProgram)).toBeLessThan(PATIENCE_MS);
  });

  // Their pieces are constants of the source, and the names that read-native.ts puts in are its own.
  it("T20: nothing else makes a pattern while it runs: the source has two places, both of constants", () => {
    const root = join(import.meta.dirname, "../..");
    const found = ["src", "adapters", "cli"].flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
        .filter((path) => path.endsWith(".ts"))
        .flatMap((path) => [...readFileSync(join(root, folder, path), "utf8").matchAll(/\bnew RegExp\(|(?<![.\w])RegExp\(/g)].map(() => `${folder}/${path}`)),
    );
    expect(found).toEqual(["src/config/compile-cors.ts", "src/providers/native/read-native.ts", "src/providers/native/read-native.ts"]);
    const native = readFileSync(join(root, "src/providers/native/read-native.ts"), "utf8");
    const names = [...native.matchAll(/\b(?:lastWord|lastNumber|wordOf)\((?:[^,()]|\([^()]*\))+, ([^)]+)\)/g)].map(([, name = ""]) => name);
    expect(names.filter((name) => !/^"\w+"$|^name$|^name: string$/.test(name))).toEqual([]);
    expect(names.length).toBeGreaterThan(5);
  });
});
