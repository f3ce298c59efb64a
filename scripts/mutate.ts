/**
 * Breaks the guard modules on purpose, one small change at a time, and asks that a test fails each time. `npm run mutate [-- MODULE ...]` prints what
 * survived and a table; exit 1 when fewer than 90 % of a module's mutants were killed, 2 for a module that is not there. Slow: about a second a
 * mutant. What has not changed since the last run is not run again (`.cache/mutate`).
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { Stryker } from "@stryker-mutator/core";
import { recordFigure } from "../test/hostile/figure.ts";
import { GUARD_MODULES, type GuardModule } from "./guard-modules.ts";

const LEAST_PERCENT = 90;

type LogLevel = NonNullable<ConstructorParameters<typeof Stryker>[0]["logLevel"]>;
type Mutants = Awaited<ReturnType<Stryker["runMutationTest"]>>;

/** The mutants of one module, in the columns of the table. */
interface Count {
  readonly module: string;
  readonly mutants: number;
  readonly killed: number;
  readonly survived: number;
  readonly "no coverage": number;
  readonly score: number;
}

/**
 * What survived or was never reached is tried again whatever the last run says: of what a module computes while it is loaded the tester does not know
 * which test looks at it, and would not see that there is a new one.
 */
function forgetSurvivors(file: string): void {
  if (!existsSync(file)) return;
  // `as`: the tester's own report, of which only this is touched.
  const report = JSON.parse(readFileSync(file, "utf8")) as { readonly files: Record<string, { mutants: { readonly status: string }[] }> };
  for (const source of Object.values(report.files)) source.mutants = source.mutants.filter(({ status }) => status === "Killed" || status === "Timeout");
  writeFileSync(file, JSON.stringify(report));
}

async function mutate({ name, sources, tests }: GuardModule): Promise<Mutants> {
  const options = {
    mutate: [...sources],
    testRunner: "vitest",
    plugins: ["@stryker-mutator/vitest-runner", resolve(import.meta.dirname, "mutate-passes-over.ts")],
    ignorers: ["passes-over"],
    vitest: { configFile: "vitest.mutate.config.ts", related: false },
    // Not `perTest`: what is remembered by name (src/lib/by-name.ts) is only run by the first test that asks, and others would not be tried.
    coverageAnalysis: "all" as const,
    concurrency: 1,
    // On a busy machine a test that is slow is no test that failed; endless loops are found by counting.
    timeoutMS: 20_000,
    incremental: true,
    incrementalFile: `.cache/mutate/${name}.json`,
    tempDirName: `.cache/mutate/${name}`,
    ignorePatterns: ["dist", "docs", "infra", "bench", "console", ".cache"],
    // The tester would read it with a compiler that TypeScript no longer ships; types are checked elsewhere.
    tsconfigFile: ".cache/mutate/none.json",
    disableTypeChecks: false,
    allowConsoleColors: false,
    reporters: ["progress-append-only"],
    // What a module computes while it is loaded takes all tests to try, and is worth it.
    warnings: { unknownOptions: true, preprocessorErrors: true, unserializableOptions: true, slow: false },
    logLevel: "warn" as LogLevel, // `LogLevel`: an enum of a package that is not ours to import, whose member has this text.
  };
  forgetSurvivors(options.incrementalFile);
  process.env["SPILLWAY_MUTATE_TESTS"] = tests.join(",");
  return new Stryker(options).runMutationTest();
}

function count(module: string, mutants: Mutants): Count {
  const of = (...states: readonly string[]) => mutants.filter(({ status }) => states.includes(status)).length;
  const killed = of("Killed", "Timeout");
  const tried = killed + of("Survived", "NoCoverage");
  return {
    module,
    mutants: tried,
    killed,
    survived: of("Survived"),
    "no coverage": of("NoCoverage"),
    score: Math.floor((killed / Math.max(tried, 1)) * 1000) / 10,
  };
}

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !GUARD_MODULES.some((module) => module.name === name));
if (unknown.length > 0) {
  console.error(`mutate: no such module: ${unknown.join(", ")}; there are: ${GUARD_MODULES.map(({ name }) => name).join(", ")}`);
  process.exit(2);
}

const root = resolve(import.meta.dirname, "..");
const counts: Count[] = [];
for (const module of GUARD_MODULES) {
  if (wanted.length > 0 && !wanted.includes(module.name)) continue;
  const mutants = await mutate(module);
  for (const { status, fileName, location, mutatorName, replacement } of mutants) {
    if (status !== "Survived" && status !== "NoCoverage") continue;
    const place = `${fileName.replace(`${root}/`, "")}:${location.start.line}:${location.start.column}-${location.end.line}:${location.end.column}`;
    console.log(`${status === "Survived" ? "survived" : "not run "} ${place} ${mutatorName}: ${replacement.replaceAll(/\s+/g, " ")}`);
  }
  const counted = count(module.name, mutants);
  counts.push(counted);
  recordFigure({ row: "B21", what: `${module.name}, killed`, value: counted.score, unit: "%", bar: `>= ${LEAST_PERCENT} %` });
}
console.table(Object.fromEntries(counts.map(({ module, ...rest }) => [module, rest])));
const weak = counts.filter(({ score }) => score < LEAST_PERCENT).map(({ module }) => module);
if (weak.length > 0) console.error(`mutate: below ${LEAST_PERCENT} %: ${weak.join(", ")}`);
process.exit(weak.length > 0 ? 1 : 0);
