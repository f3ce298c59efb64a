import type { ChildProcess } from "node:child_process";
import { request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { cpuNanoseconds, startOn } from "./processes.ts";

/** What it took a process that did not exist to give its first answer. */
export interface ColdSample {
  /** Of all its threads, in milliseconds. */
  readonly cpuMs: number;
  readonly wallMs: number;
}

/** One that is started again and again: each time a new process. */
export interface ColdRival {
  readonly name: string;
  /** Starts it, waits for the first answer, sees that it is right, and ends it. Rejects when it is wrong. */
  start(): Promise<ColdSample>;
}

/** Rivals of one platform; the first is what the others are compared with. */
export interface ColdGroup {
  readonly title: string;
  readonly rivals: readonly ColdRival[];
  /** What must be gone when all is measured. */
  remove(): Promise<void>;
}

/** The call that every rival is asked first. */
export interface FirstCall {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** What the answer must hold. */
  readonly expected: string;
}

const PATIENCE_MS = 20_000;

/** Starts it with nothing but these variables. What it says of itself goes nowhere. */
export function startQuietly(command: string, args: readonly string[], env: Readonly<Record<string, string>>): ChildProcess {
  return startOn(0, command, args, { stdio: ["ignore", "ignore", "ignore"], env: { ...cleanEnvironment(), ...env } });
}

/** Starts a server and asks until it listens; a refused connection costs it nothing. */
export async function sampleServer(start: () => ChildProcess, port: number, call: FirstCall): Promise<ColdSample> {
  const began = performance.now();
  const child = start();
  try {
    for (;;) {
      const answer = await ask(port, call);
      if (answer !== null) return sample(child, began, answer, call.expected);
      if (child.exitCode !== null || performance.now() - began > PATIENCE_MS) throw new Error(`it never listened (exit status ${child.exitCode})`);
      await sleep(1);
    }
  } finally {
    await stopNow(child);
  }
}

/** Reads the clock and the kernel's account first, then looks whether the answer is right. */
export function sample(child: ChildProcess, began: number, answer: string, expected: string): ColdSample {
  // A child that has answered has a pid.
  const cpuMs = cpuNanoseconds(child.pid ?? 0) / 1e6;
  const wallMs = performance.now() - began;
  if (!answer.includes(expected)) throw new Error(`the first answer is wrong: ${answer.slice(0, 500)}`);
  return { cpuMs, wallMs };
}

/** Without a warning: nothing of it is wanted any more. */
export function stopNow(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once("exit", () => resolve());
    child.kill("SIGKILL");
  });
}

/** Status and body of the answer; null: nobody listens yet. */
function ask(port: number, { method, path, headers, body }: FirstCall): Promise<string | null> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: "127.0.0.1", port, path, method, headers: { ...headers, "content-length": Buffer.byteLength(body) } }, (answer) => {
      let text = `${answer.statusCode} `;
      answer
        .setEncoding("utf8")
        .on("data", (part: string) => {
          text += part;
        })
        .on("end", () => resolve(text))
        .on("error", reject);
    });
    asked.on("error", (error) => ("code" in error && error.code === "ECONNREFUSED" ? resolve(null) : reject(error)));
    asked.end(body);
  });
}

/** What the person who runs this has set is not measured. */
export function cleanEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env["PATH"] ?? "" };
}
