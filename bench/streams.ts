import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { recordFigure } from "../test/hostile/figure.ts";
import { answers, freePort, PINNED, startOn, stop } from "./processes.ts";
import { startBroker, startNode } from "./rivals.ts";
import { amplify, cancelStreams, holdStreams, type Stage, stallReaders } from "./streams/scenes.ts";

// npm run bench:streams: as many streams at once as the limit of open files allows, callers that stop reading, callers that hang up, and what a
// message can cost: the broker beside bare Hono, each scene with processes of its own, in one run.

const { values } = parseArgs({
  options: {
    scene: { type: "string", multiple: true },
    rival: { type: "string", multiple: true },
    streams: { type: "string", default: "10000" },
    stalled: { type: "string", multiple: true },
    cancels: { type: "string", default: "200" },
    json: { type: "boolean", default: false },
  },
});

/** Two descriptors a stream in the proxy, and some for itself. */
const OWN_FILES = 150;

interface Row {
  readonly scene: string;
  readonly rival: string;
  readonly figures: object;
}

const rows: Row[] = [];
const limit = Number(/Max open files\s+(\d+)/.exec(await readFile("/proc/self/limits", "utf8"))?.[1] ?? 1_024);
const most = Math.floor((limit - OWN_FILES) / 2);
const streams = Math.min(Number(values.streams), most);
const stalled = (values.stalled ?? ["1000", "4000"]).map((count) => Math.min(Number(count), most));
if (!values.json) console.log(`${PINNED}; open files: ${limit}, so ${streams} streams`);

await measure("held", async (stage) => {
  const held = await holdStreams(stage, streams, 3_000);
  if (stage.rival.name !== "spillway") return held;
  const many = `${held.streams} streams at once`;
  recordFigure({ row: "F36", what: `${many}: memory of each`, value: round(held.KiBaStream), unit: "KiB", bar: "<= 160 KiB" });
  recordFigure({ row: "F36", what: `${many}: first byte of other calls, p99`, value: round(held.firstByteP99), unit: "ms", bar: "< 100 ms" });
  recordFigure({ row: "F36", what: `${many}: /-/healthz, p99`, value: round(held.healthP99), unit: "ms", bar: "< 100 ms" });
  recordFigure({ row: "F29", what: `${many}: whole after SIGTERM`, value: held.whole, unit: `of ${held.streams}`, bar: "all" });
  recordFigure({ row: "B17", what: `${many}: end of the last stream to exit ${held.exit}`, value: round(held.drainMs), unit: "ms", bar: "exit 0" });
  return held;
});
for (const readers of stalled)
  await measure(`stalled ${readers}`, async (stage) => {
    const figures = await stallReaders(stage, readers);
    const beside = stage.rival.name === "spillway" ? "" : ` (${stage.rival.name})`;
    recordFigure({ row: "B13", what: `memory of a stalled reader, of ${readers}${beside}`, value: round(figures.KiBaReader), unit: "KiB", bar: "<= 160 KiB" });
    recordFigure({ row: "B13", what: `streams left 3 s after hang-up, of ${readers}${beside}`, value: figures.left, unit: "streams", bar: "0" });
    if (beside === "")
      recordFigure({ row: "F36", what: `${readers} slow readers: /-/healthz, p99`, value: round(figures.healthP99), unit: "ms", bar: "< 100 ms" });
    return figures;
  });
await measure("cancel", async (stage) => {
  const figures = await cancelStreams(stage, Number(values.cancels));
  const beside = stage.rival.name === "spillway" ? "" : ` (${stage.rival.name})`;
  recordFigure({ row: "B11", what: `hang-up in a stream to destination closed, p99${beside}`, value: round(figures.p99), unit: "ms", bar: "<= 50 ms" });
  return figures;
});
await measure("amplification", async (stage) => {
  const figures = await amplify(stage);
  const beside = stage.rival.name === "spillway" ? "" : ` (${stage.rival.name})`;
  recordFigure({ row: "B12", what: `memory for 0.25 MiB that unpack to 256 MiB${beside}`, value: round(figures.bombMiB), unit: "MiB", bar: "<= 3.5 MiB" });
  recordFigure({ row: "B12", what: `memory for eight bodies of 50 MiB at once${beside}`, value: round(figures.uploadsMiB), unit: "MiB", bar: "<= 512 MiB" });
  return figures;
});

if (values.json) console.log(JSON.stringify({ pinned: PINNED, limit, rows }, null, 2));
process.exit(0);

/** Runs a scene for the broker and for bare Hono, each with a fresh proxy and a fresh destination, and prints what came of it. */
async function measure(scene: string, run: (stage: Stage) => Promise<object>): Promise<void> {
  if (values.scene !== undefined && !values.scene.includes(scene.split(" ")[0] ?? "")) return;
  for (const name of ["spillway", "bare Hono"] as const) {
    if (values.rival !== undefined && !values.rival.includes(name === "spillway" ? "spillway" : "hono")) continue;
    const folder = await mkdtemp(join(tmpdir(), "spillway-streams-"));
    const upstreamPort = await freePort();
    const program = fileURLToPath(new URL("./streams/upstream.ts", import.meta.url));
    const upstream = startOn(1, process.execPath, [program, String(upstreamPort)], { stdio: ["ignore", "ignore", "inherit"] });
    await answers(`http://127.0.0.1:${upstreamPort}/`);
    const broker = name === "spillway" ? await startBroker(folder, upstreamPort, { log: false, spans: false }) : null;
    const rival = broker ?? (await startNode("streams/hono", upstreamPort));
    const stage: Stage = { rival, upstreamPort, target: { port: Number(new URL(rival.url).port), token: broker?.tokens["api-key"] ?? "none" } };
    try {
      const figures = await run(stage);
      rows.push({ scene, rival: name, figures });
      if (!values.json) console.log(`${scene.padEnd(14)} ${name.padEnd(10)} ${words(figures)}`);
    } finally {
      await Promise.all([rival.stop(), stop(upstream)]);
      await rm(folder, { recursive: true, force: true });
    }
  }
}

function words(figures: object): string {
  return Object.entries(figures)
    .map(([name, value]) => `${name} ${typeof value === "number" ? round(value) : String(value)}`)
    .join("  ");
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
