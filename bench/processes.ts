import { type ChildProcess, type StdioOptions, spawn, spawnSync } from "node:child_process";
import { accessSync, readdirSync, readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { availableParallelism } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";

/** Where a program is, or null where it is not installed. */
export function findProgram(name: string): string | null {
  const found = spawnSync("which", [name], { encoding: "utf8" }).stdout?.trim();
  if (found) return found;
  try {
    accessSync(`/usr/sbin/${name}`);
    return `/usr/sbin/${name}`;
  } catch {
    return null;
  }
}

const PINS = findProgram("taskset") !== null && availableParallelism() >= 2;

/** What is measured runs on core 0, all else on core 1, where the machine has two and `taskset`. */
export const PINNED = PINS ? "the proxy on core 0, generator and upstream on core 1" : "no pinning: taskset is missing, or there is one core";

export type Core = 0 | 1;

/** Starts a program on a core. */
export function startOn(
  core: Core,
  command: string,
  args: readonly string[],
  options: { readonly stdio: StdioOptions; readonly env?: NodeJS.ProcessEnv },
): ChildProcess {
  const [program, ...rest] = PINS ? ["taskset", "-c", String(core), command, ...args] : [command, ...args];
  // The list above is never empty.
  return spawn(program as string, rest, { stdio: options.stdio, env: options.env ?? process.env });
}

/** Ends a process and waits until it is gone. */
export function stop(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    const force = setTimeout(() => child.kill("SIGKILL"), 5000);
    child.once("exit", () => {
      clearTimeout(force);
      resolve();
    });
    child.kill("SIGTERM");
  });
}

/** CPU time in nanoseconds that a process and its children have used, by the scheduler's own account; the process's `stat`, in steps of 10 ms, where there is none. */
export function cpuNanoseconds(pid: number): number {
  return [pid, ...childrenOf(pid)].reduce((sum, one) => sum + cpuOfOne(one), 0);
}

function cpuOfOne(pid: number): number {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    return threads.reduce((sum, thread) => sum + Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]), 0);
  } catch {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /, "")
      .split(" ");
    return (Number(fields[11]) + Number(fields[12])) * 10_000_000;
  }
}

function childrenOf(pid: number): readonly number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
    return children === "" ? [] : children.split(/\s+/).map(Number);
  } catch {
    return [];
  }
}

/** Resident memory of a process and its children in KiB. */
export function residentKiB(pid: number): number {
  return [pid, ...childrenOf(pid)].reduce((sum, one) => sum + Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${one}/status`, "utf8"))?.[1] ?? 0), 0);
}

/** A loopback port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      // A server that listens on TCP has an AddressInfo.
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}

/** Waits until a GET of this address is answered, whatever the status. Rejects after ten seconds. */
export async function answers(url: string): Promise<void> {
  for (let waited = 0; waited < 10_000; waited += 50) {
    try {
      await (await fetch(url, { signal: AbortSignal.timeout(1000) })).body?.cancel();
      return;
    } catch {
      await sleep(50);
    }
  }
  throw new Error(`nothing answers at ${url}`);
}
