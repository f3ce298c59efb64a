import { spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { ProviderOptions } from "../providers/provider-server.ts";
import { stopProcess } from "./stop-process.ts";

const MAIN = fileURLToPath(new URL("../providers/main.ts", import.meta.url));

/** Where one demo provider listens. */
export interface ProviderPlace {
  readonly name: string;
  readonly port: number;
  readonly controlPort: number;
}

export interface ProviderProcess {
  readonly places: readonly ProviderPlace[];
  stop(): Promise<void>;
}

/** Starts one process with these demo providers. `optionsFile` is written, readable by this user only, because it holds keys. Rejects when a provider cannot start. */
export async function startProviderProcess(providers: readonly ProviderOptions[], optionsFile: string): Promise<ProviderProcess> {
  await writeFile(optionsFile, JSON.stringify(providers), { mode: 0o600 });
  const child = spawn(process.execPath, [MAIN, optionsFile], { stdio: ["pipe", "pipe", "inherit"] });
  const places = await new Promise<readonly ProviderPlace[]>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", () => reject(new Error("a demo provider could not start: see the line above")));
    // The one line that main.ts prints.
    createInterface({ input: child.stdout }).once("line", (line) => resolve((JSON.parse(line) as { readonly ready: readonly ProviderPlace[] }).ready));
  });
  return { places, stop: () => stopProcess(child) };
}
