import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Asked, Told } from "./inside.ts";

const BINARY = fileURLToPath(new URL("../../dist/spillway.js", import.meta.url));
const INSIDE = fileURLToPath(new URL("./inside.ts", import.meta.url));

/** A line of the access log, with the time at which we read it. */
export interface LoggedCall {
  readonly requestId: string;
  readonly namespace: string;
  readonly model: string;
  readonly input: number;
  readonly output: number;
  readonly estimated: boolean;
  readonly outcome: string;
  /** Milliseconds of our monotonic clock. */
  readonly readAt: number;
}

/** The built broker in a process of its own, which may end and begin again. */
export interface Instance {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
  /** It takes calls, as far as we know. */
  up: boolean;
  /** Lines of the access log, of all its lives, by request id. */
  readonly logged: Map<string, LoggedCall>;
  /** What it said that should never be said. */
  readonly troubles: readonly string[];
  start(): Promise<void>;
  /** Sends SIGTERM and waits for its end. */
  terminate(): Promise<number | null>;
  kill(): Promise<void>;
  /** Shifts its wall clock, and asks what it holds; null where it does not answer within five seconds. */
  ask(shiftMs: number): Promise<Told | null>;
  /** Open files of the process. */
  files(): number;
}

/** A refused reload is expected; a fault that nothing caught is not. */
const TROUBLE = /nothing caught|Unhandled|Uncaught|DeprecationWarning|MaxListenersExceeded|internal_error|FATAL/;

export interface InstanceOptions {
  readonly name: string;
  readonly port: number;
  readonly manifests: string;
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
}

export function createInstance({ name, port, manifests, folder, environment }: InstanceOptions): Instance {
  const [ask, tell] = [join(folder, `${name}.ask`), join(folder, `${name}.told`)];
  const logged = new Map<string, LoggedCall>();
  const troubles: string[] = [];
  let child: ChildProcess | null = null;
  let questions = 0;
  let ended: Promise<number | null> = Promise.resolve(null);

  function readLine(line: string): void {
    if (!line.startsWith("{")) return;
    const entry = JSON.parse(line) as Record<string, unknown>; // the broker's own log
    if (entry["msg"] !== "egress") return;
    if (entry["outcome"] === "broker_error") troubles.push(`${name}: ${line.slice(0, 600)}`);
    const requestId = String(entry["request_id"]);
    if (logged.has(requestId)) troubles.push(`${name}: two lines of ${requestId}`);
    logged.set(requestId, {
      requestId,
      namespace: String(entry["namespace"] ?? ""),
      model: String(entry["model"] ?? ""),
      input: Number(entry["input_tokens"] ?? 0),
      output: Number(entry["output_tokens"] ?? 0),
      estimated: entry["usage_estimated"] === true,
      outcome: String(entry["outcome"]),
      readAt: performance.now(),
    });
  }

  const instance: Instance = {
    name,
    port,
    get pid() {
      return child?.pid ?? 0;
    },
    up: false,
    logged,
    troubles,
    async start() {
      const args = ["--expose-gc", "--import", INSIDE, BINARY, "serve", "--manifests", manifests, "--port", `${port}`, "--grace", "20"];
      const started = spawn(process.execPath, args, {
        env: {
          PATH: process.env["PATH"] ?? "",
          METADATA_SERVER_DETECTION: "none",
          AWS_EC2_METADATA_DISABLED: "true",
          SOAK_ASK: ask,
          SOAK_TELL: tell,
          ...environment,
        },
        stdio: ["ignore", "pipe", "pipe"],
      });
      child = started;
      ended = new Promise((settle) => started.once("exit", settle));
      createInterface({ input: started.stdout }).on("line", readLine);
      await new Promise<void>((settle, reject) => {
        const refuse = () => reject(new Error(`${name} ended before it listened`));
        started.once("exit", refuse);
        createInterface({ input: started.stderr }).on("line", (line) => {
          if (TROUBLE.test(line)) troubles.push(`${name}: ${line}`);
          if (!line.includes("listening on")) return;
          started.off("exit", refuse);
          settle();
        });
      });
      instance.up = true;
    },
    async terminate() {
      instance.up = false;
      child?.kill("SIGTERM");
      return ended;
    },
    async kill() {
      instance.up = false;
      child?.kill("SIGKILL");
      await ended;
    },
    async ask(shiftMs) {
      questions += 1;
      const question: Asked = { number: questions, shiftMs };
      writeFileSync(ask, JSON.stringify(question));
      child?.kill("SIGUSR2");
      for (let waited = 0; waited < 5_000; waited += 50) {
        await sleep(50);
        const told = readTold(tell);
        if (told?.number === questions) return told;
      }
      return null;
    },
    files: () => readdirSync(`/proc/${child?.pid ?? "self"}/fd`).length,
  };
  return instance;
}

function readTold(path: string): Told | null {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Told; // written by inside.ts
  } catch {
    // Not there yet, or half written.
    return null;
  }
}
