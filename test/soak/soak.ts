import { parseArgs } from "node:util";
import { recordFigure } from "../hostile/figure.ts";
import { runSoak } from "./run-soak.ts";

// npm run soak [-- --minutes 60 --seed N --rate CALLS_A_SECOND]: two brokers under mixed load while everything around them breaks in turn.
// Ends with 1 and a list where anything was wrong.

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "60" },
    seed: { type: "string" },
    rate: { type: "string", default: "60" },
    phase: { type: "string", default: "12" },
    "show-faults": { type: "boolean", default: false },
  },
});
const minutes = Number(values.minutes);
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
/** A shorter run cannot tell a slope from a wave. */
const SLOPE_MINUTES = 20;
const MOST_SHOWN = 40;

console.log(`soak: ${minutes} minutes, ${values.rate} calls a second, seed ${seed}`);
const report = await runSoak({ minutes, seed, rate: Number(values.rate), phaseMs: Number(values.phase) * 1_000, print: (line) => console.log(line) });
const wrong = [...report.wrong];
for (const [what, slope] of [
  ["resident memory", report.rss],
  ["heap", report.heap],
] as const) {
  console.log(`${what}: ${slope.perHour.toFixed(1)} MiB/h, +- ${slope.error.toFixed(1)}${minutes < SLOPE_MINUTES ? " (too short a run to judge)" : ""}`);
  if (minutes >= SLOPE_MINUTES && slope.perHour - 2 * slope.error > 1) wrong.push(`${what} grows by ${slope.perHour.toFixed(1)} MiB/h`);
}
console.log(
  `${report.calls} calls: ${report.whole} whole, ${report.explained} failed with a fault to account for it, ${report.left} left by their callers, ${report.shed} turned away for load; slowest ${report.slowestMs.toFixed(0)} ms, ${report.standstills} standstills of the soak itself`,
);
console.log(`${report.tokens} tokens in the ledger; ${report.lostByKill} calls lost by SIGKILL, of ${report.mayBeLost} of its last moment`);
if (values["show-faults"]) for (const [name, times] of report.faultsPlayed) console.log(`  ${name}: ${times}`);
else console.log(`${report.faultsPlayed.size} kinds of faults, ${[...report.faultsPlayed.values()].reduce((sum, one) => sum + one, 0)} times`);

const count = (pattern: RegExp) => wrong.filter((line) => pattern.test(line)).length;
const span = `${minutes} min, ${report.calls} calls`;
recordFigure({ row: "B15", what: `soak, ${span}: wrong answers, leaks, lost settlements, unhandled rejections`, value: wrong.length, unit: "", bar: "0" });
recordFigure({
  row: "B15",
  what: `soak, ${span}: resident memory, least squares`,
  value: Number(report.rss.perHour.toFixed(1)),
  unit: "MiB/h",
  bar: "<= 1 MiB/h",
});
recordFigure({ row: "F30", what: `soak, ${span}: calls lost by SIGKILL`, value: report.lostByKill, unit: `of ${report.mayBeLost}`, bar: "<= 1 s of usage" });
if (wrong.length === 0) console.log(`soak: nothing wrong (seed ${seed})`);
else {
  console.error(`soak: ${wrong.length} wrong (seed ${seed}): ${count(/^leak/)} leaks, ${count(/^settlement/)} settlements, ${count(/^crossed/)} crossed`);
  for (const line of wrong.slice(0, MOST_SHOWN)) console.error(`  ${line}`);
}
process.exit(wrong.length === 0 ? 0 : 1);
