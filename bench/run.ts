import { chmod, mkdtemp, rm } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createLoad } from "./load.ts";
import { type Measured, type MeasureOptions, measurePair } from "./measure.ts";
import { findProgram, PINNED } from "./processes.ts";
import { type Rival, startBroker, startNginx, startNode } from "./rivals.ts";
import { SCENES, type Scene } from "./scenes.ts";
import { startUpstream } from "./upstream.ts";

// npm run bench: what a call costs in this broker, beside nginx (proxy_pass) and beside the least that Node can do.
// Needs nginx and wrk (Debian: nginx-light, wrk), because upstream and generator must not be JavaScript.

const { values } = parseArgs({
  options: {
    scene: { type: "string", multiple: true },
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "2" },
    "warm-up": { type: "string", default: "12000" },
    connections: { type: "string", default: "16" },
    candidate: { type: "string", multiple: true },
    log: { type: "boolean", default: false },
    "no-spans": { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
});

/** A scene with each candidate beside the nginx of its own pair. */
interface SceneReport {
  readonly scene: string;
  readonly title: string;
  readonly pairs: readonly { readonly candidate: Measured; readonly nginx: Measured; readonly cpuRatio: number }[];
}

process.exitCode = await main();

async function main(): Promise<number> {
  const nginx = findProgram("nginx");
  const wrk = findProgram("wrk");
  if (nginx === null || wrk === null) {
    const missing = [nginx === null ? "nginx" : "", wrk === null ? "wrk" : ""].filter((name) => name !== "").join(" and ");
    console.error(
      `bench: skipped, ${missing} not installed (Debian: apt-get install nginx-light wrk). An upstream or a generator in JavaScript would measure itself.`,
    );
    return 0;
  }
  const options: MeasureOptions = {
    rounds: Number(values.rounds),
    seconds: Number(values.seconds),
    warmUp: Number(values["warm-up"]),
    connections: Number(values.connections),
  };
  const folder = await mkdtemp(join(tmpdir(), "spillway-bench-"));
  // The workers of an nginx that root started run as another user, and read the answers from here.
  await chmod(folder, 0o755);
  const started: { stop(): Promise<void> }[] = [];
  const keep = <T extends { stop(): Promise<void> }>(part: T): T => {
    started.push(part);
    return part;
  };
  try {
    const upstream = keep(await startUpstream(nginx, folder));
    const load = await createLoad(wrk, folder);
    const reference = keep(await startNginx(nginx, folder, upstream.port));
    const wants = (name: string) => values.candidate?.includes(name) ?? true;
    const broker = wants("spillway") ? keep(await startBroker(folder, upstream.port, { log: values.log, spans: !values["no-spans"] })) : null;
    const candidates: Rival[] = broker === null ? [] : [broker];
    if (wants("bare")) candidates.push(keep(await startNode("bare", upstream.port)));
    if (values.candidate?.includes("parts")) candidates.push(keep(await startNode("parts", upstream.port)));

    const reports: SceneReport[] = [];
    for (const scene of SCENES.filter((one) => values.scene?.includes(one.name) ?? true)) {
      if (!values.json && (scene.token !== "jwt" || broker !== null)) console.log(`\n${scene.title}`);
      const pairs: SceneReport["pairs"][number][] = [];
      for (const candidate of candidates) {
        if (scene.token === "jwt" && candidate !== broker) continue; // to the others a token is a header like any other
        const token = broker?.tokens[scene.token] ?? "none";
        const [own, other] = await measurePair([candidate, reference], scene, token, load, scaled(options, scene));
        if (own === undefined || other === undefined) continue;
        const pair = { candidate: own, nginx: other, cpuRatio: own.cpuUs / other.cpuUs };
        pairs.push(pair);
        if (!values.json) printPair(pair);
      }
      reports.push({ scene: scene.name, title: scene.title, pairs });
    }
    const conditions = { ...options, pinning: PINNED, cpu: cpus()[0]?.model ?? "unknown", node: process.version, log: values.log, spans: !values["no-spans"] };
    if (values.json) console.log(JSON.stringify({ conditions, reports }, null, 2));
    else
      console.log(
        `\nCPU is that of the proxy process alone, a call, median of ${options.rounds} rounds with range; latency is with one call at a time. ${PINNED}.`,
      );
    const bad = reports.some((report) => report.pairs.some(({ candidate }) => candidate.wrong > 0 || candidate.errors > 0));
    if (bad) console.error("bench: some answers were wrong, so the figures above count for nothing");
    return bad ? 1 : 0;
  } finally {
    for (const part of started.toReversed()) await part.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** A stream is a hundred events: an eighth of the calls warm the same code more often. */
function scaled(options: MeasureOptions, scene: Scene): MeasureOptions {
  return scene.answer === "stream" ? { ...options, warmUp: Math.ceil(options.warmUp / 8) } : options;
}

function printPair({ candidate, nginx, cpuRatio }: SceneReport["pairs"][number]): void {
  console.log(
    `  ${"".padEnd(10)} ${"CPU us/call".padStart(20)} ${"ratio".padStart(6)} ${"calls/s".padStart(9)} ${"p50 us".padStart(8)} ${"p99 us".padStart(8)} ${"RSS MB".padStart(7)} ${"calls".padStart(8)} ${"wrong".padStart(6)}`,
  );
  for (const [one, ratio] of [
    [candidate, cpuRatio],
    [nginx, 1],
  ] as const) {
    const cpu = `${one.cpuUs.toFixed(1)} (${one.cpuLow.toFixed(0)}-${one.cpuHigh.toFixed(0)})`;
    const cells = [
      cpu.padStart(20),
      ratio.toFixed(2).padStart(6),
      one.callsPerSecond.toFixed(0).padStart(9),
      String(one.p50Us).padStart(8),
      String(one.p99Us).padStart(8),
    ];
    console.log(
      `  ${one.name.padEnd(10)} ${cells.join(" ")} ${(one.residentKiB / 1024).toFixed(0).padStart(7)} ${String(one.calls).padStart(8)} ${String(one.wrong + one.errors).padStart(6)}`,
    );
  }
}
