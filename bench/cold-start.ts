import { mkdtemp, rm } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { lambdaGroup } from "./cold-start-lambda.ts";
import { nodeGroup, workerdGroup } from "./cold-start-rivals.ts";
import type { ColdGroup, ColdSample } from "./cold-start-sample.ts";
import { type ColdWorld, startColdWorld } from "./cold-start-world.ts";
import { median } from "./measure.ts";
import { PINNED } from "./processes.ts";

// npm run bench:cold: what it costs to be there at all, on each platform beside the least that the platform can do.

const { values } = parseArgs({
  options: {
    platform: { type: "string", multiple: true },
    rounds: { type: "string", default: "15" },
    /** A build to measure in place of dist/, so that two can be compared. */
    dist: { type: "string", default: resolve(import.meta.dirname, "../dist") },
    json: { type: "boolean", default: false },
  },
});

interface ColdFigures {
  readonly name: string;
  /** Milliseconds of CPU: median of the rounds, with the lowest and the highest. */
  readonly cpuMs: number;
  readonly cpuLow: number;
  readonly cpuHigh: number;
  readonly wallMs: number;
  /** To the first of the group: median of the ratios within a round; and ratio of the lowest. */
  readonly ratio: number;
  readonly ratioOfLowest: number;
}

const PLATFORMS: Readonly<Record<string, (folder: string, world: ColdWorld) => Promise<ColdGroup>>> = {
  node: (folder, world) => nodeGroup(values.dist, folder, world),
  workerd: workerdGroup,
  lambda: (folder, world) => lambdaGroup(values.dist, folder, world),
};

const rounds = Number(values.rounds);
const folder = await mkdtemp(join(tmpdir(), "spillway-cold-"));
const world = await startColdWorld();
const groups: ColdGroup[] = [];
try {
  const reports: { readonly title: string; readonly figures: readonly ColdFigures[] }[] = [];
  for (const name of values.platform ?? Object.keys(PLATFORMS)) {
    const open = PLATFORMS[name];
    if (open === undefined) throw new Error(`there is no platform ${name}: use ${Object.keys(PLATFORMS).join(", ")}`);
    const group = await open(folder, world);
    groups.push(group);
    const figures = await measure(group);
    reports.push({ title: group.title, figures });
    if (!values.json) print(group.title, figures);
  }
  const conditions = { rounds, pinning: PINNED, cpu: cpus()[0]?.model ?? "unknown", node: process.version };
  if (values.json) console.log(JSON.stringify({ conditions, reports }, null, 2));
  else
    console.log(
      `\nCPU of all threads of the process by the scheduler's account, median of ${rounds} rounds that took turns, with range; the ratio is the median of those within a round. ${PINNED}.`,
    );
} finally {
  world.stop();
  for (const group of groups) await group.remove();
  await rm(folder, { recursive: true, force: true });
}

/** In turns, A B C A B C: whatever the machine does besides falls on all. The first start of each is not counted: the disk's cache is filled then. */
async function measure({ rivals }: ColdGroup): Promise<readonly ColdFigures[]> {
  const samples = rivals.map((): ColdSample[] => []);
  for (let round = 0; round <= rounds; round += 1) {
    for (const [index, rival] of rivals.entries()) {
      const one = await rival.start().catch((error: unknown) => {
        throw new Error(`${rival.name}: ${error instanceof Error ? error.message : String(error)}`);
      });
      if (round > 0) samples[index]?.push(one);
    }
  }
  const [first = []] = samples;
  const base = first.map(({ cpuMs }) => cpuMs);
  return rivals.map(({ name }, index) => {
    const cpu = (samples[index] ?? []).map(({ cpuMs }) => cpuMs);
    return {
      name,
      cpuMs: median(cpu),
      cpuLow: Math.min(...cpu),
      cpuHigh: Math.max(...cpu),
      wallMs: median((samples[index] ?? []).map(({ wallMs }) => wallMs)),
      ratio: median(cpu.map((one, round) => one / (base[round] ?? Number.NaN))),
      ratioOfLowest: Math.min(...cpu) / Math.min(...base),
    };
  });
}

function print(title: string, figures: readonly ColdFigures[]): void {
  console.log(`\n${title}`);
  console.log(`  ${"".padEnd(28)} ${"CPU ms".padStart(18)} ${"ratio".padStart(6)} ${"of lowest".padStart(10)} ${"wall ms".padStart(8)}`);
  for (const { name, cpuMs, cpuLow, cpuHigh, wallMs, ratio, ratioOfLowest } of figures) {
    const cpu = `${cpuMs.toFixed(1)} (${cpuLow.toFixed(0)}-${cpuHigh.toFixed(0)})`;
    const cells = [cpu.padStart(18), ratio.toFixed(2).padStart(6), ratioOfLowest.toFixed(2).padStart(10), wallMs.toFixed(0).padStart(8)];
    console.log(`  ${name.padEnd(28)} ${cells.join(" ")}`);
  }
}
