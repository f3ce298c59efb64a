import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import type { Figure } from "../test/hostile/figure.ts";
import type { MeasuredFigure, Measurements } from "./reliability-table.ts";

// `npm run figures [-- NAME ...]` measures what the table of promises shows, on a machine that does nothing else, and writes test/hostile/figures.json and the table.
const MEASURING: Readonly<Record<string, readonly string[]>> = {
  hostile: ["vitest", "run", "test/hostile", "test/platforms/stalled-readers.test.ts", "test/platforms/many-streams.test.ts"],
  limits: ["vitest", "run", "test/laws/limit-accuracy.test.ts", "test/unit/policy/limits/store-failure.test.ts", "test/platforms/rotation.test.ts"],
  services: ["vitest", "run", "--config", "vitest.services.config.ts", "test/services/usage-limits-redis.test.ts", "test/services/usage-ledger-redis.test.ts"],
  streams: ["node", "bench/streams.ts"],
  soak: ["node", "test/soak/soak.ts", "--minutes", "60"],
  overload: ["node", "bench/overload.ts"],
};

const root = resolve(import.meta.dirname, "..");
const kept = resolve(root, "test/hostile/figures.json");
const wanted = process.argv.slice(2);
for (const name of wanted) {
  if (MEASURING[name] === undefined) {
    console.error(`figures: "${name}" is not measured here; there are: ${Object.keys(MEASURING).join(", ")}`);
    process.exit(2);
  }
}

mkdirSync(resolve(root, ".cache"), { recursive: true });
const lines = resolve(root, ".cache/figures.jsonl");
rmSync(lines, { force: true });
writeFileSync(lines, "");

const failed: string[] = [];
for (const [name, command] of Object.entries(MEASURING)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  console.log(`== ${name}: ${command.join(" ")}`);
  const [program = "", ...args] = command;
  const run = spawnSync(program, args, { cwd: root, stdio: "inherit", env: { ...process.env, SPILLWAY_FIGURES: lines } });
  if (run.status !== 0) failed.push(name);
}

const date = new Date().toISOString().slice(0, 10);
const measured = readFileSync(lines, "utf8")
  .split("\n")
  .filter((line) => line !== "")
  .map((line): MeasuredFigure => ({ ...(JSON.parse(line) as Figure), date })); // `Figure`: only recordFigure writes this file.
const before = JSON.parse(readFileSync(kept, "utf8")) as Measurements; // `Measurements`: only this program writes that file.
const nameOf = (figure: Figure): string => `${figure.row}: ${figure.what}`;
const latest = new Map([...before.figures, ...measured].map((figure) => [nameOf(figure), figure]));
const after: Measurements = {
  machine: `${availableParallelism()} cores, Node ${process.versions.node}`,
  figures: [...latest.values()].sort((one, other) => nameOf(one).localeCompare(nameOf(other), "en", { numeric: true })),
};
writeFileSync(kept, `${JSON.stringify(after, null, 2)}\n`);
execFileSync("biome", ["check", "--write", kept], { cwd: root, stdio: "ignore" });
execFileSync(process.execPath, ["scripts/generate.ts"], { cwd: root, stdio: "inherit" });
console.log(`${measured.length} figures of this run, ${latest.size} in the table`);
if (failed.length > 0) {
  console.error(`figures: failed: ${failed.join(", ")}; their figures, where there are any, are in the table all the same`);
  process.exitCode = 1;
}
