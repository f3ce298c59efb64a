import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const BINARY = resolve(import.meta.dirname, "../../dist/spillway.js");

/** A broker as users run it: the built command in a process of its own. */
export interface BrokerProcess {
  readonly url: string;
  readonly pid: number;
  /** Folder of the manifests, to be edited while it runs. */
  readonly folder: string;
  /** Access-log lines so far, parsed. */
  calls(): readonly Record<string, unknown>[];
  /** Waits for an access-log line that satisfies the test; rejects after 20 s. */
  call(matches: (line: Record<string, unknown>) => boolean): Promise<Record<string, unknown>>;
  stderr(): string;
  stdout(): string;
  /** Waits until standard error says so; rejects after 20 s. */
  says(text: string | RegExp): Promise<void>;
  /** Sends SIGTERM and waits; gives the exit code. */
  stop(): Promise<number | null>;
  readonly child: ChildProcess;
}

export interface BrokerProcessOptions {
  readonly manifests: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  /** Another command than the one of this build: one that was installed. */
  readonly binary?: string;
}

/** Starts `dist/spillway.js serve` on a free port with the manifests in a temporary folder. */
export async function startBroker(options: BrokerProcessOptions): Promise<BrokerProcess> {
  const folder = await mkdtemp(join(tmpdir(), "spillway-test-"));
  await writeFile(join(folder, "manifests.yaml"), options.manifests);
  const child = spawn(process.execPath, [options.binary ?? BINARY, "serve", "--manifests", folder, "--port", "0", ...(options.args ?? [])], {
    // A machine that runs tests is late for reasons of its own: a test of overload switches it on.
    env: { PATH: process.env["PATH"] ?? "", METADATA_SERVER_DETECTION: "none", AWS_EC2_METADATA_DISABLED: "true", SPILLWAY_OVERLOAD: "off", ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  const listeners = new Set<() => void>();
  const changed = () => {
    for (const listener of listeners) listener();
  };
  child.stdout.on("data", (bytes: Buffer) => {
    stdout += bytes.toString();
    changed();
  });
  child.stderr.on("data", (bytes: Buffer) => {
    stderr += bytes.toString();
    changed();
  });
  const exited = new Promise<number | null>((settle) =>
    child.once("exit", (code) => {
      settle(code);
      changed();
    }),
  );

  function until<T>(look: () => T | undefined, what: string, ms: number): Promise<T> {
    return new Promise((settle, reject) => {
      const check = () => {
        const found = look();
        if (found !== undefined) finish(() => settle(found));
        else if (child.exitCode !== null) finish(() => reject(new Error(`the broker ended (${child.exitCode}) before ${what}\n${stderr}`)));
      };
      const timer = setTimeout(() => finish(() => reject(new Error(`no ${what} within ${ms} ms\n${stderr}\n${stdout}`))), ms);
      const finish = (act: () => void) => {
        clearTimeout(timer);
        listeners.delete(check);
        act();
      };
      listeners.add(check);
      check();
    });
  }

  const calls = () =>
    stdout
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      // Events stand between them.
      .filter((line) => line["msg"] === "egress");
  const url = await until(() => /listening on (http:\S+)/.exec(stderr)?.[1], "listening line", 45_000);
  return {
    url,
    pid: child.pid ?? 0,
    folder,
    child,
    calls,
    call: (matches) => until(() => calls().find(matches), "matching access-log line", 20_000),
    stderr: () => stderr,
    stdout: () => stdout,
    says: async (text) => {
      await until(() => (typeof text === "string" ? stderr.includes(text) : text.test(stderr)) || undefined, `"${text}" on stderr`, 20_000);
    },
    stop: async () => {
      if (child.exitCode === null) child.kill("SIGTERM");
      const code = await exited;
      await rm(folder, { recursive: true, force: true });
      return code;
    },
  };
}
