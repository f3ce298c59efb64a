import type { LoadOptions, LoadResult } from "./load.ts";
import { cpuNanoseconds, residentKiB } from "./processes.ts";
import type { Rival } from "./rivals.ts";
import type { Scene } from "./scenes.ts";

export type RunLoad = (options: LoadOptions) => Promise<LoadResult>;

export interface MeasureOptions {
  readonly rounds: number;
  readonly seconds: number;
  /** Calls before anything is counted. */
  readonly warmUp: number;
  readonly connections: number;
}

/** What one proxy did in one scene. */
export interface Measured {
  readonly name: string;
  /** Microseconds of CPU of the proxy alone, a call: median of the rounds, with the lowest and the highest. */
  readonly cpuUs: number;
  readonly cpuLow: number;
  readonly cpuHigh: number;
  readonly callsPerSecond: number;
  /** One call at a time. */
  readonly p50Us: number;
  readonly p99Us: number;
  readonly calls: number;
  readonly wrong: number;
  readonly errors: number;
  readonly residentKiB: number;
}

/** Measures two proxies in turn, A B A B, in one run: whatever the machine does besides falls on both. */
export async function measurePair(pair: readonly Rival[], scene: Scene, token: string, load: RunLoad, options: MeasureOptions): Promise<readonly Measured[]> {
  const samples = pair.map(() => ({ cpu: [] as number[], rate: [] as number[], p50: [] as number[], p99: [] as number[], calls: 0, wrong: 0, errors: 0 }));
  for (const rival of pair) await warmUp(rival, scene, token, load, options);
  for (let round = 0; round < options.rounds; round += 1) {
    for (const [index, rival] of pair.entries()) {
      const sample = samples[index];
      if (sample === undefined) continue;
      const call = { url: rival.url, scene, token };
      const { cpuNs, result: busy } = await runCounted(rival, load, { ...call, connections: options.connections, seconds: options.seconds });
      sample.cpu.push(cpuNs / 1000 / busy.requests);
      sample.rate.push(busy.requests / options.seconds);
      const { result: alone } = await runCounted(rival, load, { ...call, connections: 1, seconds: 1 });
      sample.p50.push(alone.p50Us);
      sample.p99.push(alone.p99Us);
      sample.calls += busy.requests + alone.requests;
      sample.wrong += busy.wrong + alone.wrong;
      sample.errors += busy.errors + alone.errors;
    }
  }
  return pair.map((rival, index) => {
    const sample = samples[index] ?? { cpu: [], rate: [], p50: [], p99: [], calls: 0, wrong: 0, errors: 0 };
    return {
      name: rival.name,
      cpuUs: median(sample.cpu),
      cpuLow: Math.min(...sample.cpu),
      cpuHigh: Math.max(...sample.cpu),
      callsPerSecond: median(sample.rate),
      p50Us: median(sample.p50),
      p99Us: median(sample.p99),
      calls: sample.calls,
      wrong: sample.wrong,
      errors: sample.errors,
      residentKiB: residentKiB(rival.pid),
    };
  });
}

/** One run with the CPU time that it took the proxy. A run in which the machine let no call end says nothing and is done again; rejects after five. */
async function runCounted(rival: Rival, load: RunLoad, options: LoadOptions): Promise<{ readonly cpuNs: number; readonly result: LoadResult }> {
  for (let tries = 0; tries < 5; tries += 1) {
    const before = cpuNanoseconds(rival.pid);
    const result = await load(options);
    if (result.requests > 0) return { cpuNs: cpuNanoseconds(rival.pid) - before, result };
  }
  throw new Error(`${rival.name} ended no call of the scene ${options.scene.name} in five runs: the machine is too busy`);
}

/** By count and not by time: code that has run often is compiled, code that has waited is not. */
async function warmUp(rival: Rival, scene: Scene, token: string, load: RunLoad, options: MeasureOptions): Promise<void> {
  for (let calls = 0; calls < options.warmUp; ) {
    const { result } = await runCounted(rival, load, { url: rival.url, scene, token, connections: options.connections, seconds: 1 });
    const { requests, wrong } = result;
    if (wrong === requests) throw new Error(`${rival.name} answers no call of the scene ${scene.name} rightly`);
    calls += requests;
  }
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}
