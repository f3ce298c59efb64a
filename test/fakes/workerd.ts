import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import type { Readable } from "node:stream";

/** A workerd that serves a configuration, the runtime of Cloudflare, without wrangler. */
export interface Workerd {
  /** By the name of the socket in the configuration. */
  readonly ports: ReadonlyMap<string, number>;
  stdout(): string;
  stderr(): string;
  stop(): Promise<void>;
}

/** Starts it, and waits until each of `sockets` listens. `environment` is added to its own. */
export async function startWorkerd(configPath: string, sockets: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<Workerd> {
  const child = spawn(workerdPath(), ["serve", configPath, "--experimental", "--control-fd=3"], {
    stdio: ["ignore", "pipe", "pipe", "pipe"],
    env: { ...process.env, ...environment },
  });
  let stdout = "";
  let stderr = "";
  child.stdout?.on("data", (bytes: Buffer) => {
    stdout += bytes.toString();
  });
  child.stderr?.on("data", (bytes: Buffer) => {
    stderr += bytes.toString();
  });
  const exited = new Promise<void>((settle) => child.once("exit", () => settle()));
  const control = child.stdio[3] as Readable; // asked for as a pipe above
  const ports = new Map<string, number>();
  await new Promise<void>((settle, reject) => {
    let told = "";
    control.on("data", (bytes: Buffer) => {
      told += bytes.toString();
      for (const [, name = "", port] of told.matchAll(/"socket":\s*"([\w-]+)",\s*"port":\s*(\d+)/g)) ports.set(name, Number(port));
      if (sockets.every((name) => ports.has(name))) settle();
    });
    child.once("exit", () => reject(new Error(`workerd ended: ${stderr}`)));
  });
  return {
    ports,
    stdout: () => stdout,
    stderr: () => stderr,
    stop: async () => {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

/** The binary that comes with wrangler. */
function workerdPath(): string {
  const path: unknown = createRequire(createRequire(import.meta.url).resolve("wrangler"))("workerd").default;
  if (typeof path !== "string") throw new Error("wrangler brings no workerd");
  return path;
}
