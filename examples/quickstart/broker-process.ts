import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { LoggedCall } from "./logged-call.ts";
import { parseLoggedCall } from "./logged-call.ts";
import { stopProcess } from "./stop-process.ts";

const SPILLWAY = fileURLToPath(new URL("../../dist/spillway.js", import.meta.url));
const READY_WITHIN_MS = 20_000;

export interface BrokerOptions {
  /** Files and folders, given on as they are. */
  readonly manifests: readonly string[];
  /** 0: any free port. */
  readonly port: number;
  /** One call from the broker's access log. */
  onCall(call: LoggedCall): void;
  /** Whatever else the broker says, such as faults in manifests after an edit. */
  onWord(line: string): void;
}

export interface BrokerProcess {
  readonly url: string;
  readonly pid: number;
  /** Resolves when the process has ended, for whatever reason. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

/** Starts `spillway serve` from dist/ and waits until it is ready. Rejects with the broker's own words when it does not become so. */
export async function startBrokerProcess(options: BrokerOptions): Promise<BrokerProcess> {
  if (!existsSync(SPILLWAY)) throw new Error("dist/spillway.js is missing: npm run build");
  const args = options.manifests.flatMap((path) => ["--manifests", path]);
  const child = spawn(process.execPath, [SPILLWAY, "serve", ...args, "--port", String(options.port), "--grace", "3"], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const words: string[] = [];
  let ready = false;
  const ended = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
  });
  createInterface({ input: child.stdout }).on("line", (line) => {
    const call = parseLoggedCall(line);
    if (call !== null) options.onCall(call);
  });
  const listening = new Promise<string>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", () => reject(new Error(`the broker could not start:\n${words.join("\n")}`)));
    createInterface({ input: child.stderr }).on("line", (line) => {
      if (ready) options.onWord(line);
      else words.push(line);
      const url = /listening on (http:\/\/\S+)/.exec(line)?.[1];
      if (url !== undefined) resolve(url);
    });
  });
  const url = await listening;
  const until = Date.now() + READY_WITHIN_MS;
  while (!(await isReady(url))) {
    if (Date.now() > until) {
      await stopProcess(child);
      throw new Error(`the broker listens but is not ready:\n${words.join("\n")}`);
    }
    await sleep(50);
  }
  ready = true;
  // A child that listens has a pid.
  return { url, pid: child.pid ?? 0, ended, stop: () => stopProcess(child) };
}

async function isReady(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/-/readyz`, { signal: AbortSignal.timeout(1000) });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}
