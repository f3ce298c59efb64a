import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Weights } from "./bundle-weights.ts";
import { nameOf, readLockfile } from "./lockfile.ts";

const RULE = "-".repeat(80);

/** The notices that the licences ask for: of every package of which something is in the bundles, sorted by path. Most permit nothing without theirs. */
export function thirdPartyLicences(root: string, weights: Readonly<Record<string, Weights>>): string {
  const { packages } = readLockfile();
  const bundled = Object.entries(weights).flatMap(([path, { node, lambda }]) => (node === undefined && lambda === undefined ? [] : [path]));
  const texts = bundled.map((path) => {
    const files = readdirSync(join(root, path)).filter((name) => /^(?:licen[cs]e|copying|notice)/i.test(name));
    const notices = files.sort().map((name) => readFileSync(join(root, path, name), "utf8").trim());
    const { version = "", license = "" } = packages[path] ?? {};
    return [`${RULE}\n${nameOf(path)} ${version}, under ${license}\n${RULE}`, ...notices].join("\n\n");
  });
  return `Spillway holds parts of the packages below, each under its own licence.\n\n${texts.join("\n\n")}\n`;
}
