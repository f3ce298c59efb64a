import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { generatedFiles } from "./generated-files.ts";

// Writes the CRDs and the generated pages of docs; with --check only compares, and exits 1 when something is stale.
const root = resolve(import.meta.dirname, "..");
const check = process.argv.includes("--check");
const stale: string[] = [];

for (const [path, text] of generatedFiles()) {
  const file = resolve(root, path);
  if (currentText(file) === text) continue;
  stale.push(path);
  if (check) continue;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

for (const path of stale) console.log(`${check ? "stale" : "written"}: ${path}`);
if (stale.length === 0) console.log("generated files are up to date");
if (check && stale.length > 0) process.exitCode = 1;

function currentText(file: string): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return null;
  }
}
