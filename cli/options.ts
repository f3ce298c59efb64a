import { type ParseArgsConfig, parseArgs } from "node:util";
import { createFileSource } from "../adapters/config/files.ts";
import { PLATFORMS } from "../adapters/config/platforms.ts";
import { nodeClock } from "../adapters/knative/node-clock.ts";
import type { ManifestSource, Platform } from "../src/index.ts";
import { CliError, EXIT } from "./exit.ts";
import { warn } from "./terminal.ts";

type OptionTable = NonNullable<ParseArgsConfig["options"]>;

/** Parses a command's arguments; a mistake becomes a `CliError` that names it. */
export function parseOptions<Table extends OptionTable>(args: readonly string[], options: Table, allowPositionals: boolean) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals, strict: true });
  } catch (error) {
    const mistake = error instanceof Error ? error.message.replace(/\. To specify.*/s, "").replace(/\.?(\n.*)?$/s, "") : "bad usage";
    const [, word = null] = /^Unknown option '(--[^']+)'/.exec(mistake) ?? [];
    const known = Object.keys(options).map((name) => `--${name}`);
    throw new CliError(`${mistake}: --help tells the options`, EXIT.usage, word === null ? null : { word, known });
  }
}

/** The manifests to read: `--manifests` as often as wanted, else `SPILLWAY_MANIFESTS`, colon-separated. */
export function manifestPaths(given: readonly string[] | undefined): readonly string[] {
  const paths = givenPaths(given);
  if (paths.length === 0) throw new CliError("no manifests: name a file or folder with --manifests, or in SPILLWAY_MANIFESTS");
  return paths;
}

/** The same, where there may be none. */
export function givenPaths(given: readonly string[] | undefined): readonly string[] {
  return given !== undefined && given.length > 0 ? given : (process.env["SPILLWAY_MANIFESTS"] ?? "").split(":").filter((path) => path !== "");
}

/** The manifests for commands that look once: those of a cluster, or files. */
export async function readManifests(isCluster: boolean, given: readonly string[]): Promise<readonly ManifestSource[]> {
  if (!isCluster) return createFileSource({ paths: manifestPaths(given) }).read();
  if (given.length > 0) throw new CliError("either --kubernetes or files: one of the two says what there is");
  // The Kubernetes client is heavy, and files need none of it.
  const { readCluster } = await import("../adapters/kubernetes/read-cluster.ts");
  return readCluster({ environment: process.env, clock: nodeClock, onNotice: (message) => warn(`spillway: kubernetes: ${message}`) });
}

/** A TCP port, 0 meaning a free one. */
export function parsePort(text: string, name: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new CliError(`${name} must be a port from 0 to 65535, not "${text}"`);
  return port;
}

/** Seconds, as whole or broken number; gives milliseconds. */
export function parseSeconds(text: string, name: string): number {
  const seconds = Number(text);
  if (text.trim() === "" || !Number.isFinite(seconds) || seconds < 0 || seconds > 86_400)
    throw new CliError(`${name} must be seconds from 0 to 86400, not "${text}"`);
  return seconds * 1000;
}

/** The platform to compile for; left out: Node. */
export function parsePlatform(text: string | undefined): Platform {
  const platform = Object.values(PLATFORMS).find(({ name }) => name === (text ?? "knative"));
  if (platform === undefined) throw new CliError(`--platform takes ${Object.keys(PLATFORMS).join(", ")}, not "${text}"`);
  return platform;
}
